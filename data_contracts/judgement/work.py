"""The working database of one call: in memory, spilling encrypted into a folder of its own that goes with the call.

Raw VRMs pass through it, so it never writes them in the clear; what a killed call left is removed before the next one.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import get_args

import duckdb
from sqlalchemy.exc import SQLAlchemyError

from data_contracts.layers.manifests import Layer as MadeLayer
from infra.clock import utc_now
from infra.engine import is_disk_full, literal, open_engine
from infra.errors import FaultError
from infra.lake import Lake, Layer, exclusive, half_placed, is_full, remove_half_placed
from infra.settings import Settings

MEMORY_BESIDE_A_FILE = 0.6
_LOCKED: tuple[Layer, ...] = (*get_args(MadeLayer), "landing", "set_aside", "ingests", "vault", "registers")


@contextmanager
def working_database(
    settings: Settings, lake: Lake, rocu: str, tell: Callable[[str], None] | None = None, on_disk: bool = False
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Hold the ROCU's lock and give an empty database.

    Args:
        settings: Say how long to wait for the lock, among other things.
        lake: What a killed call left half-placed in it is removed.
        rocu: Code of the ROCU, lower case.
        tell: Told when there is another process to wait for.
        on_disk: Tables are made in an encrypted file of the call's folder, for rows that memory does not hold.

    Raises:
        FaultError: Another process is at work on the ROCU, memory or disk space ran out, or the database gave up.
    """
    lock = settings.root / "locks" / f"{rocu}.lock"
    with exclusive(lock, f"the data of {rocu}", settings.lock_wait_s, tell):
        spill = settings.root / "work" / rocu
        _remove_partials(lake, rocu)
        with _faults(), _folder(spill), open_engine(settings) as connection:
            # the built-in cipher; docs/decisions/0005 says what it is good for
            connection.execute("SET force_mbedtls_unsafe = 'true'")
            connection.execute("SET temp_file_encryption = true")
            connection.execute(f"SET temp_directory = {literal(str(spill))}")
            if on_disk:
                _keep_in(spill / "rows.db", connection)
            yield connection


def _keep_in(file: Path, connection: duckdb.DuckDBPyConnection) -> None:
    """Make tables in an encrypted file from here on; cursors made by `cursor_of` have it too.

    Packed as they are in a file, rows are an eighth of what they are in memory, from where they would be spilled, and
    encrypted, again and again. The database gets less memory: what grows with the rows of one file grows outside of it.
    """
    ((limit,),) = connection.execute("SELECT current_setting('memory_limit')").fetchall()
    number, unit = str(limit).split()
    connection.execute(f"SET memory_limit = '{float(number) * MEMORY_BESIDE_A_FILE:.3f} {unit}'")
    connection.execute(f"ATTACH {literal(str(file))} AS on_disk (ENCRYPTION_KEY {literal(secrets.token_hex(32))})")
    connection.execute("USE on_disk")


@contextmanager
def _faults() -> Iterator[None]:
    """What the machine could not do, as errors that say so; the words of a cause may quote raw values and stay out."""
    try:
        yield
    except (duckdb.Error, SQLAlchemyError) as error:
        full = is_disk_full(error)
        if full or isinstance(error, duckdb.OutOfMemoryException | duckdb.IOException):
            raise FaultError(
                "No space left on the device." if full else f"The database could not go on: {type(error).__name__}.",
                "Free some space, or raise FINDPROFILE_MEMORY_LIMIT, and run the same command again.",
            ) from error
        raise FaultError(
            f"The judgement could not go on: {type(error).__name__}. Nothing was recorded.",
            "Run the same command again; if it stops again, give the files one by one to find the cause.",
        ) from error
    except OSError as error:
        if is_full(error):
            raise FaultError(
                "No space left on the device.", "Free some space and run the same command again."
            ) from None
        raise


@contextmanager
def _folder(path: Path) -> Iterator[None]:
    shutil.rmtree(path, ignore_errors=True)
    try:
        path.mkdir(parents=True)
        yield
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _remove_partials(lake: Lake, rocu: str) -> None:
    # other layers are written without this lock: no process is at work on one file for a day
    remove_half_placed(half_placed(lake, rocu, timedelta(days=1), utc_now(), held=_LOCKED))
