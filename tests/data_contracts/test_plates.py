from __future__ import annotations

import csv
from datetime import date
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_contracts.plates.grammar import (
    CONFUSIONS,
    Plate,
    age_identifier_valid,
    clean,
    confusable,
    normalise,
    plate_format,
    reads_as_plate,
)
from data_contracts.plates.macros import plate_macros

TODAY = date(2026, 11, 21)
VECTORS = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "plates" / "vectors.csv"
FORMAT_OF_QUESTION = {
    "dateless (1903)": "dateless",
    "dateless (1932)": "dateless",
    "NI 1903": "ni",
    "NI 1966": "ni",
}
# each of these is argued in docs/decisions/0003
DECIDED_AGAINST = {
    ("ABC1", "DEFRA"),
    ("AB1", "DEFRA"),
    ("A1", "DEFRA"),
    ("abc123", "DEFRA"),
    ("a123bcd", "DEFRA"),
    ("ab12cde", "DEFRA"),
    ("AB1CDE", "DEFRA"),
    ("AB123CDE", "DEFRA"),
    ("BD50 SMR", "TimTaylor"),
}
ENGINE = duckdb.connect()
plate_macros(ENGINE)

DATES = st.dates(date(2000, 1, 1), date(2051, 12, 31))
PLATE_LIKE = st.text("ABDIOQXZ01239 -", max_size=9)
VALID = st.sampled_from(
    [
        "LO07OOA",
        "AB10CDE",
        "EO16UHF",
        "AB51ABC",
        "A1ABC",
        "O10ABC",
        "R101OOB",
        "ABO101D",
        "OOO11D",
        "Q10ABC",
        "101D010",
        "10OO01",
        "AO10BO",
        "O1",
        "AO10",
        "OOA101",
        "1O",
        "1010OB",
        "101OOB",
        "AI1010",
        "OIO100",
        "10IO",
        "10010",
    ]
).filter(lambda text: plate_format(text, TODAY) != "unknown")


def _vectors() -> list[dict[str, str]]:
    if not VECTORS.exists():
        return []
    with VECTORS.open(encoding="utf-8", newline="") as stream:
        return [
            row for row in csv.DictReader(stream) if (row["input"], row["source"].split("/")[0]) not in DECIDED_AGAINST
        ]


def _asked(question: str) -> list[dict[str, str]]:
    return [row for row in _vectors() if row["question"].startswith(question)]


def _in_sql(expression: str, *values: object) -> object:
    row = ENGINE.execute(f"SELECT {expression}", list(values)).fetchone()
    assert row is not None
    return row[0]


@pytest.mark.parametrize("where", [VECTORS if VECTORS.exists() else f"no reference vectors at {VECTORS}"], ids=str)
def test_the_reference_vectors_are_there_or_are_said_to_be_absent(where: Path | str) -> None:
    assert len(_vectors()) == (195 if isinstance(where, Path) else 0)


def test_a_text_is_a_registration_where_the_validators_say_so() -> None:
    wrong = [row for row in _asked("is a UK") if (_format_now(row["input"]) != "unknown") != (row["answer"] == "valid")]
    assert wrong == []


def test_a_text_has_the_format_that_the_validators_say_it_has() -> None:
    asked = _asked("parse as")
    named = [row for row in _asked("is a UK") if row["answer"] == "valid" and row["format"]]
    wrong = [row for row in asked if (_format_now(row["input"]) == _wanted(row)) != (row["answer"] == "valid")]
    wrong += [row for row in named if _format_now(row["input"]) != row["format"]]
    assert wrong == []


def test_a_text_is_repaired_as_the_validators_repair_it() -> None:
    for row in _asked("coerce"):
        plate = normalise(row["input"], TODAY)
        repaired = plate.vrm if plate.plate_format != "unknown" else "no candidate"
        assert repaired == row["answer"], row
    for row in _asked("candidates"):
        assert normalise(row["input"], TODAY).vrm in row["answer"].split("|")
        assert row["note"].endswith(str(normalise(row["input"], TODAY).vrm))


def _format_now(text: str) -> str:
    return plate_format(clean(text), TODAY)


def _wanted(row: dict[str, str]) -> str:
    asked = row["question"].removeprefix("parse as ")
    return FORMAT_OF_QUESTION.get(asked, asked)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("AB12CDE", "current"),
        ("YZ12CDE", "unknown"),
        ("AB12CDZ", "current"),
        ("A1BCD", "prefix"),
        ("Z1BCD", "unknown"),
        ("ABC1D", "suffix"),
        ("ABC01D", "unknown"),
        ("Q123ABC", "qplate"),
        ("101D101", "diplomatic"),
        ("101X700", "diplomatic"),
        ("12AB34", "military"),
        ("AB12CD", "military"),
        ("A1", "dateless"),
        ("1234AB", "dateless"),
        ("ABC1234", "unknown"),
        ("MAN1234", "dateless"),
        ("AZ1234", "ni"),
        ("JIG9999", "ni"),
        ("1234JIG", "ni"),
        ("II1234", "unknown"),
        ("12345", "trade"),
        ("123456", "unknown"),
        ("A0123", "unknown"),
        ("WOBZK295", "unknown"),
    ],
)
def test_each_format_is_known_by_its_shape(text: str, name: str) -> None:
    assert plate_format(text, TODAY) == name


@pytest.mark.parametrize(
    ("vrm", "first"),
    [
        ("AB51ABC", date(2001, 9, 1)),
        ("AB02ABC", date(2002, 3, 1)),
        ("AB52ABC", date(2002, 9, 1)),
        ("AB26ABC", date(2026, 3, 1)),
        ("AB76ABC", date(2026, 9, 1)),
        ("AB50ABC", date(2050, 3, 1)),
        ("AB99ABC", date(2049, 9, 1)),
    ],
)
def test_an_age_identifier_exists_from_the_day_of_its_issue(vrm: str, first: date) -> None:
    before = first.fromordinal(first.toordinal() - 1)
    assert age_identifier_valid(vrm, first) is True
    assert plate_format(vrm, first) == "current"
    assert age_identifier_valid(vrm, before) is False
    assert plate_format(vrm, before) == "unknown"
    assert normalise(vrm, before) == Plate(vrm, "unknown", repaired=False)


@pytest.mark.parametrize("vrm", ["A123BCD", "AB00ABC", "AB01ABC", "AB", ""])
def test_what_has_no_age_identifier_is_neither_early_nor_late(vrm: str) -> None:
    assert age_identifier_valid(vrm, TODAY) is None


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        (" ab-12.c\tde ", "AB12CDE"),
        ("", None),
        (" - ", None),
        ("AB12!DE", None),
        ("\uff21B12CDE", None),
        ("AB12CD\u00c9", None),
        ("AB1\u0132CDE", None),
        ("AB12CD\u0131", None),
        ("AB\u00a012CDE", None),
        ("A" * 12, "A" * 12),
        ("A" * 13, None),
        ("A\0B", None),
    ],
)
def test_cleaning_takes_off_separators_and_nothing_else(text: str, cleaned: str | None) -> None:
    assert clean(text) == cleaned
    assert _in_sql("clean_vrm(?)", text) == cleaned


@pytest.mark.parametrize(
    ("text", "plate"),
    [
        ("LBO7 SE0", Plate("LB07SEO", "current", repaired=True)),
        ("E016UHF", Plate("EO16UHF", "current", repaired=True)),
        ("EI16UHF", Plate("E116UHF", "prefix", repaired=True)),
        ("J1Z1111", Plate("JIZ1111", "ni", repaired=True)),
        ("AB3OABC", Plate("AB3OABC", "unknown", repaired=False)),
        ("A1I23", Plate("A1I23", "unknown", repaired=False)),
        ("AB12CD8", Plate("AB12CD8", "unknown", repaired=False)),
        ("X1123", Plate("X1123", "dateless", repaired=False)),
        ("AB12!DE", Plate(None, "unknown", repaired=False)),
    ],
    ids=["both ways", "letter O", "digit 1", "ni", "age not issued", "two readings", "8 is not B", "kept", "no plate"],
)
def test_only_a_plate_with_one_reading_is_repaired(text: str, plate: Plate) -> None:
    assert normalise(text, TODAY) == plate


@settings(max_examples=40, deadline=None)
@given(texts=st.lists(PLATE_LIKE | VALID | st.text(max_size=15), min_size=20, max_size=60), on=DATES)
def test_sql_and_python_agree(texts: list[str], on: date) -> None:
    sendable = [text.encode("utf-8", "ignore").decode() for text in texts]
    rows = ENGINE.execute(
        """SELECT cleaned, vrm, plate_format(vrm, $on), age_identifier_valid(vrm, $on), reads_as_plate(t) FROM (
            SELECT t, cleaned, normalise_vrm(cleaned, $on) AS vrm FROM (
                SELECT t, clean_vrm(t) AS cleaned FROM (SELECT unnest($texts::VARCHAR[]) AS t)))""",
        {"on": on, "texts": sendable},
    ).fetchall()
    plates = [normalise(text, on) for text in sendable]
    assert rows == [
        (
            clean(text),
            plate.vrm,
            plate.plate_format,
            None if plate.vrm is None else age_identifier_valid(plate.vrm, on),
            reads_as_plate(text),
        )
        for text, plate in zip(sendable, plates, strict=True)
    ]


@given(text=PLATE_LIKE, on=DATES)
def test_normalising_changes_only_o_0_i_1_and_a_second_time_nothing(text: str, on: date) -> None:
    plate = normalise(text, on)
    cleaned = clean(text)
    if plate.vrm is None or cleaned is None:
        assert plate.vrm is cleaned
        return
    changed = {frozenset(pair) for pair in zip(cleaned, plate.vrm, strict=True) if pair[0] != pair[1]}
    assert changed <= {frozenset("O0"), frozenset("I1")}
    assert plate.repaired == bool(changed)
    assert normalise(plate.vrm, on) == Plate(plate.vrm, plate.plate_format, repaired=False)


@given(vrm=VALID, swaps=st.lists(st.booleans(), min_size=7, max_size=7))
def test_a_plate_read_with_o_0_and_i_1_mixed_up_comes_back_or_is_left_alone(vrm: str, swaps: list[bool]) -> None:
    other = str.maketrans("O0I1", "0O1I")
    misread = "".join(
        character.translate(other) if swap else character for character, swap in zip(vrm, swaps, strict=False)
    )
    plate = normalise(misread, TODAY)
    assert plate.vrm in (vrm, misread)
    assert plate.repaired == (plate.vrm != misread)


@pytest.mark.parametrize(
    ("first", "second", "answer"),
    [
        ("AB12CDE", "A812CDE", True),
        ("AB12CDE", "AB12CDF", True),
        ("AB12CDE", "AB12CDE", False),
        ("AB12CDE", "A8I2CDE", False),
        ("AB12CDE", "AX12CDE", False),
        ("AB12CDE", "AB12CD", False),
        ("O1", "Q1", True),
        ("", "", False),
    ],
)
def test_a_misread_pair_differs_in_one_place_inside_a_confusion_class(first: str, second: str, answer: bool) -> None:
    assert confusable(first, second) is answer
    assert confusable(second, first) is answer


def test_every_confusion_is_one_of_two_characters() -> None:
    assert {len(pair) for pair in CONFUSIONS} == {2}


@pytest.mark.parametrize(
    "text",
    [
        "AB12CDE",
        "ab12 cde",
        "AB-12-CDE",
        "LBO7SE0",
        "AB35CDE",
        "A123BCD",
        "123D456",
        "reads_AB12CDE_2026.csv.gz",
        "K1ABC",
        "AB12 CDE.csv",
        "2026-10-01 AB12CDE.parquet",
        "é AB12CDE é",
        "cam/AB12CDE",
        "JIG9999",
        "note(AB12CDE)",
        "1234 AB",
    ],
)
def test_a_name_that_shows_a_plate_is_told(text: str) -> None:
    assert reads_as_plate(text) is True
    assert _in_sql("reads_as_plate(?)", text) is True


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-10-12.csv",
        "2026-10-12_nas.csv",
        "20261012.parquet",
        "12.csv",
        "general-gate7",
        "entrance1",
        "feed1.csv",
        "AB1",
        "12345",
        "3fa2b19c44d01e77",
        "ANPR01.1",
        "north camera",
        "bcdfghjklmnpqrst",
        "files",
        "mixed",
        "night",
        "RIGHT",
        "MIDAS",
        "trail.csv",
    ],
)
def test_a_name_that_shows_none_is_left(text: str) -> None:
    assert reads_as_plate(text) is False
    assert _in_sql("reads_as_plate(?)", text) is False


def test_null_stays_null_and_does_not_read_as_a_plate() -> None:
    nothing = "NULL::VARCHAR"
    assert _in_sql(f"clean_vrm({nothing})") is None
    assert _in_sql(f"normalise_vrm({nothing}, DATE '2026-11-21')") is None
    assert _in_sql(f"plate_format({nothing}, DATE '2026-11-21')") == "unknown"
    assert _in_sql(f"reads_as_plate({nothing})") is False


def test_the_macros_can_be_nested_and_a_cursor_sees_them() -> None:
    nested = "plate_format(normalise_vrm(clean_vrm('LBO7 SE0'), DATE '2026-11-21'), DATE '2026-11-21')"
    assert ENGINE.cursor().execute(f"SELECT {nested}").fetchone() == ("current",)
