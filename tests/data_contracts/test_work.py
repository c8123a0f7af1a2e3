"""What the machine cannot do while a call is at work: a fault in our own words, and nothing left over."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest
from sqlalchemy.exc import OperationalError

from data_contracts.contract.document import load_contract
from data_contracts.judgement.gx import run_rules
from data_contracts.judgement.run import require_conservation
from data_contracts.judgement.work import working_database
from data_contracts.layers.reads import ingest_records
from infra.errors import FaultError, FindProfileError, WrongInputError

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (duckdb.ConversionException("cannot cast AB12CDE"), "ConversionException"),
        (duckdb.OutOfMemoryException("AB12CDE"), "OutOfMemoryException"),
        (duckdb.IOException("No space left on device: AB12CDE"), "No space left"),
        (duckdb.FatalException("could not checkpoint: No space left on device: AB12CDE"), "No space left"),
        (OperationalError("SELECT 'AB12CDE'", {}, Exception()), "OperationalError"),
        (OSError(errno.ENOSPC, "AB12CDE"), "No space left"),
    ],
)
def test_an_error_inside_is_a_fault_that_quotes_nothing(room, error, said):
    with pytest.raises(FaultError, match=said) as caught, working_database(room.settings, room.lake, room.rocu):
        raise error
    assert "AB12CDE" not in str(caught.value)
    assert not list((room.settings.root / "work").iterdir())


def test_a_rule_that_cannot_run_is_named_and_nothing_is_quoted(room):
    rule = load_contract("reads").written_rules[0]
    kwargs = {"column": "nowhere", "min_value": 0}
    broken = replace(rule, expectation="expect_column_values_to_be_between", kwargs=kwargs)
    said = f"Rule {rule.name} of the contract could not run"
    with working_database(room.settings, room.lake, room.rocu) as connection:
        connection.execute("CREATE TABLE t AS SELECT 1 AS row_no, 'AB12CDE' AS vrm")
        with pytest.raises(FindProfileError, match=said) as caught:
            run_rules(connection, "t", ["row_no"], [broken])
    assert "contracts check" in caught.value.instruction
    assert "AB12CDE" not in str(caught.value)
    assert not isinstance(caught.value, FaultError), "a retry cannot help"


def test_rows_written_and_not_counted_are_told_with_their_numbers(room):
    room.ingest(room.deliver("a.csv", "AB12CDE,2026-05-18T08:00:00Z,CAM-1,95,true,f,7,2026-05-18T08:00:02Z"))
    (record,) = ingest_records(room.lake, room.rocu)
    lost = replace_counts(record)
    with pytest.raises(FindProfileError, match=r"1 rows were written to reads, 0 were counted") as caught:
        require_conservation(lost)
    assert "report these numbers" in caught.value.instruction


def replace_counts(record):
    (batch,) = record.batches
    return record.model_copy(update={"batches": (batch.model_copy(update={"accepted": 0}),)})


def test_our_own_errors_pass_as_they_are(room):
    error = WrongInputError("It is empty.", "Ask for it.")
    with pytest.raises(WrongInputError) as caught, working_database(room.settings, room.lake, room.rocu):
        raise error
    assert caught.value is error
    with working_database(room.settings, room.lake, room.rocu) as connection:
        assert connection.execute("SELECT 1").fetchall() == [(1,)]


KILLED = """
import os, signal, sys
from pathlib import Path
from infra.lake import placed
with placed(Path(sys.argv[1])) as temporary:
    temporary.mkdir() if sys.argv[1].endswith("share=1") else None
    (temporary / "reads.parquet" if temporary.is_dir() else temporary).write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_kill_left_of_layers_that_need_no_lock_is_removed_once_it_is_a_day_old(room):
    """A list, and a folder of what is kept of a day; half of either may be of a process that is at work."""
    places = (
        room.lake.folder("scores", room.rocu, run="1") / "scores.parquet",
        room.lake.folder("days", room.rocu) / "share=1",
    )
    for place in places:
        ended = subprocess.run([sys.executable, "-c", KILLED, str(place)], env={"PYTHONPATH": str(ROOT)}, check=False)
        assert ended.returncode == -signal.SIGKILL
    left = [path for place in places for path in place.parent.iterdir()]
    assert len(left) == 2
    with working_database(room.settings, room.lake, room.rocu):
        assert all(path.exists() for path in left)
    for path in left:
        a_day_ago = path.stat().st_mtime - 86_401
        os.utime(path, (a_day_ago, a_day_ago))
    with working_database(room.settings, room.lake, room.rocu):
        assert not any(path.exists() for path in left)
