"""Who acts: signed tokens in the shape of OpenID Connect, issued here for the embedded default and verified for all.

Belongs here: the embedded issuer and the verification against the issuer's public keys. Does not: what a role may do
(permissions). A token that is expired, forged, or meant for another place is refused, each with its own reason.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from jwt.algorithms import OKPAlgorithm
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from infra.errors import FaultError, RefusedError, WrongInputError
from infra.keys import key_file, private_pem
from infra.lake import write_text
from infra.settings import Settings

ALGORITHMS = ("EdDSA", "ES256", "ES384", "ES512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
CLAIMS = ("iss", "aud", "sub", "name", "roles", "rocus", "iat", "exp", "jti")
CLOCK_SKEW = timedelta(seconds=30)
_FETCH_SECONDS = 10
_JWKS_FILE = "identity_jwks.json"
_ISSUER_KEY = "identity_issuer.pem"
EMBEDDED = "embedded:"
_NEW_TOKEN = "Get a new token (embedded issuer: findprofile token issue) and set FINDPROFILE_TOKEN to it."  # noqa: S105 an instruction

_Text = Annotated[str, Field(min_length=1)]


@dataclass(frozen=True)
class Identity:
    """A verified person (or service) and what the issuer says about them.

    Args:
        subject: The issuer's own name for the person; two identities with one subject are one person.
        name: The name for people to read.
        roles: Roles as the issuer gave them.
        rocus: Codes of the ROCUs that the roles hold for; `*` stands for all.
        token_id: The token's own id, for the audit log.
        issuer: Who says so.
        issued_at: When the token was issued, UTC.
        expires_at: From when on the token is worth nothing, UTC.
        key_id: Which of the issuer's keys signed the token.
    """

    subject: str
    name: str
    roles: frozenset[str]
    rocus: frozenset[str]
    token_id: str
    issuer: str
    issued_at: datetime
    expires_at: datetime
    key_id: str = field(default="", compare=False)


class _Claims(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    iss: _Text
    sub: _Text
    name: _Text
    roles: Annotated[list[_Text], Field(min_length=1)]
    rocus: Annotated[list[_Text], Field(min_length=1)]
    iat: Annotated[float, Field(ge=0, le=1e11)]
    exp: Annotated[float, Field(ge=0, le=1e11)]
    nbf: Annotated[float, Field(ge=0, le=1e11)] | None = None
    jti: _Text


def issue_token(
    settings: Settings, name: str, roles: Collection[str], rocus: Collection[str], lifetime: timedelta, now: datetime
) -> str:
    """Issue a token by the embedded issuer, whose key is made on first use.

    Args:
        settings: Gives the key folder, the issuer's name and the audience.
        name: The person's name; case, spacing, ways of writing one letter and characters that
            nobody sees make no second person of it.
        roles: At least one.
        rocus: At least one code, or `*`.
        lifetime: How long the token holds.
        now: Time of issue.

    Raises:
        RefusedError: Another issuer is configured; then tokens come from there.
        WrongInputError: The name, roles, ROCUs or lifetime are empty.
    """
    if settings.oidc_jwks is not None:
        raise RefusedError(
            f"Tokens are issued by {settings.oidc_issuer}, not here.",
            "Get the token there, or unset FINDPROFILE_OIDC_JWKS to use the embedded issuer.",
        )
    shown = _shown(name)
    if not shown or not roles or not rocus or lifetime <= timedelta(0) or "" in {*roles, *rocus}:
        raise WrongInputError(
            "A token needs a name, a role, a ROCU and a lifetime.", "Give each of them, the lifetime above zero."
        )
    key = _embedded_key(settings)
    kid = _publish_key(settings, key)
    claims = {
        "iss": settings.oidc_issuer,
        "aud": settings.oidc_audience,
        "sub": embedded_subject(name),
        "name": shown,
        "roles": sorted(set(roles)),
        "rocus": sorted(set(rocus)),
        "iat": int(now.timestamp()),
        "exp": int((now + lifetime).timestamp()),
        "jti": secrets.token_hex(16),
    }
    return jwt.encode(claims, key, algorithm="EdDSA", headers={"kid": kid})


def embedded_subject(name: str) -> str:
    """The subject of a person of this name, as the embedded issuer makes it."""
    return f"{EMBEDDED}{_shown(name).casefold()}"


def _shown(name: str) -> str:
    # what nobody sees makes no second person, and what a terminal obeys makes no name
    words = unicodedata.normalize("NFKC", name).split()
    shown = " ".join("".join(one for one in word if unicodedata.category(one) not in ("Cc", "Cf")) for word in words)
    return " ".join(shown.split())


def verify_token(settings: Settings, token: str, now: datetime) -> Identity:
    """The identity that a token proves.

    Args:
        settings: Gives issuer, audience and where the issuer's public keys are.
        token: The token as text.
        now: The time to verify for.

    Raises:
        RefusedError: The token is not one, is signed by another key or by an algorithm that is not taken, is expired or
            not yet valid, lacks a claim, is from another issuer or for another audience, or is from an issuer elsewhere
            for somebody of this home's own.
        FaultError: The issuer's keys cannot be had.
        WrongInputError: The setting that says where the keys are is neither a file nor an https URL.
    """
    key = _signing_key(settings, _header(token))
    claims = _read_claims(_verified_payload(settings, token, key))
    if settings.oidc_jwks is not None and claims.sub.startswith(EMBEDDED) and _has_issuer(settings):
        raise _refused(f"The keys of {claims.iss} make nobody one of those to whom this home has given tokens itself.")
    issued_at, expires_at = _moment(claims.iat), _moment(claims.exp)
    if now >= expires_at:
        raise _refused(f"The token expired at {expires_at:%Y-%m-%d %H:%M:%S} UTC.")
    if max(claims.iat, claims.nbf or 0) > (now + CLOCK_SKEW).timestamp():
        raise _refused("The token is not valid yet.")
    return Identity(
        subject=claims.sub,
        name=claims.name,
        roles=frozenset(claims.roles),
        rocus=frozenset(claims.rocus),
        token_id=claims.jti,
        issuer=claims.iss,
        issued_at=issued_at,
        expires_at=expires_at,
        key_id=str(key.key_id),
    )


def _refused(reason: str) -> RefusedError:
    return RefusedError(reason, _NEW_TOKEN)


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _header(token: str) -> dict[str, Any]:
    try:
        header = jwt.get_unverified_header(token)
    except (jwt.InvalidTokenError, UnicodeError):
        raise _refused("The token is not a signed token.") from None
    if header.get("alg") not in ALGORITHMS:
        raise _refused("The token is not signed with an algorithm that is taken.")
    if not isinstance(header.get("kid"), str):
        raise _refused("The token does not name the key that signed it.")
    return header


def _verified_payload(settings: Settings, token: str, key: jwt.PyJWK) -> dict[str, Any]:
    # the times are compared with `now` above, not with the clock of the library
    unclocked = {"verify_exp": False, "verify_iat": False, "verify_nbf": False, "require": list(CLAIMS)}
    try:
        return jwt.decode(
            token,
            key,
            algorithms=ALGORITHMS,
            audience=settings.oidc_audience,
            issuer=settings.oidc_issuer,
            options=unclocked,  # type: ignore[arg-type]
        )
    except jwt.MissingRequiredClaimError as error:
        raise _refused(f"The token lacks the claim {error.claim}.") from None
    except jwt.InvalidIssuerError:
        raise _refused(f"The token is not from the issuer {settings.oidc_issuer}.") from None
    except jwt.InvalidAudienceError:
        raise _refused(f"The token is not meant for {settings.oidc_audience}.") from None
    except jwt.InvalidTokenError:
        raise _refused("The token's signature is not that of its issuer.") from None


def _read_claims(payload: dict[str, Any]) -> _Claims:
    try:
        return _Claims.model_validate(payload)
    except ValidationError as error:
        names = sorted({str(problem["loc"][0]) for problem in error.errors()})
        raise _refused(f"The token's claim {', '.join(names)} is not usable.") from None


def _signing_key(settings: Settings, header: dict[str, Any]) -> jwt.PyJWK:
    found = next((key for key in _issuer_keys(settings) if key.key_id == header["kid"]), None)
    if found is None:
        where = "" if settings.oidc_jwks else f" (home: {settings.root})"
        raise _refused(f"The token is signed with a key that {settings.oidc_issuer} does not publish{where}.")
    if found.algorithm_name not in ALGORITHMS or found.algorithm_name != header["alg"]:
        raise _refused("The token is signed with another algorithm than its key is for.")
    return found


def _issuer_keys(settings: Settings) -> list[jwt.PyJWK]:
    source = settings.oidc_jwks
    try:
        if source is not None and source.startswith("https://"):
            return jwt.PyJWKClient(source, cache_jwk_set=False, timeout=_FETCH_SECONDS).get_signing_keys()
        if source is not None and "://" in source:
            raise WrongInputError(
                "The issuer's keys are neither a file nor an https URL.", "Correct FINDPROFILE_OIDC_JWKS."
            )
        if source is None and _has_issuer(settings):
            # what is published is for others; a file in its place makes no token good
            return jwt.PyJWKSet([_public_jwk(_embedded_key(settings))]).keys
        path = Path(source) if source is not None else settings.keys / _JWKS_FILE
        if source is None and not path.exists():
            return []
        return jwt.PyJWKSet.from_json(path.read_text(encoding="utf-8")).keys
    except (jwt.PyJWTError, OSError, ValueError, AttributeError):
        raise FaultError(
            f"The keys of {settings.oidc_issuer} cannot be had.",
            "Check FINDPROFILE_OIDC_JWKS and that the issuer answers, and run the same command again.",
        ) from None


def _has_issuer(settings: Settings) -> bool:
    return (settings.keys / _ISSUER_KEY).exists()


def _embedded_key(settings: Settings) -> ed25519.Ed25519PrivateKey:
    path = key_file(settings, _ISSUER_KEY, lambda: private_pem(ed25519.Ed25519PrivateKey.generate()))
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except ValueError:
        key = None
    if not isinstance(key, ed25519.Ed25519PrivateKey):
        raise WrongInputError("The embedded issuer's key is not an Ed25519 key.", f"Restore {path}.")
    return key


def _public_jwk(key: ed25519.Ed25519PrivateKey) -> dict[str, str]:
    public = OKPAlgorithm.to_jwk(key.public_key(), as_dict=True)
    thumbprint = {name: public[name] for name in ("crv", "kty", "x")}  # RFC 7638
    digest = hashlib.sha256(json.dumps(thumbprint, sort_keys=True, separators=(",", ":")).encode()).digest()
    kid = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return {**thumbprint, "use": "sig", "alg": "EdDSA", "kid": kid}


def _publish_key(settings: Settings, key: ed25519.Ed25519PrivateKey) -> str:
    public = _public_jwk(key)
    text, path = json.dumps({"keys": [public]}, indent=2), settings.keys / _JWKS_FILE
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        write_text(path, text)
    return public["kid"]
