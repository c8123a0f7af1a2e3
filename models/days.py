"""The layer `days`: what each day of a ROCU's reads comes down to, kept, so that no window looks at the reads again.

A day's share is named by the content of the parts that it was made from, by the settings, and by the code that made it.
So a late file, a batch judged again, another setting or another version renews exactly the days that it touches. A
share that is there is right if its seal holds; one that was changed since is told and made anew. One that was
superseded stays, for another process may be reading it. Belongs here: keeping and finding shares, windows from them.
Does not: what they hold (`models.features.day_parts`), the seal (`models.day_seal`).
"""

from __future__ import annotations

import hashlib
import secrets
import shutil
from collections.abc import Sequence
from contextlib import suppress
from datetime import date
from functools import cache, lru_cache
from pathlib import Path

import duckdb
import ibis
import pyarrow as pa
from ibis.expr.types import Table

from data_contracts.layers.manifests import PartRef
from data_contracts.layers.reads import parts_digest, reads_relation
from infra.engine import is_disk_full, literal
from infra.errors import FaultError
from infra.lake import Lake, placed
from models.day_seal import KeptDays
from models.features import day_parts
from models.features.columns import window_of
from models.features.day_parts import TABLES
from models.features.engines import Plan
from models.features.layers import span_of
from models.features.named_span import named_span, values_of
from models.features.settings import PatternSettings, window_start
from models.places import kept_places
from models.windows import FEATURES, READS, Reduced, build_windows, features_of, layers_of

_EPOCH = date(1970, 1, 1)
_VIEW = "days_"
_ATTEMPTS = 3


def build_windows_by_day(
    connection: duckdb.DuckDBPyConnection,
    lake: Lake,
    kept: KeptDays,
    parts: Sequence[PartRef],
    as_of: date,
    settings: PatternSettings,
) -> pa.Table:
    """The same windows as `models.windows.build_windows`, byte for byte, from the days' shares; missing ones are made.

    Args:
        connection: Gives threads and memory; its own tables and settings are left as they are.
        lake: Where parts and shares lie.
        kept: Whose shares, and under which key.
        parts: Parts of the reads layer with true digests and dates; days outside the window are ignored.
        as_of: Last day of the window (UTC), included.
        settings: What a journey, a place and a trip are.

    Raises:
        FaultError: A part that a record names is not there, a share was removed meanwhile, or no space is left.
    """
    try:
        return _build(connection, lake, kept, parts, as_of, settings)
    except duckdb.IOException as error:
        if is_disk_full(error):
            raise
        raise FaultError(
            f"A share of the days of {kept.rocu} cannot be read: {error}",
            "Run the same command again; if it happens again, remove the layer `days` of the ROCU, which is made anew.",
        ) from error


def _build(
    connection: duckdb.DuckDBPyConnection,
    lake: Lake,
    kept: KeptDays,
    parts: Sequence[PartRef],
    as_of: date,
    settings: PatternSettings,
) -> pa.Table:
    start = window_start(as_of, settings)
    by_day: dict[date, list[PartRef]] = {}
    for part in parts:
        if part.date is not None and start <= part.date <= as_of and part.rows:
            by_day.setdefault(part.date, []).append(part)
    inside = [part for own in by_day.values() for part in own]
    shares = [keep_day(connection, lake, kept, day, by_day[day], settings) for day in sorted(by_day)]
    if not shares:
        return build_windows(connection, lake, [], as_of, settings)
    span = span_of(as_of, settings)
    moved, joined = _joined(type(settings), settings.model_dump_json(), span.shifts)
    with connection.cursor() as cursor:
        for name in TABLES:
            _view(cursor, shares, name)
        if moved.run(cursor).num_rows:
            return build_windows(connection, lake, inside, as_of, settings)
        return window_of(joined.run(cursor, values_of(span)), FEATURES, as_of)


@lru_cache(maxsize=8)
def _joined(kind: type[PatternSettings], settings: str, shifts: tuple[int, ...]) -> tuple[Plan, Plan]:
    """The statements that tell whether days can be put together, and those that put them together."""
    own, moved, whole = kind.model_validate_json(settings), Plan("known"), Plan()
    days = {name: ibis.table(_schemas()[name], name=_VIEW + name) for name in TABLES}
    places = kept_places(days["places"], own.place_km, moved)
    moved.end(day_parts.moved_forces(days, places).limit(1))
    joined = day_parts.join_days(days, places, own, whole)
    reduced = Reduced(joined.journeys, joined.passes, joined.visits, joined.seen, joined.legs, joined.camera_days)
    layers = layers_of(reduced, places, named_span(shifts), own, whole)
    return moved, whole.end(features_of(layers, joined.vehicles, whole))


def keep_day(
    connection: duckdb.DuckDBPyConnection,
    lake: Lake,
    kept: KeptDays,
    day: date,
    parts: Sequence[PartRef],
    settings: PatternSettings,
) -> Path:
    """The folder of a day's share; made if it is not there or its seal is broken, beside any of other parts or code.

    Raises:
        FaultError: Others go on changing it while it is made, or no space is left.
    """
    name = f"share={share_digest(parts)}-{kept.key_id}"
    target = day_folder(lake, kept.rocu, day, settings) / name
    for _ in range(_ATTEMPTS):
        if target.is_dir():
            if kept.is_whole(lake, target, TABLES):
                return target
            kept.tell(f"what is kept of {day} of {kept.rocu} was changed after it was made: it is made anew")
            _remove(target)
        try:
            _make(connection, lake, kept, day, parts, settings, target)
            return target
        except OSError:
            # another process has made the same in the meantime, and it is looked at as any other
            if not target.is_dir():
                raise
    raise FaultError(
        f"What is kept of {day} of {kept.rocu} is changed again and again while it is made.",
        "Find out who writes to the layer `days` of the lake, then run the same command again.",
    )


def _remove(share: Path) -> None:
    """Out of the way first, so that no other process takes half of it for a share."""
    away = share.with_name(f".{share.name}.{secrets.token_hex(4)}.partial")
    with suppress(FileNotFoundError):
        share.replace(away)
    shutil.rmtree(away, ignore_errors=True)


def _make(
    connection: duckdb.DuckDBPyConnection,
    lake: Lake,
    kept: KeptDays,
    day: date,
    parts: Sequence[PartRef],
    settings: PatternSettings,
    target: Path,
) -> None:
    span = span_of(day, _one_day(settings))
    tables, plan = _plan(type(settings), settings.model_dump_json(), span.shifts)
    number = (day - _EPOCH).days
    with connection.cursor() as cursor, placed(target) as temporary:
        reads_relation(cursor, lake, parts, "day_reads")
        plan.run(cursor, values_of(span))
        temporary.mkdir()
        for name, table in tables.items():
            keys = day_parts.keys_of_day(table.columns, number)
            changed = ", ".join(f"{column} + {added}::BIGINT AS {column}" for column, added in keys.items())
            select = f"SELECT * REPLACE ({changed}), {number}::INTEGER AS day FROM {table.get_name()}"
            cursor.execute(f"COPY ({select}) TO {literal(str(temporary / f'{name}.parquet'))} (FORMAT parquet)")
        kept.seal(lake, target, temporary, TABLES)


@lru_cache(maxsize=8)
def _plan(kind: type[PatternSettings], settings: str, shifts: tuple[int, ...]) -> tuple[dict[str, Table], Plan]:
    """The statements that reduce a day, and the tables that they leave; the same for all days but for local time."""
    own, plan = kind.model_validate_json(settings), Plan()
    reduced = day_parts.day_tables(ibis.table(READS, name="day_reads"), named_span(shifts), own, plan)
    tables = {name: plan.keep(table) for name, table in reduced.items()}
    return tables, plan.end(tables["places"].limit(0))


def _one_day(settings: PatternSettings) -> PatternSettings:
    return settings.model_copy(update={"window_days": 1})


def day_folder(lake: Lake, rocu: str, day: date, settings: PatternSettings) -> Path:
    """Where the shares of one day lie; windows of any length have them in common."""
    text = PatternSettings.model_validate(
        settings.model_dump(include=set(PatternSettings.model_fields)) | {"window_days": 1}
    ).model_dump_json()
    named = hashlib.sha256(text.encode()).hexdigest()[:16]
    return lake.folder("days", rocu, settings=named, date=day.isoformat())


def share_digest(parts: Sequence[PartRef]) -> str:
    """Names a day's share by the content of its parts and by the code that makes it."""
    return hashlib.sha256(f"{parts_digest(parts)}\n{_code_digest()}".encode()).hexdigest()[:32]


@cache
def _code_digest() -> str:
    from data_contracts.layers import reads
    from models import features, journeys, places, windows

    digest = hashlib.sha256(f"duckdb {duckdb.__version__}, ibis {ibis.__version__}".encode())
    single = [Path(str(module.__file__)) for module in (journeys, places, windows, reads)]
    for file in (Path(__file__), *single, *sorted(Path(str(features.__file__)).parent.glob("*.py"))):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _view(cursor: duckdb.DuckDBPyConnection, shares: Sequence[Path], name: str) -> None:
    paths = ", ".join(literal(str(share / f"{name}.parquet")) for share in shares)
    cursor.execute(
        f"CREATE OR REPLACE TEMP VIEW {_VIEW}{name} AS SELECT * FROM read_parquet([{paths}], hive_partitioning = false)"
    )


@cache
def _schemas() -> dict[str, ibis.Schema]:
    tables, _ = _plan(PatternSettings, PatternSettings().model_dump_json(), (0,))
    found = {}
    for name, table in tables.items():
        wide = dict.fromkeys(day_parts.keys_of_day(table.columns, 0), "int64")
        found[name] = ibis.schema(dict(table.schema()) | wide | {"day": "int32"})
    return found
