"""What people typed or delivered is printed as it is, whatever characters it has."""

from __future__ import annotations

import json

import pytest
from pydantic import BaseModel

from flows.cli.output import as_json, line, say, table, wrapped


class Said(BaseModel):
    """A result of a step."""

    reason: str


SPOOFED = "because\x1b[1A\x1b[2K of \x9b2J\u202e this\r"


def test_what_a_terminal_would_obey_is_shown_and_not_obeyed(capsys: pytest.CaptureFixture[str]) -> None:
    """A reason or a name could otherwise wipe the line above it from the screen of whoever reads the log."""
    for printing in (line, say, wrapped, lambda text: table(("a", "b"), [(text, 1)])):
        printing(SPOOFED)
    told = capsys.readouterr()
    assert "because" in told.out
    assert not set("\x1b\x9b\u202e\r") & set(told.out + told.err)


def test_json_has_it_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    as_json({"reason": SPOOFED})
    as_json(Said(reason=SPOOFED))
    out = capsys.readouterr().out
    assert not set("\x1b\x9b\u202e\r") & set(out)
    assert [json.loads(one)["reason"] for one in out.replace("}\n{", "}\0{").split("\0")] == [SPOOFED, SPOOFED]


@pytest.mark.parametrize("width", ["200", "30"])
def test_square_brackets_are_no_markup(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, width: str
) -> None:
    monkeypatch.setenv("COLUMNS", width)
    written = [r"[A-Z]{2}[/-]\d+", r"[a-z]{2}-\d+", "[/x].csv", "[bold]"]
    table(("[a]", "b"), [(one, one) for one in written], title="[/of] all")
    said = capsys.readouterr().out
    for one in written:
        assert said.count(one) == 2, one
    assert "[a]" in said
    assert "[/of] all" in said


def test_ids_and_paths_are_not_broken(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    whole = ["2026-05-18-nwrocu-9f8e", "lake/reads/rocu=nwrocu/day=2026-05-18/part-0123456789abcdef.parquet"]
    wrapped(f"the first batch {whole[0]} has its rows in the part {whole[1]} of the lake")
    said = capsys.readouterr().out.split()
    assert set(whole) <= set(said)


@pytest.mark.parametrize("width", range(60, 161))
def test_a_table_keeps_its_edge_and_its_ids(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    ids = [f"{number:016x}" for number in range(3)]
    columns = ("batch", "delivered as", "days", "rows", "accepted", "quarantined", "duplicates", "verdict", "contract")
    said_of = f"passed with quarantine, replaced by {ids[0]}"
    rows = [(one, "2026-03-03-reads.csv", "2026-03-03 to 2026-03-26", 636, 596, 40, 0, said_of, "2.0.0") for one in ids]
    table((*columns, "judged at"), [(*row, "2026-03-27 08:00") for row in rows])
    said = capsys.readouterr().out
    assert max(map(len, said.splitlines())) <= width
    assert all(one in said for one in ids)


@pytest.mark.parametrize("width", range(60, 161))
def test_a_table_with_several_long_columns_keeps_its_right_edge(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    row = (
        "misread_pairs",
        "similar_plate_near",
        "one of the two was misread " * 4,
        12,
        13,
        "8/B (12), 0/O (3), 1/I (2)",
    )
    table(("noted beside reads by", "cause", "which means", "reads", "notes", "read for"), [row])
    said = capsys.readouterr().out.splitlines()
    assert max(map(len, said)) <= width
    assert all(one.endswith("┓") for one in said if one.startswith("┏"))
    assert any("similar_plate_near" in one for one in said)
