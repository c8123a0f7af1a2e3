"""Whether delivered files can be taken at all: found out by loading them whole, before anything is written.

Belongs here: the last thing that can be wrong with a file as a file, and which files those are. Does not: what is wrong
with its rows, which is the contract's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from data_contracts.across_rows.descriptions import describing_fields
from data_contracts.contract.document import Contract, load_contract
from data_contracts.intake.names import name_as_delivered
from data_contracts.judgement.judging import read_projection, read_values
from data_contracts.judgement.work import working_database
from data_contracts.sources.inspection import Delivery, inspect
from data_contracts.sources.loading import load_rows
from data_contracts.sources.model import Source
from infra.errors import WrongInputError
from infra.lake import Lake
from infra.settings import Settings

FILES_AT_ONCE, BYTES_AT_ONCE = 256, 200_000_000
FILES_NAMED = 5


@dataclass(frozen=True)
class Reading:
    """How delivered rows are read.

    Args:
        fields: The fields that the contract knows.
        values: SQL of the values, worked out once for each row.
        projection: SQL of the columns, over fields and values.
        time: The column without which a row says no time; `<time>_fault` says why it is missing.
        time_said: That column in words.
        written: How the source says that times are written, in words, if it says it.
    """

    fields: Sequence[str]
    values: Mapping[str, str]
    projection: Mapping[str, str]
    time: str
    time_said: str
    written: str = ""


def reading_of_reads(
    contract: Contract, source: Source, deliveries: Sequence[Delivery] = (), clock_skew_max_s: float = 300
) -> Reading:
    """How reads of a source are read; what they say of the vehicle only where one of these deliveries says it."""
    columns = read_projection(source, describing_fields(deliveries), clock_skew_max_s)
    written = f" as the source says they are written ({source.time_format})" if source.time_format else ""
    return Reading(contract.fields, read_values(source), columns, "captured_at", "capture time", written)


def take(
    connection: duckdb.DuckDBPyConnection, deliveries: Sequence[Delivery], reading: Reading, known: bool = False
) -> None:
    """Load files into the new table `delivered`.

    Args:
        connection: Where the table is made.
        deliveries: The files, inspected.
        reading: How their rows are read.
        known: They were taken before, so that nothing is asked of their times.

    Raises:
        WrongInputError: A file cannot be read to its end, holds no rows, says nowhere in which zone its times are, or
            has times of which none can be read.
        FaultError: A file changed while it was read.
    """
    load_rows(connection, "delivered", deliveries, reading.fields, reading.values, reading.projection)
    if known:
        return
    without = _without_times(connection, reading, "bool_or({fault} = 'no_zone')")
    if without:
        raise WrongInputError(
            f"{_named(deliveries, without)}: no {reading.time_said} says in which zone it is.",
            "Declare it in a source YAML file (for example `zone: Europe/London`) and give that as --source.",
        )
    without = _without_times(
        connection, reading, "bool_or({fault} = 'unreadable') AND bool_and({fault} <> 'ambiguous')"
    )
    if without:
        raise WrongInputError(
            f"{_named(deliveries, without)}: no {reading.time_said} can be read{reading.written}.",
            "Say in a source YAML file how times are written (for example `time_format: '%d/%m/%Y %H:%M:%S'` and "
            "`zone: Europe/London`, or `time_format: epoch` for seconds since 1970), or which column holds them, and "
            "give that as --source.",
        )


def _without_times(connection: duckdb.DuckDBPyConnection, reading: Reading, condition: str) -> list[int]:
    """The files in which no time has a value and the faults of the times meet a condition."""
    found = connection.execute(
        f"""SELECT batch_no FROM delivered GROUP BY batch_no
            HAVING count({reading.time}) = 0 AND {condition.format(fault=f"{reading.time}_fault")} ORDER BY batch_no"""
    ).fetchall()
    return [number for (number,) in found]


def _named(deliveries: Sequence[Delivery], numbers: Sequence[int]) -> str:
    return ", ".join(name_as_delivered(deliveries[number].path) for number in numbers[:FILES_NAMED])


def untakeable_reads(
    settings: Settings, lake: Lake, rocu: str, files: Sequence[Path], source: Source
) -> dict[Path, WrongInputError]:
    """Which of these files of reads cannot be taken, and why. Nothing is written.

    Files are loaded together, by halves where that fails, so that one bad file among many costs few loads.

    Raises:
        FaultError: Another process is at work on the ROCU, or a file could not be read this time.
    """
    contract = load_contract("reads")
    reading = reading_of_reads(contract, source)
    found: dict[Path, WrongInputError] = {}
    deliveries = []
    for file in files:
        try:
            deliveries.append(inspect(file, source, contract.required, contract.optional))
        except WrongInputError as error:
            found[file] = error
    with working_database(settings, lake, rocu) as connection:
        for group in _groups(deliveries):
            found |= _untakeable(connection, group, reading)
    return {file: found[file] for file in files if file in found}


def _untakeable(
    connection: duckdb.DuckDBPyConnection, deliveries: Sequence[Delivery], reading: Reading
) -> dict[Path, WrongInputError]:
    try:
        take(connection, deliveries, reading)
    except WrongInputError as error:
        _forget(connection)
        if len(deliveries) == 1:
            return {deliveries[0].path: error}
        half = len(deliveries) // 2
        return _untakeable(connection, deliveries[:half], reading) | _untakeable(connection, deliveries[half:], reading)
    _forget(connection)
    return {}


def _forget(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("DROP VIEW IF EXISTS delivered")
    connection.execute("DROP TABLE IF EXISTS delivered_first; DROP TABLE IF EXISTS delivered_loaded")


def _groups(deliveries: Sequence[Delivery]) -> Iterator[list[Delivery]]:
    """Files of a few hundred megabytes in all; a larger one by itself."""
    group: list[Delivery] = []
    for delivery in deliveries:
        if group and (
            len(group) == FILES_AT_ONCE or sum(one.size_bytes for one in group) + delivery.size_bytes > BYTES_AT_ONCE
        ):
            yield group
            group = []
        group.append(delivery)
    if group:
        yield group
