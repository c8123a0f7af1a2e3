from __future__ import annotations

import gzip
import socket
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from infra.errors import WrongInputError
from models.drift.results import ColumnDrift, DriftResult
from models.drift.settings import ColumnMethod, MonitorSettings
from models.drift.tables import compare_tables


def columns(result: DriftResult) -> dict[str, ColumnDrift]:
    return {column.column: column for column in result.columns}


def write(path: Path, table: pa.Table) -> Path:
    pq.write_table(table, path)
    return path


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    rng = np.random.default_rng(7)
    tables = []
    for shift, mix in ((0.0, [0.7, 0.2, 0.1]), (1.0, [0.2, 0.2, 0.6])):
        tables.append(
            pa.table(
                {
                    "moved": rng.normal(shift, 1, 800),
                    "still": rng.normal(0, 1, 800),
                    "kind": rng.choice(["van", "car", "bus"], 800, p=mix),
                    "same": rng.choice(["a", "b"], 800),
                    "flag": rng.random(800) < (0.1 + shift / 2),
                    "one": np.ones(800),
                    "nothing": pa.nulls(800, pa.float64()),
                    "token": [f"t{i}-{shift}" for i in range(800)],
                }
            )
        )
    return write(tmp_path / "reference.parquet", tables[0]), write(tmp_path / "current.parquet", tables[1])


def test_columns_that_moved_are_found_and_the_others_are_not(pair: tuple[Path, Path], tmp_path: Path) -> None:
    html = tmp_path / "report.html"
    result = compare_tables(*pair, html=html)
    assert set(result.drifted) == {"moved", "kind", "flag"}
    found = columns(result)
    assert found["moved"].score == pytest.approx(1.0, abs=0.25)
    assert found["moved"].method == "wasserstein"
    assert found["kind"].method == "jensenshannon"
    assert found["moved"].noise is not None
    assert found["moved"].noise < found["moved"].threshold * 2
    assert html.stat().st_size > 100_000


def test_columns_that_cannot_be_compared_are_named_for_what_they_are(pair: tuple[Path, Path]) -> None:
    found = columns(compare_tables(*pair))
    assert (found["one"].state, found["nothing"].state, found["token"].state) == (
        "constant",
        "all_missing",
        "identifier",
    )
    assert not any(found[name].drifted for name in ("one", "nothing", "token"))


def test_a_constant_that_became_another_is_drift(tmp_path: Path) -> None:
    before = write(tmp_path / "a.parquet", pa.table({"x": [1.0] * 100}))
    after = write(tmp_path / "b.parquet", pa.table({"x": [2.0] * 100}))
    assert compare_tables(before, after).drifted == ("x",)


def test_a_column_gone_missing_on_one_side_is_drift(tmp_path: Path) -> None:
    before = write(tmp_path / "a.parquet", pa.table({"x": [1.0, 2.0, 3.0, 4.0], "y": [1, 2, 3, 4]}))
    after = write(tmp_path / "b.parquet", pa.table({"x": pa.nulls(4, pa.float64()), "y": [None, None, 3, 4]}))
    result = compare_tables(before, after)
    assert columns(result)["x"].state == "missing_on_one_side"
    assert columns(result)["y"].missing_current == 0.5
    assert result.drifted == ("x", "y")


def test_small_samples_do_not_cry_drift(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    before = write(tmp_path / "a.parquet", pa.table({f"x{i}": rng.normal(size=15) for i in range(10)}))
    after = write(tmp_path / "b.parquet", pa.table({f"x{i}": rng.normal(size=15) for i in range(10)}))
    result = compare_tables(before, after)
    assert any((column.score or 0) > column.threshold for column in result.columns)
    assert len(result.drifted) <= 1


def test_csv_gzip_and_parquet_mix_and_columns_may_differ(tmp_path: Path) -> None:
    text = "day,n,only_here\n2026-01-01,1,x\n2026-01-02,2,y\n2026-01-03,3,z\n"
    packed = tmp_path / "reference.csv.gz"
    packed.write_bytes(gzip.compress(text.encode()))
    plain = tmp_path / "current.csv"
    plain.write_text("day,n,new_here\n2026-01-01,1,5\n2026-01-02,2,6\n2026-01-03,3,7\n")
    result = compare_tables(packed, plain)
    assert (result.missing_columns, result.new_columns) == (("only_here",), ("new_here",))
    assert result.drifted == ()
    assert (result.reference_rows, result.current_rows) == (3, 3)


def test_a_column_of_another_kind_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("n\n1\n2\n3\n")
    (tmp_path / "b.csv").write_text("n\none\ntwo\nthree\n")
    assert compare_tables(tmp_path / "a.csv", tmp_path / "b.csv").changed_types == ("n",)


def test_the_same_comparison_gives_the_same_result(pair: tuple[Path, Path]) -> None:
    settings = MonitorSettings(sample_rows=300)
    first = compare_tables(*pair, settings=settings)
    assert first.compared_rows == (300, 300)
    assert first == compare_tables(*pair, settings=settings)


def test_a_method_and_threshold_named_for_a_column_are_used(pair: tuple[Path, Path]) -> None:
    named = MonitorSettings(columns={"moved": ColumnMethod(method="jensenshannon", threshold=0.95)})
    found = columns(compare_tables(*pair, settings=named))["moved"]
    assert (found.method, found.threshold, found.drifted) == ("jensenshannon", 0.95, False)


def test_nothing_goes_to_the_network(pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert compare_tables(*pair).columns


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("absent.csv", None),
        ("empty.csv", b""),
        ("header_only.csv", b"a,b\n"),
        ("truncated.parquet", b"PAR1garbage"),
        ("truncated.csv.gz", gzip.compress(b"a,b\n" + b"1,2\n" * 5000, mtime=0)[:-20]),
        ("binary.csv", bytes(range(256)) * 20),
    ],
)
def test_bad_input_is_one_clear_error(tmp_path: Path, name: str, content: bytes | None) -> None:
    good = tmp_path / "good.csv"
    good.write_text("a,b\n1,2\n")
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(WrongInputError) as caught:
        compare_tables(good, path)
    assert name in caught.value.reason
    assert caught.value.instruction


def test_no_common_column_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a\n1\n")
    (tmp_path / "b.csv").write_text("b\n1\n")
    with pytest.raises(WrongInputError, match="no column in common"):
        compare_tables(tmp_path / "a.csv", tmp_path / "b.csv")
