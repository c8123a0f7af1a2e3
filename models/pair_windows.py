"""Windows of pairs: one feature row per pair of vehicles that travelled together over the trailing days.

Belongs here: the order of the steps, as in `models.windows` for single vehicles. The bytes of the result do not depend
on threads or on the order of the reads.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import lru_cache

import duckdb
import ibis
import pyarrow as pa
from ibis.expr.types import Table

from data_contracts.layers.manifests import PartRef
from data_contracts.layers.reads import reads_relation
from infra.lake import Lake
from models.features.columns import window_of
from models.features.engines import Engine, Keeper, Plan
from models.features.layers import Span, span_of
from models.features.named_span import in_named_span, named_span, values_of
from models.features.pair_chance import weekend_days
from models.features.pair_features import FEATURES, pair_features
from models.features.pairs import ConvoySettings, find_together
from models.features.settings import PatternSettings
from models.journeys import move_table, number_batches, number_reads, number_vehicles, reads_in_window
from models.places import kept_places
from models.windows import READS

_GIVEN = "window_reads"


def build_pair_windows(
    connection: duckdb.DuckDBPyConnection, lake: Lake, parts: Sequence[PartRef], as_of: date, settings: PatternSettings
) -> pa.Table:
    """Pair windows of one ROCU on DuckDB; arguments as of `models.windows.build_windows`.

    Returns:
        One row per candidate pair, sorted: vehicle (the two tokens in order, joined by "+"), window_end, the features.
    """
    with connection.cursor() as cursor:
        reads_relation(cursor, lake, parts, _GIVEN)
        return pair_windows_of_given(cursor, as_of, settings)


def pair_windows_of_given(connection: duckdb.DuckDBPyConnection, as_of: date, settings: PatternSettings) -> pa.Table:
    """Pair windows from the table `window_reads` of a connection, which is left with the tables of the steps."""
    own = _own(settings)
    span = span_of(as_of, own)
    plan = _plan(own.model_dump_json(), span.shifts, weekend_days(as_of, own))
    return window_of(plan.run(connection, values_of(span)), FEATURES, as_of)


@lru_cache(maxsize=16)
def _plan(settings: str, shifts: tuple[int, ...], weekend: int) -> Plan:
    """The statements of any window of these settings, offsets of local time and days at the weekend."""
    own, plan = ConvoySettings.model_validate_json(settings), Plan()
    reads = in_named_span(ibis.table(READS, name=_GIVEN))
    return plan.end(_expression(reads, named_span(shifts), weekend, own, plan))


def pair_window_table(reads: Table, as_of: date, settings: PatternSettings, engine: Engine) -> pa.Table:
    """Pair windows from any table with the columns of the reads layer, on any engine. See `build_pair_windows`."""
    own = _own(settings)
    inside, span = reads_in_window(reads, as_of, own), span_of(as_of, own)
    found = _expression(inside, span, weekend_days(as_of, own), own, engine)
    return window_of(engine.fetch(found), FEATURES, as_of)


def _own(settings: PatternSettings) -> ConvoySettings:
    return settings if isinstance(settings, ConvoySettings) else ConvoySettings(**settings.model_dump())


def _expression(reads: Table, span: Span, weekend: int, own: ConvoySettings, engine: Keeper) -> Table:
    vehicles, batches = engine.keep(number_vehicles(reads)), engine.keep(number_batches(reads))
    places = kept_places(reads, own.place_km, engine)
    moves = move_table(number_reads(reads, vehicles, batches, places, own.low_confidence), own, engine)
    moves = engine.keep(moves.join(places.select("place", "camera"), "place"))
    together = find_together(moves, places, own, engine)
    found = pair_features(together, moves, places, span, weekend, own, engine)
    return _named(engine.keep(found), vehicles)


def _named(found: Table, vehicles: Table) -> Table:
    for name in ("one", "other"):
        tokens = vehicles.select(**{name: vehicles.vid, f"{name}_token": vehicles.vehicle})
        found = found.join(tokens, name)
    named = found.mutate(vehicle=found.one_token.concat("+", found.other_token))
    return named.select("vehicle", *(feature.name for feature in FEATURES)).order_by("vehicle")
