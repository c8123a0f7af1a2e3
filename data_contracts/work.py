"""The working database of one call: in memory, spilling encrypted into a folder of its own that goes with the call.

Raw VRMs pass through it, so it never writes them in the clear; what a killed call left is removed before the next one.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import get_args

import duckdb

from data_contracts.manifests import Layer as MadeLayer
from infra.engine import open_engine
from infra.errors import FaultError
from infra.lake import Lake, exclusive
from infra.settings import Settings


@contextmanager
def working_database(settings: Settings, lake: Lake, rocu: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """Hold the ROCU's lock and give an empty database.

    Raises:
        FaultError: Another process is at work on the ROCU, or memory or disk space ran out.
    """
    with exclusive(settings.root / "locks" / f"{rocu}.lock", f"the data of {rocu}"):
        spill = settings.root / "work" / rocu
        shutil.rmtree(spill, ignore_errors=True)
        _remove_partials(lake, rocu)
        spill.mkdir(parents=True)
        connection = open_engine(settings)
        try:
            # the built-in cipher; docs/decisions/0005 says what it is good for
            connection.execute("SET force_mbedtls_unsafe = 'true'")
            connection.execute("SET temp_file_encryption = true")
            connection.execute(f"SET temp_directory = {_text(str(spill))}")
            yield connection
        except (duckdb.OutOfMemoryException, duckdb.IOException) as error:
            full = "no space left" in str(error).lower()
            raise FaultError(
                "No space left on the device." if full else f"The database could not go on: {type(error).__name__}.",
                "Free some space, or raise FINDPROFILE_MEMORY_LIMIT, and run the same command again.",
            ) from error
        finally:
            connection.close()
            shutil.rmtree(spill, ignore_errors=True)


def _remove_partials(lake: Lake, rocu: str) -> None:
    for layer in (*get_args(MadeLayer), "landing", "ingests", "vault"):
        for path in lake.root.glob(f"{layer}/rocu={rocu}/**/.*.partial"):
            path.unlink(missing_ok=True)


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
