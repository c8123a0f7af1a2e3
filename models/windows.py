"""Windows: one feature row per vehicle over the trailing days, from the reads of those days and nothing else.

Belongs here: the order of the steps and what is kept between them. Each step is an Ibis expression of another module,
so another engine runs the same. The bytes of the result do not depend on threads or on the order of the reads: sums are
over whole numbers, and every order is total.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

import duckdb
import ibis
import pyarrow as pa
from ibis.expr.types import Table

from data_contracts.layers.manifests import PartRef
from data_contracts.layers.reads import reads_relation
from infra.lake import Lake
from models.features import cameras, co_travel, presence, runs, stays, travel, trips
from models.features.columns import window_of
from models.features.engines import Engine, Keeper, Plan
from models.features.feature import Feature
from models.features.layers import Layers, Span, span_of
from models.features.named_span import in_named_span, named_span, values_of
from models.features.settings import PatternSettings
from models.journeys import (
    Numbered,
    journeys,
    move_table,
    number_batches,
    number_reads,
    number_vehicles,
    reads_in_window,
)
from models.places import kept_places

FEATURES: tuple[Feature, ...] = (
    *trips.FEATURES,
    *stays.FEATURES,
    *travel.FEATURES,
    *presence.FEATURES,
    *cameras.FEATURES,
    *co_travel.FEATURES,
    *runs.FEATURES,
)
"""Every feature of a vehicle's window, in the order of the columns."""

READS = ibis.schema(
    {
        "vehicle": "string",
        "batch_id": "string",
        "row_no": "int64",
        "captured_at": "timestamp",
        "camera_id": "string",
        "site_id": "string",
        "latitude": "float64",
        "longitude": "float64",
        "force": "string",
        "plate_repaired": "boolean",
        "confidence": "float64",
    }
)
"""What windows need of the reads layer."""
_GIVEN = "window_reads"


@dataclass(frozen=True)
class Reduced:
    """The tables of `Layers` that come straight from the moves; they can be put together from days as well."""

    journeys: Table
    passes: Table
    visits: Table
    seen: Table
    legs: Table
    camera_days: Table


def build_windows(
    connection: duckdb.DuckDBPyConnection, lake: Lake, parts: Sequence[PartRef], as_of: date, settings: PatternSettings
) -> pa.Table:
    """Windows of one ROCU on DuckDB.

    Args:
        connection: Gives threads and memory; its own tables and settings are left as they are.
        lake: Where the parts lie.
        parts: Parts of the reads layer; days outside the window are ignored.
        as_of: Last day of the window (UTC), included.
        settings: What a journey, a place and a trip are.

    Returns:
        One row per vehicle with at least one read in the window, sorted by vehicle: vehicle, window_end, then FEATURES.

    Raises:
        FaultError: A part that a record names is not there.
        WrongInputError: There are more places than can be numbered.
    """
    with connection.cursor() as cursor:
        reads_relation(cursor, lake, parts, _GIVEN)
        return windows_of_given(cursor, as_of, settings)


def windows_of_given(
    connection: duckdb.DuckDBPyConnection, as_of: date, settings: PatternSettings, given: str = _GIVEN
) -> pa.Table:
    """Windows from a table of reads that a connection has, which is left with the tables of the steps."""
    span = span_of(as_of, settings)
    plan = _plan(given, type(settings), settings.model_dump_json(), span.shifts)
    return window_of(plan.run(connection, values_of(span)), FEATURES, as_of)


@lru_cache(maxsize=16)
def _plan(given: str, kind: type[PatternSettings], settings: str, shifts: tuple[int, ...]) -> Plan:
    """The statements of any window of these settings and offsets of local time."""
    plan = Plan()
    reads = in_named_span(ibis.table(READS, name=given))
    return plan.end(_expression(reads, named_span(shifts), kind.model_validate_json(settings), plan))


def window_table(reads: Table, as_of: date, settings: PatternSettings, engine: Engine) -> pa.Table:
    """Windows from any table with the columns of the reads layer, on any engine. See `build_windows`."""
    inside = reads_in_window(reads, as_of, settings)
    return window_of(engine.fetch(_expression(inside, span_of(as_of, settings), settings, engine)), FEATURES, as_of)


def _expression(reads: Table, span: Span, settings: PatternSettings, engine: Keeper) -> Table:
    numbered = _number(reads, settings, engine)
    layers = _layers(numbered, span, settings, engine)
    return features_of(layers, numbered.vehicles, engine)


def _number(reads: Table, settings: PatternSettings, engine: Keeper) -> Numbered:
    vehicles, batches = engine.keep(number_vehicles(reads)), engine.keep(number_batches(reads))
    places = kept_places(reads, settings.place_km, engine)
    return Numbered(number_reads(reads, vehicles, batches, places, settings.low_confidence), vehicles, places)


def _layers(numbered: Numbered, span: Span, settings: PatternSettings, engine: Keeper) -> Layers:
    places = numbered.places
    moves = move_table(numbered.reads, settings, engine)
    reduced = Reduced(
        journeys=engine.keep(journeys(moves, places, engine)),
        passes=stays.pass_table(moves),
        visits=engine.keep(cameras.visit_table(moves)),
        seen=presence.presence_sums(moves, span, settings),
        legs=co_travel.legs_of(co_travel.leg_moves(moves), places),
        camera_days=cameras.camera_day_table(moves),
    )
    return layers_of(reduced, places, span, settings, engine)


def layers_of(reduced: Reduced, places: Table, span: Span, settings: PatternSettings, engine: Keeper) -> Layers:
    """The tables that features are made from, from what is left of the reads."""
    travelled = reduced.journeys
    stayed = engine.keep(stays.stay_table(travelled, span))
    bases = engine.keep(stays.base_table(stayed, places))
    reached = engine.keep(stays.reached_table(reduced.passes, bases, places))
    stayed = engine.keep(stays.placed_stays(stayed, bases, reached, places, settings, engine))
    return Layers(
        seen=reduced.seen,
        legs=reduced.legs,
        camera_days=reduced.camera_days,
        journeys=travelled,
        stays=stayed,
        trips=engine.keep(trips.trip_table(stayed, settings)),
        visits=reduced.visits,
        places=places,
        span=span,
        settings=settings,
    )


def features_of(layers: Layers, vehicles: Table, engine: Keeper) -> Table:
    """All features, one row per vehicle of `vehicles`, sorted by its token."""
    stayed = stays.stay_features(layers)
    families = [
        stayed,
        trips.trip_features(layers),
        travel.travel_features(layers),
        presence.presence_features(layers),
        cameras.camera_features(layers),
        co_travel.co_travel_features(layers, engine),
        runs.run_features(layers, engine.keep(runs.run_table(layers.journeys, layers.places, layers.settings))),
    ]
    joined = vehicles
    for family in families:
        joined = joined.left_join(engine.keep(family), "vid").drop("vid_right")
    cells = layers.places.group_by(base_cell="cell").agg(base_cameras=ibis._.camera.nunique())
    joined = joined.left_join(cells, "base_cell")
    columns = {
        feature.name: joined[feature.name].fill_null(0).cast("int64")
        if feature.dtype == "int64"
        else joined[feature.name].cast("float64")
        for feature in FEATURES
    }
    # numbers are in the order of the tokens and cost less to sort
    return joined.order_by("vid").select("vehicle", **columns)
