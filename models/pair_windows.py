"""Windows of pairs: one feature row per pair of vehicles that travelled together over the trailing days.

Belongs here: the order of the steps, as in `models.windows` for single vehicles. The bytes of the result do not depend
on threads or on the order of the reads.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import duckdb
import ibis
import pyarrow as pa
from ibis.expr.types import Table

from data_contracts.manifests import PartRef
from data_contracts.reads import reads_relation
from infra.lake import Lake
from models.features.columns import window_of
from models.features.engines import DuckDBEngine, Engine
from models.features.layers import span_of
from models.features.pair_features import FEATURES, pair_features
from models.features.pairs import ConvoySettings, find_together
from models.features.settings import PatternSettings
from models.journeys import move_table, number_batches, number_reads, number_vehicles, reads_in_window
from models.places import kept_places
from models.windows import READS


def build_pair_windows(
    connection: duckdb.DuckDBPyConnection, lake: Lake, parts: Sequence[PartRef], as_of: date, settings: PatternSettings
) -> pa.Table:
    """Pair windows of one ROCU on DuckDB; arguments as of `models.windows.build_windows`.

    Returns:
        One row per candidate pair, sorted: vehicle (the two tokens in order, joined by "+"), window_end, the features.
    """
    with connection.cursor() as cursor:
        reads_relation(cursor, lake, parts, "pair_window_reads")
        return pair_window_table(ibis.table(READS, name="pair_window_reads"), as_of, settings, DuckDBEngine(cursor))


def pair_window_table(reads: Table, as_of: date, settings: PatternSettings, engine: Engine) -> pa.Table:
    """Pair windows from any table with the columns of the reads layer, on any engine. See `build_pair_windows`."""
    own = settings if isinstance(settings, ConvoySettings) else ConvoySettings(**settings.model_dump())
    reads = reads_in_window(reads, as_of, own)
    vehicles, batches = engine.keep(number_vehicles(reads)), engine.keep(number_batches(reads))
    places = kept_places(reads, own.place_km, engine)
    moves = move_table(number_reads(reads, vehicles, batches, places, own.low_confidence), places, own)
    moves = engine.keep(moves.join(places.select("place", "camera"), "place"))
    together = find_together(moves, places, own, engine)
    found = pair_features(together, moves, places, span_of(as_of, own), as_of, own, engine)
    return window_of(engine.fetch(_named(engine.keep(found), vehicles)), FEATURES, as_of)


def _named(found: Table, vehicles: Table) -> Table:
    for name in ("one", "other"):
        tokens = vehicles.select(**{name: vehicles.vid, f"{name}_token": vehicles.vehicle})
        found = found.join(tokens, name)
    named = found.mutate(vehicle=found.one_token.concat("+", found.other_token))
    return named.select("vehicle", *(feature.name for feature in FEATURES)).order_by("vehicle")
