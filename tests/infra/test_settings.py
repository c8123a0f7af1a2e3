"""Values of `FINDPROFILE_…` that nothing can work with are told as wrong input before anything begins."""

from __future__ import annotations

import duckdb
import pytest

from infra.engine import open_engine
from infra.errors import WrongInputError
from infra.settings import Settings, load_settings

WRONG = [
    ("THREADS", "0"),
    ("THREADS", "100000"),
    ("THREADS", "99999999999999999999"),
    ("MEMORY_LIMIT", "banana"),
    ("MEMORY_LIMIT", "-1GB"),
    ("MEMORY_LIMIT", "3"),
    ("MEMORY_LIMIT", "1e400GB"),
    ("CLOCK_TOLERANCE_S", "inf"),
    ("CLOCK_TOLERANCE_S", "1e300"),
    ("LOCK_WAIT_S", "inf"),
    ("MLFLOW_TIMEOUT_SECONDS", "99999999999999999999"),
    ("SPARK_CONFIG", "x"),
    ("SPARK_CONFIG", '{"a": 1}'),
    ("HOME", "~nobody-of-this-name/x"),
]


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_value_that_nothing_can_work_with_is_wrong_input(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"FINDPROFILE_{name}", value)
    with pytest.raises(WrongInputError) as told:
        _ = load_settings().root
    assert f"FINDPROFILE_{name}" in told.value.reason


@pytest.mark.parametrize("limit", ["3GB", "1.5GiB", "800 mb", "2g"])
def test_a_limit_of_memory_that_is_taken_is_one_that_duckdb_takes(tmp_path, limit: str) -> None:
    with open_engine(Settings(home=tmp_path, memory_limit=limit)) as connection:
        assert isinstance(connection, duckdb.DuckDBPyConnection)
