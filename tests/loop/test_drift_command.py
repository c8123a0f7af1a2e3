"""`findprofile drift` on any two tables."""

from __future__ import annotations

from pathlib import Path

from loop_support import run


def _table(path: Path, shift: int) -> Path:
    rows = "".join(f"{n % 97 + shift},{'ab'[n % 2]}\n" for n in range(600))
    path.write_text("speed,kind\n" + rows)
    return path


def test_a_shifted_column_is_named_with_its_method(tmp_path: Path) -> None:
    before, after = _table(tmp_path / "before.csv", 0), _table(tmp_path / "after.csv", 80)
    said = run(tmp_path / "home", "drift", before, after, "--json")
    assert said.code == 0, said.err
    columns = {column["column"]: column for column in said.data["columns"]}
    assert columns["speed"]["drifted"] is True
    assert columns["speed"]["method"]
    assert columns["kind"]["drifted"] is False


def test_a_score_that_few_rows_give_by_chance_is_told_as_that(tmp_path: Path) -> None:
    tables = []
    for name, last in (("before.csv", 8), ("after.csv", 11)):
        tables.append(tmp_path / name)
        tables[-1].write_text("speed\n" + "".join(f"{n}\n" for n in (*range(8), last)))
    (column,) = run(tmp_path / "home", "drift", *tables, "--json").data["columns"]
    assert column["threshold"] < column["score"] <= column["noise"]
    shown = run(tmp_path / "home", "drift", *tables).out
    assert ("by chance" in shown, str(column["noise"]) in shown, column["drifted"]) == (True, True, False)


def test_tables_that_cannot_be_compared(tmp_path: Path) -> None:
    before = _table(tmp_path / "before.csv", 0)
    for other in (tmp_path / "none.csv", tmp_path / "empty.csv"):
        if other.name == "empty.csv":
            other.write_text("")
        said = run(tmp_path / "home", "drift", before, other)
        assert said.code == 2
        assert "what to do" in said.err
