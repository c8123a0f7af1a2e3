from __future__ import annotations

import hashlib
import hmac
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.engine import open_engine
from infra.errors import WrongInputError
from infra.pseudonyms import Pseudonymiser, load_pseudonymiser
from infra.settings import Settings

PSEUDONYMISER = Pseudonymiser("nwrocu", bytes(range(200, 232)))
ENGINE = duckdb.connect()
PSEUDONYMISER.install(ENGINE)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=80)


def _in_sql(texts: list[str]) -> list[str]:
    rows = ENGINE.execute(
        f"SELECT {PSEUDONYMISER.sql('t')} FROM (SELECT unnest(?::VARCHAR[]) AS t)", [texts]
    ).fetchall()
    return [row[0] for row in rows]


def test_a_token_is_the_first_128_bits_of_the_hmac_in_consonants() -> None:
    digest = hmac.digest(PSEUDONYMISER.key, b"AB12CDE", "sha256")
    spelled = "".join("bcdfghjklmnpqrst"[int(digit, 16)] for digit in digest[:16].hex())
    assert PSEUDONYMISER.token("AB12CDE") == spelled


def test_the_hmac_is_the_published_one() -> None:
    # RFC 4231, test case 2
    published = "5bdcc146bf60754e6a042426089575c7"
    known = Pseudonymiser("any", b"Jefe")
    assert known.token("what do ya want for nothing?") == published.translate(
        str.maketrans("0123456789abcdef", "bcdfghjklmnpqrst")
    )


@settings(deadline=None)
@given(texts=st.lists(TEXT, min_size=1, max_size=20))
def test_sql_and_python_give_the_same_token_for_any_text(texts: list[str]) -> None:
    assert _in_sql(texts) == [PSEUDONYMISER.token(text) for text in texts]


@settings(max_examples=30, deadline=None)
@given(key=st.binary(min_size=1, max_size=64), text=TEXT)
def test_sql_and_python_agree_for_any_key(key: bytes, text: str) -> None:
    pseudonymiser = Pseudonymiser("tarian", key)
    pseudonymiser.install(ENGINE)
    answer = ENGINE.execute(f"SELECT {pseudonymiser.sql('?::VARCHAR')}", [text]).fetchone()
    assert answer == (
        hmac.new(key, text.encode(), hashlib.sha256)
        .hexdigest()[:32]
        .translate(str.maketrans("0123456789abcdef", "bcdfghjklmnpqrst")),
    )


def test_null_has_no_token() -> None:
    assert ENGINE.execute(f"SELECT {PSEUDONYMISER.sql('NULL')}").fetchone() == (None,)


def test_one_vehicle_has_another_token_in_another_rocu(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    here, there = load_pseudonymiser(settings, "nwrocu"), load_pseudonymiser(settings, "tarian")
    assert here.token("AB12CDE") == load_pseudonymiser(settings, "nwrocu").token("AB12CDE")
    assert here.token("AB12CDE") != there.token("AB12CDE")


def test_two_rocus_work_on_one_connection(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    engine = open_engine(settings)
    both = [load_pseudonymiser(settings, rocu) for rocu in ("nwrocu", "tarian")]
    for pseudonymiser in both:
        pseudonymiser.install(engine)
    answer = engine.execute(f"SELECT {both[0].sql(chr(39) + 'A1' + chr(39))}, {both[1].sql(chr(39) + 'A1' + chr(39))}")
    assert answer.fetchone() == (both[0].token("A1"), both[1].token("A1"))


@pytest.mark.parametrize("statement", ["SELECT missing, {}", "SELECT {}, error('no')", "SELECT {} + 1", "SELEC {}"])
def test_the_key_is_in_no_statement_and_no_error(statement: str) -> None:
    pads = {bytes(byte ^ mask for byte in PSEUDONYMISER.key) for mask in (0, 0x36, 0x5C)}
    text = statement.format(PSEUDONYMISER.sql("'AB12CDE'"))
    with pytest.raises(duckdb.Error) as caught:
        ENGINE.execute(text).fetchall()
    shown = text + str(caught.value) + repr(PSEUDONYMISER)
    for pad in pads:
        assert pad.hex() not in shown.lower()
        assert repr(pad)[2:-1] not in shown


def test_an_expression_without_its_install_is_an_error_and_never_a_wrong_token() -> None:
    with pytest.raises(duckdb.CatalogException, match="vehicle_token_nwrocu"):
        duckdb.connect().execute(f"SELECT {PSEUDONYMISER.sql(chr(39) + 'A1' + chr(39))}")


def test_an_installed_key_is_not_kept_in_a_database_file(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    path = tmp_path / "kept.duckdb"
    engine = open_engine(settings, path)
    PSEUDONYMISER.install(engine)
    engine.execute(f"CREATE TABLE t AS SELECT {PSEUDONYMISER.sql(chr(39) + 'A1' + chr(39))} AS vehicle")
    engine.close()
    content = path.read_bytes()
    assert bytes(byte ^ 0x36 for byte in PSEUDONYMISER.key) not in content
    assert bytes(byte ^ 0x5C for byte in PSEUDONYMISER.key) not in content


@pytest.mark.parametrize("rocu", ["", "NWROCU", "nw rocu", "x; DROP TABLE t", "nw-rocu"])
def test_a_code_that_cannot_be_a_rocu_is_refused(tmp_path: Path, rocu: str) -> None:
    with pytest.raises(WrongInputError, match="not the code of a ROCU"):
        load_pseudonymiser(Settings(home=tmp_path), rocu)
