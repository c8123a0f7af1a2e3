"""Counts as some regions deliver their history: a CSV (gzip or not) or Parquet file with `camera_id, bin_start, n`.

A row without a number is no row. A missing row counts no reads: within a camera's life a camera that sends nothing and
one whose counts are not there look the same to whoever waits for them. Bins in which no camera has a row at all are
told in a note. Belongs here: reading and refusing files. Does not: what the counts mean.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import duckdb
import numpy as np

from data_contracts.health.bin_widths import folded_width, length, whole_bins, width_of
from data_contracts.health.clock_times import added_up, as_local_days, local_to_utc, skipped_hour
from data_contracts.health.counts import DAY, EPOCH, MOST_CELLS, Counts, Ints, counts_of, is_mobile
from data_contracts.health.ragged import ragged_row
from data_contracts.intake.names import name_as_delivered
from data_contracts.judgement.values import has_zone, register_instant
from data_contracts.sources.formats import known_format
from data_contracts.sources.inspection import DELIMITERS
from data_contracts.sources.opening import open_plain, opened, size_of_file
from data_contracts.sources.parquet import damaged
from infra.clock import utc_now
from infra.engine import literal
from infra.errors import WrongInputError
from infra.wording import counted

NEEDED = ("camera_id", "bin_start", "n")
OPTIONAL = ("site_id", "kind", "valid_from", "valid_to")  # of a register
_MOST = 2**31
_LONGEST_ID = 100
_UNLISTED_NAMED = 10
_HEAD = 1 << 20


def read_counts_file(
    connection: duckdb.DuckDBPyConnection, file: Path, zone: str, register: Path | None = None
) -> Counts:
    """Read counts onto a grid.

    Args:
        connection: Any database.
        file: The counts.
        zone: Of times without one, and of weekday and hour.
        register: A camera register (CSV); gives poles (`site_id`) and the ends of cameras' lives.

    Raises:
        WrongInputError: The file cannot be read, or is not what it should be; says what and in which row.
    """
    _require_zone(zone)
    name = name_as_delivered(file)
    _load(connection, file, name, NEEDED, "given")
    _require_whole(connection, name)
    seconds, skipped = _seconds(connection, name, zone)
    columns = connection.execute("SELECT camera_no, n FROM counted ORDER BY row_no").fetchnumpy()
    camera, n = np.asarray(columns["camera_no"]).astype(np.int64), np.asarray(columns["n"])
    said = skipped_hour(connection, skipped, zone)
    seconds, n = added_up(camera, seconds, n, skipped)
    kept = np.flatnonzero(seconds >= 0)
    camera, n, seconds = camera[kept], n[kept], seconds[kept]
    cameras = [id_ for (id_,) in connection.execute("SELECT camera_id FROM cameras ORDER BY camera_no").fetchall()]

    def told(place: int) -> str:
        return _row_at(connection, int(kept[place]))

    width = width_of(camera, seconds, name, told)
    folded = folded_width(len(cameras), seconds, width, MOST_CELLS, name, told)
    if folded > width:
        said += (f"Bins of {length(width)} are added up to bins of {length(folded)}: there are too many of them.",)
        whole = whole_bins(seconds, width, folded)
        camera, n, seconds = camera[whole], n[whole], seconds[whole] // folded * folded
    counts = counts_of(cameras, camera, seconds, n, folded, zone)
    if register is not None:
        counts = _with_register(connection, counts, register)
    return replace(counts, notes=(*said, *counts.notes, *_before_life(counts)))


def _require_zone(zone: str) -> None:
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise WrongInputError(f"'{zone}' is no time zone.", "Name one as Europe/London or UTC.") from None


def _load(connection: duckdb.DuckDBPyConnection, file: Path, name: str, needed: Sequence[str], table: str) -> None:
    """Make a table of texts with `row_no` from the columns of a file."""
    if size_of_file(file) == 0:
        raise WrongInputError(f"{name} is empty.", "Ask for it to be delivered again.")
    with opened(file) as stream:
        first = stream.read(4)
    parquet, gzipped = first == b"PAR1", first.startswith(b"\x1f\x8b")
    _require_no_other_format(file, name, gzipped)
    scan = (
        f"read_parquet({literal(str(file))}, hive_partitioning = false)"
        if parquet
        else f"read_csv({literal(str(file))}, header = true, all_varchar = true, delim = ',', quote = '\"',"
        f" compression = '{'gzip' if gzipped else 'none'}', nullstr = '', comment = '', null_padding = false,"
        " sample_size = 1000, hive_partitioning = false)"
    )
    try:
        found = [row[0] for row in connection.execute(f"DESCRIBE SELECT * FROM {scan}").fetchall()]
        by_name = {column.strip().lower(): column for column in found}
        missing = [column for column in needed if column not in by_name]
        if missing and not parquet and (ragged := ragged_row(file)):
            raise _no_table(name, ragged)
        if missing:
            raise WrongInputError(
                f"{name}: column {', '.join(missing)} is missing{_other_delimiter(found)}.",
                f"A header must name the columns {', '.join(needed)}, with commas between them.",
            )
        chosen = {column: by_name[column] for column in (*needed, *OPTIONAL) if column in by_name}
        texts = ", ".join(
            f"nullif(trim(\"{given.replace(chr(34), chr(34) * 2)}\"::VARCHAR), '') AS {column}"
            for column, given in chosen.items()
        )
        connection.execute(
            f"CREATE OR REPLACE TABLE {table} AS SELECT row_number() OVER () AS row_no, {texts} FROM {scan}"
        )
    except duckdb.OutOfMemoryException:
        raise
    except (duckdb.Error, UnicodeDecodeError) as error:
        if parquet:
            raise damaged(file, error) from None
        _require_whole_stream(file, gzipped)
        raise _no_table(name, ragged_row(file)) from None


def _require_no_other_format(file: Path, name: str, gzipped: bool) -> None:
    with open_plain(file, gzipped) as stream:
        known = known_format(stream.read(_HEAD))
    if known is not None:
        raise WrongInputError(f"{name} is {known[0]}, no table of text or Parquet.", known[1])


def _require_whole_stream(file: Path, gzipped: bool) -> None:
    """Unpack all of it: what is cut short or damaged is told as that."""
    with open_plain(file, gzipped) as stream:
        while stream.read(_HEAD):
            pass


def _other_delimiter(columns: Sequence[str]) -> str:
    """What stands between the columns of a header line that was read as one."""
    found = [words for sign, words in DELIMITERS.items() if len(columns) == 1 and sign in columns[0]]
    return f": its columns stand apart by {found[0]}" if found else ""


def _no_table(name: str, first: str | None) -> WrongInputError:
    return WrongInputError(
        f"{name} cannot be read as a table{f': {first}' if first else ''}.",
        "Give a CSV file in UTF-8, comma between fields, with a header, every row as long as the header.",
    )


def _require_whole(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    number = "try_cast(n AS DOUBLE)"
    for fault, condition, remedy in (
        ("has no camera_id", "camera_id IS NULL", "Name the camera in every row."),
        (
            "has a camera_id that cannot be shown",
            f"regexp_matches(camera_id, '[\\x00-\\x1f\\x7f]') OR length(camera_id) > {_LONGEST_ID}",
            "Name the camera in up to a hundred characters that can be printed.",
        ),
        ("has no bin_start", "bin_start IS NULL", "Say in every row when the bin starts."),
        (
            "has an n that is no whole number",
            f"n IS NOT NULL AND ({number} IS NULL OR NOT isfinite({number}) OR {number} <> floor({number}))",
            "n is the number of reads; leave it empty where nothing was counted.",
        ),
        ("has a negative n", f"{number} < 0", "Leave n empty where nothing was counted."),
        ("has an n that no camera can reach", f"{number} >= {_MOST}", "n is the number of reads in one bin."),
    ):
        row, camera, rows = connection.execute(
            f"SELECT min(row_no), arg_min(camera_id, row_no), count(*) FROM given WHERE {condition}"
        ).fetchone() or (None, None, 0)
        if rows:
            of = f" of camera {camera}" if camera and "camera_id" not in fault else ""
            more = f" (and {counted(rows - 1, 'row')} more)" if rows > 1 else ""
            raise WrongInputError(f"{name}: row {row}{of} {fault}{more}.", remedy)
    connection.execute(
        "CREATE OR REPLACE TABLE cameras AS SELECT camera_id, (row_number() OVER (ORDER BY camera_id) - 1)::INTEGER AS"
        " camera_no FROM (SELECT DISTINCT camera_id FROM given)"
    )
    zoned = has_zone("bin_start")
    connection.execute(
        f"""CREATE OR REPLACE TABLE counted AS
            SELECT row_no, camera_no, try_cast(n AS DOUBLE) AS n, {zoned} AS zoned,
                CASE WHEN {zoned} THEN epoch_us(try_cast(bin_start AS TIMESTAMPTZ))
                    ELSE epoch_us(try_cast(bin_start AS TIMESTAMP)) END AS moment
            FROM given JOIN cameras USING (camera_id) WHERE n IS NOT NULL"""
    )
    connection.execute("DROP TABLE given")
    (rows,) = connection.execute("SELECT count(*) FROM counted").fetchone() or (0,)
    if not rows:
        raise WrongInputError(f"{name} has no counts.", "Give a file with at least one row that has an n.")


def _seconds(connection: duckdb.DuckDBPyConnection, name: str, zone: str) -> tuple[Ints, Ints]:
    """Start of each row's bin in epoch seconds, in order, -1 for a row that is none; and which have no real time."""
    zoned, rows, bad, alone = connection.execute(
        """SELECT count(*) FILTER (zoned), count(*),
            count(*) FILTER (moment IS NULL OR moment % 1000000 <> 0 OR moment NOT BETWEEN 0 AND 4102444800000000),
            count(*) FILTER (zoned) * 2 <= count(*)
            FROM counted"""
    ).fetchone() or (0, 0, 0, False)
    if bad:
        condition = "moment IS NULL OR moment % 1000000 <> 0 OR moment NOT BETWEEN 0 AND 4102444800000000"
        raise WrongInputError(
            f"{name}: {_first_row(connection, condition)} has a bin_start that is no time.",
            "Write times as 2026-05-03T14:00:00Z, or 2026-05-03 14:00, of 1970 or later.",
        )
    late = int((utc_now() + timedelta(days=1)).timestamp()) * 1_000_000
    if connection.execute(f"SELECT 1 FROM counted WHERE moment > {late} LIMIT 1").fetchone():
        raise WrongInputError(
            f"{name}: {_first_row(connection, f'moment > {late}')} has a bin_start that is not here yet.",
            "Nothing is counted before it was: mend the date, or leave the row out.",
        )
    if 0 < zoned < rows:
        first = _first_row(connection, "zoned" if alone else "NOT zoned")
        raise WrongInputError(
            f"{name}: {zoned} of {rows} rows say the zone of bin_start, the others do not; {first} is the first that "
            f"{'does' if alone else 'does not'}.",
            "Write all times alike.",
        )
    found = connection.execute("SELECT moment // 1000000 AS s FROM counted ORDER BY row_no").fetchnumpy()["s"]
    seconds = np.asarray(found).astype(np.int64)
    if zoned or zone == "UTC" or (seconds % DAY == 0).all():
        return (as_local_days(seconds, zone) if zoned else seconds), np.zeros(0, dtype=np.int64)
    camera = np.asarray(connection.execute("SELECT camera_no FROM counted ORDER BY row_no").fetchnumpy()["camera_no"])
    n = np.asarray(connection.execute("SELECT n FROM counted ORDER BY row_no").fetchnumpy()["n"])
    return local_to_utc(seconds, camera, n, zone)


def _first_row(connection: duckdb.DuckDBPyConnection, condition: str) -> str:
    """The first row of `counted` that meets a condition, in words."""
    row, camera = connection.execute(
        f"""SELECT row_no, camera_id FROM counted JOIN cameras USING (camera_no) WHERE {condition}
            ORDER BY row_no LIMIT 1"""
    ).fetchone() or (0, "")
    return f"row {row} of camera {camera}"


def _row_at(connection: duckdb.DuckDBPyConnection, place: int) -> str:
    """The row of `counted` at a place in the file's order, in words with its time as written."""
    row, camera, moment = connection.execute(
        """SELECT row_no, camera_id, make_timestamp(moment) FROM counted JOIN cameras USING (camera_no)
            ORDER BY row_no LIMIT 1 OFFSET ?""",
        [place],
    ).fetchone() or (0, "", EPOCH)
    return f"row {row} of camera {camera} ({moment:%Y-%m-%d %H:%M})"


def _with_register(connection: duckdb.DuckDBPyConnection, counts: Counts, register: Path) -> Counts:
    name = name_as_delivered(register)
    _load(connection, register, name, ("camera_id",), "register_given")
    held = {row[0] for row in connection.execute("DESCRIBE register_given").fetchall()}
    kind = "max_by(kind, row_no)" if "kind" in held else "NULL"
    site = "max_by(site_id, row_no)" if "site_id" in held else "NULL"
    ended = f"max(coalesce(epoch({register_instant('valid_to')}), 1e18))" if "valid_to" in held else "1e18"
    begun = f"min(epoch({register_instant('valid_from')}))" if "valid_from" in held else "NULL"
    rows = connection.execute(
        f"SELECT camera_id, {site}, {begun}, {ended}, {kind} FROM register_given GROUP BY camera_id"
    ).fetchall()
    listed = {row[0] for row in rows}
    unlisted = [camera for camera in counts.cameras if camera not in listed]
    if len(unlisted) == len(counts.cameras):
        raise WrongInputError(
            f"{name} has none of the {counted(len(unlisted), 'camera')} that were counted.",
            "Give the register of these cameras, with the ids that the counts have; or leave --cameras out.",
        )
    sites = {camera: site for camera, site, _, _, _ in rows if site}
    begins = {camera: begin for camera, _, begin, _, _ in rows if begin is not None}
    ends = {camera: end for camera, _, _, end, _ in rows}
    mobile = {camera for camera, _, _, _, kind in rows if is_mobile(kind)}
    last = [min((ends.get(camera, 1e18) - counts.start) // counts.width, counts.bins) for camera in counts.cameras]
    return replace(
        counts,
        sites=tuple(sites.get(camera, camera) for camera in counts.cameras),
        first=_first_bins(counts, begins),
        last=np.maximum(np.asarray(last), 0).astype(np.int64),
        mobile=tuple(camera in mobile for camera in counts.cameras),
        notes=(*counts.notes, *([_unlisted(name, unlisted)] if unlisted else [])),
    )


def _unlisted(name: str, cameras: Sequence[str]) -> str:
    named = ", ".join(cameras[:_UNLISTED_NAMED]) + (", …" if len(cameras) > _UNLISTED_NAMED else "")
    return f"{counted(len(cameras), 'camera')} not in {name}, judged without it: {named}."


def _first_bins(counts: Counts, begins: Mapping[str, float]) -> Ints:
    """A camera is waited for from its register's day on, where the file has rows of it; else from its first read."""
    from_row = np.where(counts.present.any(axis=1), counts.present.argmax(axis=1), counts.bins)
    told = [min((begins.get(camera, 1e18) - counts.start) // counts.width, counts.bins) for camera in counts.cameras]
    begun = np.maximum(np.asarray(told, dtype=np.float64), from_row).astype(np.int64)
    return np.minimum(counts.first, begun)


def _before_life(counts: Counts) -> tuple[str, ...]:
    """Rows that count nothing before a camera's life or after it: in no interval, so they are told here."""
    at = np.arange(counts.bins)
    said = []
    for words, outside in (
        ("before their first read or the register's first day", at < counts.first[:, None]),
        ("after the register's last day", at >= counts.last[:, None]),
    ):
        zeros = (counts.present & (counts.n == 0) & outside).any(axis=1)
        if zeros.any():
            first = counts.cameras[int(zeros.argmax())]
            said.append(f"{int(zeros.sum())} cameras have zeros {words}, {first} first; they are nobody's outage.")
    return tuple(said)
