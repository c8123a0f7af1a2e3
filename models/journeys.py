"""From reads to journeys: the reads of one vehicle put in their total order, hops between them, continuous travel.

Belongs here: what a hop, a journey and its ends are. Does not: windows and features. Every function takes and gives an
Ibis table, so DuckDB and Spark run the same expression. Inside, vehicle, batch and camera are numbers (cheap to sort
and to join); `journey_table` gives the names back.

The total order of reads is (vehicle, captured_at, batch_id, row_no).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import ibis
from ibis.expr.types import BooleanValue, IntegerScalar, IntegerValue, Table

from models.features.engines import Keeper, Line
from models.features.settings import PatternSettings, window_start
from models.places import SIGN_MODULUS, code_of, known_of, metres, on_grid, value_of, with_code, with_vector

_ROWS = 1 << 40


@dataclass(frozen=True)
class Numbered:
    """Reads with numbers for names, and the tables that give the names back."""

    reads: Table
    vehicles: Table
    places: Table


def reads_in_window(reads: Table, as_of: date, settings: PatternSettings) -> Table:
    """The reads captured on the days of the window that ends on `as_of`, first and last day included."""
    start = datetime.combine(window_start(as_of, settings), time())
    end = datetime.combine(as_of + timedelta(days=1), time())
    return reads.filter(reads.captured_at >= ibis.timestamp(start), reads.captured_at < ibis.timestamp(end))


def number_vehicles(reads: Table) -> Table:
    """`vehicle` and its number `vid`, in the order of the tokens."""
    seen = reads.select("vehicle").distinct()
    return seen.mutate(vid=ibis.row_number().over(order_by=seen.vehicle).cast("int32"))


def number_batches(reads: Table) -> Table:
    """`batch_id` and its number `batch`, in the order of the ids."""
    seen = reads.select("batch_id").distinct()
    return seen.mutate(batch=ibis.row_number().over(order_by=seen.batch_id))


def number_reads(reads: Table, vehicles: Table, batches: Table, places: Table, low_confidence: int) -> Table:
    """Reads with numbers for names.

    Returns:
        vid, captured_at, tie (batch and row as one integer), place, what is known of it (as `models.places.known_of`
        gives it, after `b_`), repaired and doubtful (0 or 1).
    """
    known = known_of(places, "b_")
    position = places.select("camera_id", "latitude", "longitude", "place", **known)
    reads = reads.mutate(latitude=on_grid(reads.latitude), longitude=on_grid(reads.longitude))
    joined = (
        reads.join(vehicles, "vehicle").join(batches, "batch_id").join(position, ["camera_id", "latitude", "longitude"])
    )
    return joined.select(
        vid=joined.vid,
        captured_at=joined.captured_at,
        tie=joined.batch * _ROWS + joined.row_no,
        place=joined.place,
        **{name: joined[name] for name in known},
        repaired=joined.plate_repaired.fill_null(False).cast("int8"),
        doubtful=(joined.confidence < low_confidence).fill_null(False).cast("int8"),
    )


def move_table(numbered: Table, settings: PatternSettings, engine: Keeper) -> Table:
    """Each read with the hop from the one before it: one row per read, from one sort; kept.

    A journey begins with a vehicle's first read, and where the gap is longer than `journey_gap_minutes` and longer than
    the distance explains at `min_speed_kmh` with `slack_percent`.

    Returns:
        vid, n (number of the read: each one more than that before it of the vehicle), first (of its vehicle), second
        (epoch), place, prev_second and prev_place (the first read's own), hop_m, leaves (the hop ends in another grid
        cell), crossing (0 or 1: into another force), starts (a journey begins here), start (number and place of the
        read with which its journey began, as one integer), repaired, doubtful.
    """
    return engine.keep_along(numbered, "vid", ("captured_at", "tie"), lambda line: _moves(line, settings))


def _moves(line: Line, settings: PatternSettings) -> Table:
    reads = line.rows.mutate(second=line.rows.captured_at.truncate("s").epoch_seconds().cast("int64"))
    before = {name: reads[name].lag().over(line.beside) for name in reads.columns}
    first = (before["vid"] != reads.vid).fill_null(True)
    positions = [name for name in reads.columns if name.startswith("b_")]
    ends = reads.select(
        *reads.columns,
        n=ibis.row_number().over(line.beside),
        first=first,
        prev_second=ibis.ifelse(first, reads.second, before["second"]),
        prev_place=ibis.ifelse(first, reads.place, before["place"]),
        **{"a_" + name.removeprefix("b_"): before[name] for name in positions},
    )
    hop_m = ibis.ifelse(ends["first"], 0, metres(ends, "a_", "b_")).cast("int32")
    moves = ends.select(
        *(name for name in ends.columns if name[:2] not in ("a_", "b_")),
        hop_m=hop_m,
        leaves=~ends["first"] & (ends.a_cell != ends.b_cell),
        crossing=ibis.ifelse(ends["first"], 0, crosses(ends)).cast("int8"),
        starts=ends["first"] | ends_journey(ends.second - ends.prev_second, hop_m, settings),
    )
    begun = ibis.ifelse(moves.starts, with_code(moves.n, moves.place), ibis.null("int64"))
    return moves.mutate(start=begun.max().over(line.so_far)).drop("captured_at", "tie")


def crosses(ends: Table) -> IntegerValue:
    """1 where a hop from `a_` leads to `b_` in another force, both known."""
    return ((ends.a_force != ends.b_force) & (ends.a_named & ends.b_named)).cast("int8")


def ends_journey(gap: IntegerValue, hop_m: IntegerValue, settings: PatternSettings) -> BooleanValue:
    """Whether so many seconds without a read, over so many metres, end a journey."""
    unexplained = gap * (settings.min_speed_kmh * 1000 * 100) > hop_m.cast("int64") * (3600 * settings.slack_percent)
    return (gap > settings.journey_gap_minutes * 60) & unexplained


def local_second(second: IntegerValue, offsets: tuple[tuple[int | IntegerScalar, int], ...]) -> IntegerValue:
    """Epoch seconds shifted to local time by the offsets of `zone_offsets`."""
    shift = ibis.literal(offsets[0][1])
    for since, offset in offsets[1:]:
        shift = ibis.ifelse(second >= since, ibis.literal(offset), shift)
    return second + shift


def journeys(moves: Table, places: Table, engine: Keeper) -> Table:
    """Continuous travel: one row per journey, all columns whole numbers.

    Args:
        moves: `move_table`, or some of its vehicles.
        places: `models.places.place_table`.
        engine: Puts the journeys in line.

    Returns:
        vid, start (as moves have it), first (of its vehicle), reads, start_second, end_second, origin, destination
        (places), distance_m, turn and reach_m (the place farthest from the origin and how far), a signature of the
        cameras in their order (sign_sum, sign_order), and of the same vehicle's next journey next_start, next_origin,
        next_destination (null for the last).
    """
    travel = moves.select("vid", "n", "second", "place", "hop_m", "starts", "start")
    travel = travel.mutate(origin=code_of(travel.start).cast("int32"))
    ends = with_vector(with_vector(travel, places, "origin", "a_"), places, "place", "b_")
    summed = ends.group_by(["vid", "start"]).agg(
        reads=ends.count(),
        start_second=ends.second.min(),
        end_second=ends.second.max(),
        last=with_code(ends.n, ends.place).max(),
        farthest=with_code(metres(ends, "a_", "b_"), ends.place).max(),
        distance_m=ibis.ifelse(ends.starts, 0, ends.hop_m).sum(),
        sign_sum=ends.b_sign.sum(),
        sign_order=(ends.b_sign * ends.n % SIGN_MODULUS).sum(),
    )
    return with_ends(summed, engine)


def with_ends(summed: Table, engine: Keeper) -> Table:
    """Journeys from what is summed of each: see `journeys`."""
    line = engine.line_up(summed, "vid", ("start",))
    rows = line.rows
    after = {name: rows[name].lead().over(line.beside) for name in ("vid", "start_second", "start", "last")}
    goes_on = (after["vid"] == rows.vid).fill_null(False)
    return rows.select(
        "vid",
        "start",
        "reads",
        "start_second",
        "end_second",
        "distance_m",
        "sign_sum",
        first=(rows.vid.lag().over(line.beside) != rows.vid).fill_null(True),
        origin=code_of(rows.start).cast("int32"),
        destination=code_of(rows["last"]).cast("int32"),
        turn=code_of(rows.farthest).cast("int32"),
        reach_m=value_of(rows.farthest),
        sign_order=order_sign(rows.sign_order - rows.sign_sum % SIGN_MODULUS * value_of(rows.start)),
        next_start=ibis.ifelse(goes_on, after["start_second"], ibis.null("int64")),
        next_origin=ibis.ifelse(goes_on, code_of(after["start"]).cast("int32"), ibis.null("int32")),
        next_destination=ibis.ifelse(goes_on, code_of(after["last"]).cast("int32"), ibis.null("int32")),
    )


def order_sign(total: IntegerValue) -> IntegerValue:
    """The part of a signature that knows the order of the cameras, from any sum that is right by its modulus."""
    return (total % SIGN_MODULUS + SIGN_MODULUS) % SIGN_MODULUS


def journey_table(found: Table, vehicles: Table, places: Table) -> Table:
    """Journeys with names, for people and for other tools.

    Returns:
        vehicle, journey_id (the vehicle's token and the second of its first read), start_at, end_at (UTC), reads,
        distance_m, reach_m, and for origin_ and destination_: camera_id, site_id, latitude and longitude (as places
        have them, to a thousandth of a degree), force; sorted by vehicle and start.
    """
    named = found.join(vehicles, "vid")
    columns = ["camera_id", "site_id", "latitude", "longitude", "force"]
    for end in ("origin", "destination"):
        names = places.select(**{f"{end}_place": "place"}, **{f"{end}_{column}": column for column in columns})
        named = named.join(names, named[end] == names[f"{end}_place"])
    return named.select(
        "vehicle",
        journey_id=named.vehicle.concat("-", named.start_second.cast("string")),
        start_at=named.start_second.as_timestamp("s"),
        end_at=named.end_second.as_timestamp("s"),
        **{f"{end}_{column}": named[f"{end}_{column}"] for end in ("origin", "destination") for column in columns},
        reads=named.reads,
        distance_m=named.distance_m,
        reach_m=named.reach_m,
    ).order_by("vehicle", "start_at")
