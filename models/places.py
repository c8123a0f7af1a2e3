"""Where things are: places (a camera at one position), unit vectors, distances in whole metres, grid cells.

A position is known to a thousandth of a degree, about 100 m: sources that give a position with every read let it waver,
and a register is corrected by a few metres now and then. What is the same camera goes by its id, wherever it stands.

Trigonometry happens once per place, not once per read; distances come from the chord between unit vectors, which is the
haversine formula in another dress and is as exact for near points. All results are integers, so sums of them do not
depend on the order of rows.
"""

from __future__ import annotations

import math

import ibis
from ibis.expr.types import FloatingValue, IntegerValue, Table, Value

from models.features.engines import AtMost, Keeper

EARTH_RADIUS_M = 6_371_009
PLACE_CODES = 1 << 20
"""Upper bound of place numbers; lets (value, place) travel as one integer whose maximum has no ties."""

STEPS_A_DEGREE = 1000
"""How finely positions are told apart."""

SIGN_MODULUS = 1_000_000_007
"""Prime modulus of route signatures."""


def kept_places(reads: Table, place_km: int, engine: Keeper) -> Table:
    """`place_table`, kept.

    Raises:
        WrongInputError: There are more places than can be numbered (when it is run).
    """
    limit = AtMost(
        PLACE_CODES,
        f"These reads were made at more than {PLACE_CODES:,} places (cameras at one position).",
        "Give positions by the camera register, or check camera_id in the source file.",
    )
    return engine.keep(place_table(reads, place_km), limit)


def on_grid(degrees: FloatingValue) -> FloatingValue:
    """A latitude or longitude as places have it: the nearest thousandth of a degree, a half upwards."""
    return (degrees * STEPS_A_DEGREE + 0.5).floor().cast("int64") / STEPS_A_DEGREE


def place_table(reads: Table, place_km: int) -> Table:
    """One row per camera and position: `place` (0-based number in the order of camera_id, latitude, longitude).

    Args:
        reads: Reads with camera_id, site_id, latitude, longitude, force.
        place_km: Side of a grid cell in km.

    Returns:
        place, camera_id, latitude and longitude (`on_grid`), camera (number of that id), site_id, force ('' when
        unknown), force_no (number of that name), ux, uy, uz (unit vector), cell (0-based number of its grid cell), sign
        (what the camera adds to the signature of a route; the same whatever other places there are).
    """
    reads = reads.select("camera_id", "latitude", "longitude", "site_id", "force").distinct()
    reads = reads.mutate(latitude=on_grid(reads.latitude), longitude=on_grid(reads.longitude))
    seen = reads.group_by(["camera_id", "latitude", "longitude"]).agg(
        site_id=reads.site_id.min(), force=reads.force.min().fill_null("")
    )
    latitude, longitude = seen.latitude.radians(), seen.longitude.radians()
    side = math.degrees(place_km * 1000 / EARTH_RADIUS_M)
    row = (seen.latitude / side).floor()
    column = (seen.longitude * ((row + 0.5) * side).radians().cos() / side).floor()
    order = [seen.camera_id, seen.latitude, seen.longitude]
    return seen.mutate(
        place=ibis.row_number().over(order_by=order).cast("int32"),
        camera=ibis.dense_rank().over(order_by=seen.camera_id).cast("int32"),
        cell=ibis.dense_rank().over(order_by=[row, column]).cast("int32"),
        force_no=ibis.dense_rank().over(order_by=seen.force).cast("int32"),
        ux=latitude.cos() * longitude.cos(),
        uy=latitude.cos() * longitude.sin(),
        uz=latitude.sin(),
        sign=_sign(seen),
    )


def _sign(seen: Table) -> IntegerValue:
    digits, digest = ibis.literal("0123456789abcdef"), seen.camera_id.hexdigest("md5")
    spread = digits.find(digest[0:1]).cast("int64")
    # of seven digits, for the sum of signs times numbers of reads has to stay within 64 bits
    for at in range(1, 7):
        spread = spread * 16 + digits.find(digest[at : at + 1])
    return spread + 1


def with_vector(table: Table, places: Table, column: str, prefix: str) -> Table:
    """A table with what is known of the place whose number stands in `column`.

    Adds what `known_of` says, and `<prefix>sign`. Rows whose `column` is null are dropped.
    """
    known = known_of(places, prefix) | {f"{prefix}sign": places.sign}
    return table.join(places.select(**{column: places.place}, **known), column)


def known_of(places: Table, prefix: str) -> dict[str, Value]:
    """Of a place, its unit vector (`<prefix>x`, `y`, `z`), force (a number), whether that is known (`named`), cell."""
    known = {
        "x": places.ux,
        "y": places.uy,
        "z": places.uz,
        "force": places.force_no,
        "named": places.force != "",
        "cell": places.cell,
    }
    return {prefix + name: value for name, value in known.items()}


def metres(table: Table, one: str, other: str) -> IntegerValue:
    """Great-circle distance in whole metres between two unit vectors of a row (columns `<prefix>x`, `y`, `z`)."""
    dx, dy, dz = (table[one + axis] - table[other + axis] for axis in "xyz")
    half_chord = (dx * dx + dy * dy + dz * dz).sqrt() / 2
    arc = 2 * EARTH_RADIUS_M * ibis.least(half_chord, ibis.literal(1.0)).asin()
    return arc.round().cast("int64")


def with_code(value: IntegerValue, place: IntegerValue) -> IntegerValue:
    """A value and a place number as one integer: its maximum is the largest value, ties broken by the larger number."""
    return value.cast("int64") * PLACE_CODES + place


def code_of(packed: IntegerValue) -> IntegerValue:
    """The place number packed by `with_code`."""
    return packed % PLACE_CODES


def value_of(packed: IntegerValue, codes: int = PLACE_CODES) -> IntegerValue:
    """The value packed by `with_code`, or with another upper bound of numbers."""
    return (packed - packed % codes) // codes
