"""People of an issuer outside, at the command line: its keys over https, its names and roles in the audit log."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from foreign_issuer import ISSUER, Foreign, serving
from loop_support import POLICY, Said, run

from governance.access.syops import procedures
from infra.clock import utc_now

Typed = Callable[..., Said]


@pytest.fixture(scope="module")
def foreign() -> Foreign:
    return Foreign()


@pytest.fixture(scope="module")
def typed(foreign: Foreign, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Typed]:
    """Type a command with a token, where tokens of the issuer outside are taken."""
    folder = tmp_path_factory.mktemp("foreign")
    (folder / "policy.yaml").write_text(yaml.safe_dump(POLICY))
    with serving(foreign, folder) as (url, certificate):
        given = {
            "FINDPROFILE_OIDC_ISSUER": ISSUER,
            "FINDPROFILE_OIDC_JWKS": url,
            "FINDPROFILE_OIDC_AUDIENCE": "findprofile",
            "SSL_CERT_FILE": str(certificate),
        }

        def command(token: str, *arguments: str) -> Said:
            return run(folder / "home", *arguments, token=token, **given)

        assert command(_token(foreign), "syops", "accept", "--version", procedures().version).code == 0
        yield command


def _token(foreign: Foreign, **changed: object) -> str:
    return foreign.token(utc_now(), **{"roles": ["governance"], "rocus": ["nwrocu"], **changed})


def _load(typed: Typed, token: str, rocu: str = "nwrocu") -> Said:
    file = Path(__file__).parents[2] / "governance" / "policies" / "vast.yaml"
    return typed(token, "policy", "load", str(file), "--rocu", rocu)


def test_who_the_issuer_says_it_is_acts_and_is_in_the_log(typed: Typed, foreign: Foreign) -> None:
    assert _load(typed, _token(foreign, jti="t2")).code == 0
    auditor = _token(foreign, sub="77", name="Ada Moss", roles=["auditor"], jti="t3")
    assert typed(auditor, "syops", "accept", "--version", procedures().version).code == 0
    rows = typed(auditor, "audit", "search", "--action", "policy.load", "--rocu", "nwrocu", "--json").data
    assert (rows[-1]["outcome"], rows[-1]["actor_name"], rows[-1]["actor"]) == ("done", "Sam Example", "8472")


def test_a_name_that_changed_is_the_same_person(typed: Typed, foreign: Foreign) -> None:
    assert _load(typed, _token(foreign, name="Samantha Example", jti="t4")).code == 0


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"rocus": ["yhrocu"]}, "nwrocu"),
        ({"roles": ["operator"]}, "policy.load"),
        ({"roles": ["superuser"]}, "policy.load"),
        ({"aud": "elsewhere"}, "meant for"),
        ({"iss": "https://other.example"}, f"not from the issuer {ISSUER}"),
        ({"exp": (utc_now() - timedelta(minutes=2)).timestamp()}, "expired"),
        ({"sub": "9999"}, "operating procedures"),
    ],
)
def test_what_the_issuer_did_not_give_is_refused(
    typed: Typed, foreign: Foreign, changed: dict[str, object], said: str
) -> None:
    token = _token(foreign, **changed)
    if "sub" not in changed:
        typed(token, "syops", "accept", "--version", procedures().version)
    refused = _load(typed, token)
    assert refused.code == 1, refused.out
    assert said in refused.err
    assert "what to do:" in refused.err


def test_a_forged_token_and_one_of_the_embedded_issuer_are_refused(
    typed: Typed, foreign: Foreign, tmp_path: Path
) -> None:
    given = ("token", "issue", "--name", "Sam Example", "--role", "governance", "--rocu", "nwrocu")
    embedded = _load(typed, run(tmp_path / "home", *given).out.strip())
    assert (embedded.code, "does not publish" in embedded.err) == (1, True)
    forged = _load(typed, _token(Foreign()))
    assert (forged.code, "signature" in forged.err) == (1, True)
    silent = typed(_token(foreign), *given)
    assert silent.code == 1
    assert ISSUER in silent.err
