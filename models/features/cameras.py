"""Which cameras saw a vehicle: rare ones, forces, and how well cameras could have seen it at all.

Rarity and coverage are measured from the reads of all vehicles in the window, never from known names. A camera is its
id: one that was moved is one camera at two places.
"""

from __future__ import annotations

import ibis
import ibis.expr.datatypes as dt
from ibis.expr.types import IntegerColumn, IntegerScalar, Table

from models.features.feature import Feature, count_where, ratio
from models.features.layers import Layers

BITS = 62
"""Forces in one word: a vehicle's are counted as bits, for to group by them costs as much as all else here."""

FEATURES = (
    Feature("cameras", "cameras", "int64", "how many different cameras saw it", ("seen by {cameras:camera|cameras}",)),
    Feature("forces", "forces", "int64", "forces it was seen in (B1)", ("seen in {forces:force area|force areas}",)),
    Feature(
        "rare_camera_share",
        "share of reads",
        "double",
        "reads at cameras that few vehicles pass: back ways, places not meant for all (B6, B10)",
        ("{rare_camera_share:%} of {reads:read|reads} at cameras that few vehicles pass",),
        says_from=(("reads", 2),),
    ),
    Feature(
        "rarest_camera_vehicles",
        "vehicles",
        "int64",
        "vehicles in the window at the least used camera that saw it (B6, B10)",
        ("the least used of its cameras saw {rarest_camera_vehicles:vehicle|vehicles} in {window_days} days",),
    ),
    Feature(
        "top_camera_share",
        "share of reads",
        "double",
        "one camera sees most of it: a resident or a worker there",
        ("{top_camera_share:%} of {reads:read|reads} at one camera",),
        says_from=(("reads", 2),),
    ),
    Feature("base_cameras", "cameras", "int64", "coverage: cameras in the grid cell of its base"),
    Feature(
        "camera_uptime",
        "share of days",
        "double",
        "coverage: days on which the cameras that saw it had reads of any vehicle, weighted by its reads",
    ),
)


def visit_table(moves: Table) -> Table:
    """One row per vehicle and place: vid, place, reads."""
    return moves.group_by(["vid", "place"]).agg(reads=moves.count())


def camera_day_table(moves: Table) -> Table:
    """One row per place and UTC day on which it saw any vehicle: place, day."""
    return moves.select("place", day=moves.second // 86_400).distinct()


def camera_table(visits: Table, moved: Table, days: Table, places: Table, rare_percent: int) -> Table:
    """One row per camera: vehicles that it saw, days on which it saw any, and whether it is rare.

    Rare: at most `rare_percent` of the vehicles of the median camera (the lower one of two).

    Args:
        visits: One row per vehicle and place.
        moved: One row per vehicle and camera of more than one place.
        days: One row per camera and day.
        places: `_known_places`.
        rare_percent: A setting.
    """
    at_place = visits.group_by("place").agg(vehicles=visits.count())
    still = at_place.join(places.filter(~places.moved), "place").select("camera", "vehicles")
    seen = ibis.union(still, moved.group_by("camera").agg(vehicles=moved.count()))
    seen = seen.join(days.group_by("camera").agg(days=days.count()), "camera")
    ranked = seen.mutate(
        rank=ibis.row_number().over(order_by=[seen.vehicles, seen.camera]), number=seen.count().over(ibis.window())
    )
    middle = ibis.ifelse(ranked.rank == (ranked.number - 1) // 2, ranked.vehicles, ibis.null("int64"))
    ranked = ranked.mutate(median=middle.max().over(ibis.window()))
    return ranked.select(
        "camera", "vehicles", "days", rare=(ranked.vehicles * 100 <= ranked.median * rare_percent).cast("int8")
    )


def _known_places(places: Table) -> Table:
    """place, camera, whether that has several places (`moved`), and its force as one bit of a numbered word."""
    bit = ibis.literal(2.0).pow(places.force_no % BITS).cast("int64")
    return places.select(
        "place",
        "camera",
        moved=places.count().over(ibis.window(group_by=places.camera)) > 1,
        word=places.force_no // BITS,
        bit=ibis.ifelse(places.force != "", bit, 0),
    )


def camera_features(layers: Layers) -> Table:
    """The features of this module, one row per vehicle."""
    places = _known_places(layers.places)
    # few cameras move, and to add up the visits of all costs as much as to find them
    moved = layers.visits.join(places.filter(places.moved), "place")
    moved = moved.group_by(["vid", "camera"]).agg(reads=moved.reads.sum())
    days = layers.camera_days.join(places, "place").select("camera", "day").distinct()
    cameras = camera_table(layers.visits, moved, days, places, layers.settings.rare_camera_percent)
    seen = layers.visits.join(places.join(cameras, "camera"), "place")
    by_word = seen.group_by(["vid", "word"]).agg(
        cameras=count_where(~seen.moved),
        all_reads=seen.reads.sum(),
        rare=(seen.reads * seen.rare).sum(),
        rarest=seen.vehicles.min(),
        top=seen.reads.max(where=~seen.moved),
        up=(seen.reads * seen.days).sum(),
        forces=_all_bits(seen.bit),
    )
    summed = by_word.group_by("vid").agg(
        still=by_word.cameras.sum(),
        all_reads=by_word.all_reads.sum(),
        rare=by_word.rare.sum(),
        rarest_camera_vehicles=by_word.rarest.min(),
        still_top=by_word.top.max().fill_null(0),
        up=by_word.up.sum(),
        forces=_number_of_bits(by_word.forces).sum(),
    )
    several = moved.group_by("vid").agg(several=moved.count(), several_top=moved.reads.max())
    summed = summed.left_join(several, "vid").drop("vid_right")
    summed = summed.mutate(
        cameras=summed.still + summed.several.fill_null(0),
        top=ibis.greatest(summed.still_top, summed.several_top.fill_null(0)),
    )
    return summed.mutate(
        rare_camera_share=ratio(summed.rare, summed.all_reads),
        top_camera_share=ratio(summed.top, summed.all_reads),
        camera_uptime=ratio(summed.up, summed.all_reads * layers.settings.window_days),
    ).drop("all_reads", "rare", "top", "up", "still", "still_top", "several", "several_top")


@ibis.udf.agg.builtin(name="bit_or", signature=((dt.int64,), dt.int64))  # type: ignore[untyped-decorator]
def _all_bits(of: IntegerColumn) -> IntegerScalar: ...


@ibis.udf.scalar.builtin(name="bit_count", signature=((dt.int64,), dt.int64))  # type: ignore[untyped-decorator]
def _number_of_bits(of: IntegerColumn) -> IntegerColumn: ...
