"""What the machine cannot do while a call is at work: a fault in our own words, and nothing left over."""

from __future__ import annotations

import errno

import duckdb
import pytest
from sqlalchemy.exc import OperationalError

from data_contracts.work import working_database
from infra.errors import FaultError, WrongInputError


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (duckdb.ConversionException("cannot cast AB12CDE"), "ConversionException"),
        (duckdb.OutOfMemoryException("AB12CDE"), "OutOfMemoryException"),
        (duckdb.IOException("No space left on device: AB12CDE"), "No space left"),
        (OperationalError("SELECT 'AB12CDE'", {}, Exception()), "OperationalError"),
        (RuntimeError("rule r did not run: AB12CDE"), "RuntimeError"),
        (OSError(errno.ENOSPC, "AB12CDE"), "No space left"),
    ],
)
def test_an_error_inside_is_a_fault_that_quotes_nothing(room, error, said):
    with pytest.raises(FaultError, match=said) as caught, working_database(room.settings, room.lake, room.rocu):
        raise error
    assert "AB12CDE" not in str(caught.value)
    assert not list((room.settings.root / "work").iterdir())


def test_our_own_errors_pass_as_they_are(room):
    error = WrongInputError("It is empty.", "Ask for it.")
    with pytest.raises(WrongInputError) as caught, working_database(room.settings, room.lake, room.rocu):
        raise error
    assert caught.value is error
    with working_database(room.settings, room.lake, room.rocu) as connection:
        assert connection.execute("SELECT 1").fetchall() == [(1,)]
