from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from foreign_issuer import Foreign, serving
from jwt.algorithms import OKPAlgorithm

from infra.errors import FaultError, RefusedError, WrongInputError
from infra.identity import Identity, issue_token, verify_token
from infra.settings import Settings

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


def _issue(settings: Settings, name: str = "Jo Bloggs", **changed: Any) -> str:
    given = {"roles": ["governance"], "rocus": ["nwrocu", "tarian"], "lifetime": DAY, "now": NOW, **changed}
    return issue_token(settings, name, **given)


def _resigned(settings: Settings, token: str, key: Any = None, kid: str | None = None, **changed: Any) -> str:
    """The same token with other claims, signed by the embedded key unless told otherwise; None takes a claim away."""
    header = jwt.get_unverified_header(token)
    claims = {**jwt.decode(token, options={"verify_signature": False}), **changed}
    signer = key or load_pem_private_key((settings.keys / "identity_issuer.pem").read_bytes(), None)
    kept = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(kept, signer, algorithm="EdDSA", headers={"kid": kid or header["kid"]})


def _unsigned(token: str, header: dict[str, str]) -> str:
    text = base64.urlsafe_b64encode(json.dumps(header).encode()).rstrip(b"=").decode()
    return f"{text}.{token.split('.')[1]}."


def test_a_token_proves_the_identity_that_it_was_issued_for(settings: Settings) -> None:
    identity = verify_token(settings, _issue(settings), NOW)
    assert identity == Identity(
        subject="embedded:jo bloggs",
        name="Jo Bloggs",
        roles=frozenset({"governance"}),
        rocus=frozenset({"nwrocu", "tarian"}),
        token_id=identity.token_id,
        issuer="findprofile-embedded",
        issued_at=NOW,
        expires_at=NOW + DAY,
    )
    assert len(identity.token_id) == 32


@pytest.mark.parametrize(
    "other",
    [
        "jo bloggs",
        "JO  BLOGGS ",
        "\uff2a\uff4f Bloggs",
        "J\u200bo Bloggs\u00ad",
        "\u202eJo \u2060 Bloggs",
        "Jo\x1b Bloggs",
    ],
)
def test_two_tokens_for_one_name_are_one_person(settings: Settings, other: str) -> None:
    first, second = (verify_token(settings, _issue(settings, name), NOW) for name in ("Jo Bloggs", other))
    assert first.subject == second.subject
    assert first.token_id != second.token_id


def test_a_token_holds_until_it_expires_and_not_a_second_longer(settings: Settings) -> None:
    token = _issue(settings)
    assert verify_token(settings, token, NOW + DAY - timedelta(seconds=1))
    with pytest.raises(RefusedError, match="expired at 2026-11-22 12:00:00 UTC"):
        verify_token(settings, token, NOW + DAY)


@pytest.mark.parametrize("claim", ["iat", "nbf"])
def test_a_token_from_the_future_is_refused(settings: Settings, claim: str) -> None:
    future = int((NOW + timedelta(minutes=5)).timestamp())
    with pytest.raises(RefusedError, match="not valid yet"):
        verify_token(settings, _resigned(settings, _issue(settings), **{claim: future}), NOW)


def test_a_forged_signature_is_refused(settings: Settings) -> None:
    forged = _resigned(settings, _issue(settings), key=ed25519.Ed25519PrivateKey.generate(), roles=["operator"])
    with pytest.raises(RefusedError, match="signature is not that of its issuer"):
        verify_token(settings, forged, NOW)


def test_claims_changed_after_signing_are_refused(settings: Settings) -> None:
    head, body, signature = _issue(settings).split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    claims["roles"] = ["operator"]
    changed = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    with pytest.raises(RefusedError, match="signature is not that of its issuer"):
        verify_token(settings, f"{head}.{changed}.{signature}", NOW)


def test_a_key_that_the_issuer_does_not_publish_is_refused(settings: Settings) -> None:
    token = _resigned(settings, _issue(settings), kid="another")
    with pytest.raises(RefusedError, match="does not publish"):
        verify_token(settings, token, NOW)


def test_a_token_of_another_installation_is_refused(settings: Settings, tmp_path: Path) -> None:
    elsewhere = Settings(home=tmp_path / "elsewhere")
    with pytest.raises(RefusedError, match="does not publish"):
        verify_token(settings, _issue(elsewhere), NOW)
    _issue(settings)
    with pytest.raises(RefusedError, match="does not publish"):
        verify_token(settings, _issue(elsewhere), NOW)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"oidc_issuer": "another"}, "not from the issuer another"),
        ({"oidc_audience": "another"}, "not meant for another"),
    ],
)
def test_a_token_for_another_place_is_refused(settings: Settings, changed: dict[str, str], reason: str) -> None:
    token = _issue(settings)
    with pytest.raises(RefusedError, match=reason):
        verify_token(Settings(home=settings.home, **changed), token, NOW)


@pytest.mark.parametrize("claim", ["iss", "aud", "sub", "name", "roles", "rocus", "iat", "exp", "jti"])
def test_a_token_without_a_claim_is_refused(settings: Settings, claim: str) -> None:
    with pytest.raises(RefusedError, match=f"lacks the claim {claim}"):
        verify_token(settings, _resigned(settings, _issue(settings), **{claim: None}), NOW)


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        ("roles", "governance"),
        ("roles", []),
        ("rocus", [1]),
        ("rocus", [""]),
        ("name", ""),
        ("exp", "soon"),
        ("exp", 1e300),
    ],
)
def test_a_claim_of_the_wrong_shape_is_refused(settings: Settings, claim: str, value: object) -> None:
    with pytest.raises(RefusedError, match=f"claim {claim} is not usable"):
        verify_token(settings, _resigned(settings, _issue(settings), **{claim: value}), NOW)


@pytest.mark.parametrize("algorithm", ["none", "None", "HS256", ""])
def test_an_unsigned_token_is_refused(settings: Settings, algorithm: str) -> None:
    token = _issue(settings)
    kid = jwt.get_unverified_header(token)["kid"]
    with pytest.raises(RefusedError, match="not signed with an algorithm that is taken"):
        verify_token(settings, _unsigned(token, {"alg": algorithm, "kid": kid}), NOW)


def test_a_token_signed_with_the_public_key_as_a_shared_secret_is_refused(settings: Settings) -> None:
    token = _issue(settings)
    secret = json.loads((settings.keys / "identity_jwks.json").read_text())["keys"][0]["x"].encode()
    forged = jwt.encode(
        jwt.decode(token, options={"verify_signature": False}),
        secret,
        algorithm="HS256",
        headers={"kid": jwt.get_unverified_header(token)["kid"]},
    )
    with pytest.raises(RefusedError, match="not signed with an algorithm that is taken"):
        verify_token(settings, forged, NOW)


def test_a_token_that_names_no_key_is_refused(settings: Settings) -> None:
    token = _issue(settings)
    with pytest.raises(RefusedError, match="does not name the key"):
        verify_token(settings, _unsigned(token, {"alg": "EdDSA"}), NOW)


@pytest.mark.parametrize("text", ["", "x", "a.b", "a.b.c", "é.é.é", "\udc80", "ey" * 50_000])
def test_a_text_that_is_no_token_is_refused_without_being_shown(settings: Settings, text: str) -> None:
    with pytest.raises(RefusedError, match="is not a signed token") as caught:
        verify_token(settings, text, NOW)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    "changed",
    [{"name": "  "}, {"roles": []}, {"roles": [""]}, {"rocus": []}, {"lifetime": timedelta(0)}, {"lifetime": -DAY}],
)
def test_a_token_for_nobody_or_for_no_time_is_not_issued(settings: Settings, changed: dict[str, Any]) -> None:
    with pytest.raises(WrongInputError, match="needs a name, a role, a ROCU and a lifetime"):
        _issue(settings, **changed)


def test_the_issuers_key_can_be_read_by_its_owner_alone(settings: Settings) -> None:
    _issue(settings)
    assert (settings.keys / "identity_issuer.pem").stat().st_mode & 0o777 == 0o600
    assert "PRIVATE" not in (settings.keys / "identity_jwks.json").read_text()


@pytest.fixture
def foreign() -> Foreign:
    return Foreign()


def _settings_for(jwks: object, tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", oidc_issuer="https://id.example", oidc_jwks=str(jwks))


def test_a_token_of_a_foreign_issuer_is_verified_with_its_key_file(foreign: Foreign, tmp_path: Path) -> None:
    (tmp_path / "jwks.json").write_text(json.dumps(foreign.jwks))
    identity = verify_token(_settings_for(tmp_path / "jwks.json", tmp_path), foreign.token(NOW), NOW)
    assert (identity.subject, identity.rocus, identity.issuer) == ("8472", frozenset({"*"}), "https://id.example")


def test_the_embedded_issuer_is_silent_where_another_is_configured(foreign: Foreign, tmp_path: Path) -> None:
    (tmp_path / "jwks.json").write_text(json.dumps(foreign.jwks))
    configured = _settings_for(tmp_path / "jwks.json", tmp_path)
    with pytest.raises(RefusedError, match=r"issued by https://id\.example, not here"):
        _issue(configured)
    assert not configured.keys.exists()
    embedded = Settings(home=tmp_path / "home", oidc_issuer="https://id.example")
    with pytest.raises(RefusedError, match="does not publish"):
        verify_token(configured, _issue(embedded), NOW)


def test_a_shared_secret_among_the_issuers_keys_is_never_used(foreign: Foreign, tmp_path: Path) -> None:
    secret = base64.urlsafe_b64encode(b"s" * 32).rstrip(b"=").decode()
    (tmp_path / "jwks.json").write_text(json.dumps({"keys": [{"kty": "oct", "k": secret, "kid": "k1"}]}))
    with pytest.raises(RefusedError, match="another algorithm than its key is for"):
        verify_token(_settings_for(tmp_path / "jwks.json", tmp_path), foreign.token(NOW), NOW)


def test_a_key_of_another_kind_is_refused(foreign: Foreign, tmp_path: Path) -> None:
    other = OKPAlgorithm.to_jwk(ed25519.Ed25519PrivateKey.generate().public_key(), as_dict=True)
    (tmp_path / "jwks.json").write_text(json.dumps({"keys": [{**other, "kid": "k1"}]}))
    with pytest.raises(RefusedError, match="another algorithm than its key is for"):
        verify_token(_settings_for(tmp_path / "jwks.json", tmp_path), foreign.token(NOW), NOW)


@pytest.mark.parametrize("content", [None, "", "{}", "[]", "not json", '{"keys": []}', '{"keys": [{"kty": "EC"}]}'])
def test_keys_that_cannot_be_had_are_a_fault(foreign: Foreign, tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "jwks.json").write_text(content)
    with pytest.raises(FaultError, match=r"keys of https://id\.example cannot be had"):
        verify_token(_settings_for(tmp_path / "jwks.json", tmp_path), foreign.token(NOW), NOW)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/jwks", "ftp://127.0.0.1/jwks"])
def test_keys_over_an_open_line_are_refused(foreign: Foreign, tmp_path: Path, url: str) -> None:
    with pytest.raises(WrongInputError, match="FINDPROFILE_OIDC_JWKS"):
        verify_token(_settings_for(url, tmp_path), foreign.token(NOW), NOW)


@pytest.fixture
def served(foreign: Foreign, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The https URL of the foreign issuer's keys, on a server whose certificate is trusted."""
    with serving(foreign, tmp_path) as (url, certificate):
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        yield url


def test_a_token_is_verified_with_keys_served_over_https(foreign: Foreign, served: str, tmp_path: Path) -> None:
    assert verify_token(_settings_for(served, tmp_path), foreign.token(NOW), NOW).subject == "8472"
    forged = Foreign().token(NOW)
    with pytest.raises(RefusedError, match="signature is not that of its issuer"):
        verify_token(_settings_for(served, tmp_path), forged, NOW)


def test_a_server_that_fails_or_is_not_trusted_or_not_there_is_a_fault(
    foreign: Foreign, served: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for url in (served + "/wrong", "https://127.0.0.1:1/jwks"):
        with pytest.raises(FaultError, match="cannot be had"):
            verify_token(_settings_for(url, tmp_path), foreign.token(NOW), NOW)
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(FaultError, match="cannot be had"):
        verify_token(_settings_for(served, tmp_path), foreign.token(NOW), NOW)


def test_a_file_in_the_place_of_the_published_key_makes_no_token_good(settings: Settings, tmp_path: Path) -> None:
    own, other = _issue(settings), Settings(home=tmp_path / "other")
    forged = _issue(other)
    shutil.copy(other.keys / "identity_jwks.json", settings.keys / "identity_jwks.json")
    assert verify_token(settings, own, NOW).subject
    with pytest.raises(RefusedError, match="does not publish"):
        verify_token(settings, forged, NOW)


def test_keys_given_by_the_environment_make_nobody_one_of_a_homes_own_people(
    settings: Settings, tmp_path: Path
) -> None:
    other = Settings(home=tmp_path / "other")
    forged = _issue(other)
    given = settings.model_copy(update={"oidc_jwks": str(other.keys / "identity_jwks.json")})
    assert verify_token(given, forged, NOW).subject.startswith("embedded:")  # this home has given nobody a token
    _issue(settings)
    with pytest.raises(RefusedError, match="make nobody one of those"):
        verify_token(given, forged, NOW)
