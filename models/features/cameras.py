"""Which cameras saw a vehicle: rare ones, forces, and how well cameras could have seen it at all.

Rarity and coverage are measured from the reads of all vehicles in the window, never from known names. A camera is its
id: one that was moved is one camera at two places.
"""

from __future__ import annotations

import ibis
from ibis.expr.types import Table

from models.features.feature import Feature, ratio
from models.features.layers import Layers

FEATURES = (
    Feature("cameras", "cameras", "int64", "how many different cameras saw it", ("seen by {cameras:camera|cameras}",)),
    Feature("forces", "forces", "int64", "forces it was seen in (B1)", ("seen in {forces:force area|force areas}",)),
    Feature(
        "rare_camera_share",
        "share of reads",
        "double",
        "reads at cameras that few vehicles pass: back ways, places not meant for all (B6, B10)",
        ("{rare_camera_share:%} of {reads:read|reads} at cameras that few vehicles pass",),
    ),
    Feature(
        "rarest_camera_vehicles",
        "vehicles",
        "int64",
        "vehicles in the window at the least used camera that saw it (B6, B10)",
        ("read at a camera that saw {rarest_camera_vehicles:vehicle|vehicles} in {window_days} days",),
    ),
    Feature(
        "top_camera_share",
        "share of reads",
        "double",
        "one camera sees most of it: a resident or a worker there",
        ("{top_camera_share:%} of {reads:read|reads} at one camera",),
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


def camera_table(visits: Table, days: Table, rare_percent: int) -> Table:
    """One row per camera: vehicles that it saw, days on which it saw any, and whether it is rare.

    Rare: at most `rare_percent` of the vehicles of the median camera (the lower one of two).

    Args:
        visits: One row per vehicle and camera.
        days: One row per camera and day.
        rare_percent: A setting.
    """
    seen = visits.group_by("camera").agg(vehicles=visits.count())
    seen = seen.join(days.group_by("camera").agg(days=days.count()), "camera")
    ranked = seen.mutate(
        rank=ibis.row_number().over(order_by=[seen.vehicles, seen.camera]), number=seen.count().over(ibis.window())
    )
    middle = ibis.ifelse(ranked.rank == (ranked.number - 1) // 2, ranked.vehicles, ibis.null("int64"))
    ranked = ranked.mutate(median=middle.max().over(ibis.window()))
    return ranked.select(
        "camera", "vehicles", "days", rare=(ranked.vehicles * 100 <= ranked.median * rare_percent).cast("int8")
    )


def camera_features(layers: Layers) -> Table:
    """The features of this module, one row per vehicle."""
    places = layers.places.select(
        "place",
        "camera",
        "force_no",
        named=layers.places.force != "",
        moved=layers.places.count().over(ibis.window(group_by=layers.places.camera)) > 1,
    )
    placed = layers.visits.join(places, "place")
    forces = placed.group_by("vid").agg(forces=placed.force_no.nunique(where=placed.named))
    # few cameras move, and to add up the visits of all costs as much as to find them
    moved = placed.filter(placed.moved)
    visits = ibis.union(
        placed.filter(~placed.moved).select("vid", "camera", "reads"),
        moved.group_by(["vid", "camera"]).agg(reads=moved.reads.sum()),
    )
    days = layers.camera_days.join(places, "place").select("camera", "day").distinct()
    seen = visits.join(camera_table(visits, days, layers.settings.rare_camera_percent), "camera")
    summed = seen.group_by("vid").agg(
        cameras=seen.count(),
        all_reads=seen.reads.sum(),
        rare=(seen.reads * seen.rare).sum(),
        rarest_camera_vehicles=seen.vehicles.min(),
        top=seen.reads.max(),
        up=(seen.reads * seen.days).sum(),
    )
    summed = summed.join(forces, "vid")
    return summed.mutate(
        rare_camera_share=ratio(summed.rare, summed.all_reads),
        top_camera_share=ratio(summed.top, summed.all_reads),
        camera_uptime=ratio(summed.up, summed.all_reads * layers.settings.window_days),
    ).drop("all_reads", "rare", "top", "up")
