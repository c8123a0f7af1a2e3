"""What every feature of a vehicle is, written again in plain Python, one read after the other, to hold the product to.

Belongs here: the same definitions by other means, slowly. Does not: anything of `models` but the settings.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from datetime import UTC, datetime
from itertools import pairwise
from statistics import median, pstdev
from typing import Any
from zoneinfo import ZoneInfo

from models.features.settings import PatternSettings

EARTH_M = 6_371_009
Row = dict[str, Any]


def metres(one: Row, other: Row) -> int:
    """Haversine between two reads' cameras."""
    a, b = math.radians(one["latitude"]), math.radians(other["latitude"])
    half = math.radians(other["longitude"] - one["longitude"]) / 2
    chord = math.sin((b - a) / 2) ** 2 + math.cos(a) * math.cos(b) * math.sin(half) ** 2
    return round(2 * EARTH_M * math.asin(math.sqrt(chord)))


def cell(read: Row, own: PatternSettings) -> tuple[int, int]:
    side = math.degrees(own.place_km * 1000 / EARTH_M)
    row = math.floor(read["latitude"] / side)
    return row, math.floor(read["longitude"] * math.cos(math.radians((row + 0.5) * side)) / side)


def second(read: Row) -> int:
    return int(read["captured_at"].replace(tzinfo=UTC).timestamp())


def local(at: int, own: PatternSettings) -> datetime:
    return datetime.fromtimestamp(at, ZoneInfo(own.zone))


def by_night(at: int, own: PatternSettings) -> bool:
    hour = local(at, own).hour
    return hour >= own.night_from_hour or hour < own.night_to_hour


def late(at: datetime, own: PatternSettings) -> bool:
    return at.hour >= own.evening_from_hour or at.hour < own.night_to_hour


def hours_apart(times: list[datetime], own: PatternSettings) -> float | None:
    """Standard deviation of the times of day, which are counted from the end of the night."""
    since = [(at.hour - own.night_to_hour) % 24 + at.minute / 60 for at in times]
    return pstdev(since) if len(since) > 1 else None


def share(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def varies(waits: list[int]) -> float | None:
    return pstdev(waits) / (sum(waits) / len(waits)) if len(waits) > 1 and sum(waits) else None


def journeys_of(reads: list[Row], own: PatternSettings) -> list[list[Row]]:
    found: list[list[Row]] = []
    for before, read in pairwise([None, *reads]):
        gap = second(read) - second(before) if before else math.inf
        explained = metres(before, read) * 3600 * own.slack_percent if before else 0
        ends = gap > own.journey_gap_minutes * 60 and gap * own.min_speed_kmh * 100_000 > explained
        found += [[read]] if ends else []
        found[-1] += [] if ends else [read]
    return found


def stays_of(travelled: list[list[Row]], begin: int, end: int) -> list[Row]:
    """Stays in their order: the read at whose camera it was, from when to when, and the journey that led there."""
    first = travelled[0][0]
    found = [{"at": first, "arrived": begin, "left": second(first), "led": [], "bounded": False}]
    for journey, after in pairwise([*travelled, None]):
        left = second(after[0]) if after else end
        found.append(
            {"at": journey[-1], "arrived": second(journey[-1]), "left": left, "led": journey, "bounded": bool(after)}
        )
    return [stay | {"s": stay["left"] - stay["arrived"]} for stay in found]


def base_of(stays: list[Row], own: PatternSettings) -> tuple[Row, tuple[int, int], int]:
    total: Counter[tuple[int, int]] = Counter()
    for stay in stays:
        total[cell(stay["at"], own)] += stay["s"]
    best = max(total, key=lambda one: (total[one], one))
    here = [stay for stay in stays if cell(stay["at"], own) == best]
    return max(here, key=lambda stay: (stay["s"], stay["at"]["camera_id"]))["at"], best, total[best]


def trips_of(stays: list[Row], base: Row, own: PatternSettings) -> list[Row]:
    found, outing, begun = [], [], False
    for stay in stays:
        far = metres(base, stay["at"])
        outing.append(stay | {"away": far >= own.away_km * 1000})
        if far > own.place_km * 1000 or far >= own.away_km * 1000:
            continue
        passed = [(metres(base, read), cell(read, own)) for one in outing for read in (*one["led"], one["at"])]
        stayed = [(one["s"], cell(one["at"], own)) for one in outing if one["away"]]
        if begun and max(passed)[0] >= own.away_km * 1000:
            found.append(
                {
                    "depart": second(outing[0]["led"][0]),
                    "back": stay["arrived"],
                    "stay": sum(s for s, _ in stayed),
                    "far": max(passed)[0],
                    "cell": max(stayed or passed)[1],
                }
            )
        outing, begun = [], True
    return found


def runs_of(travelled: list[list[Row]], own: PatternSettings) -> tuple[list[Row], list[int]]:
    """Quick runs, no two of which have a journey in common, and the longer stays between a way out and back."""
    least, quick, longer = own.run_km * 1000, [], []
    reach = [max((metres(one[0], read), -number) for number, read in enumerate(one)) for one in travelled]
    out = [metres(one[0], one[-1]) for one in travelled]
    loop = [far[0] >= least and ends * 2 <= far[0] for far, ends in zip(reach, out, strict=True)]
    taken = -1
    for n, one in enumerate(travelled):
        if loop[n]:
            far = max((metres(one[0], read), read["camera_id"], number) for number, read in enumerate(one))
            turn = one[far[2]]
            quick.append({"at": second(one[0]), "stop": 0, "km": far[0], "out": one[0], "turn": turn, "journeys": 1})
            continue
        if n + 1 == len(travelled) or loop[n + 1] or out[n] < least:
            continue
        back = travelled[n + 1]
        if metres(one[0], back[-1]) * 2 > out[n] or metres(one[-1], back[0]) * 2 > out[n]:
            continue
        stop = second(back[0]) - second(one[-1])
        if stop > own.short_stay_minutes * 60:
            longer.append(stop)
        elif taken < n:
            taken = n + 1
            quick.append(
                {"at": second(one[0]), "stop": stop, "km": out[n], "out": one[0], "turn": one[-1], "journeys": 2}
            )
    return sorted(quick, key=lambda run: (run["at"], run["stop"])), longer


def facts_by_hand(rows: list[Row], first: datetime, own: PatternSettings) -> dict[str, dict[str, Any]]:
    """Every feature of every vehicle, but for those of co-travel.

    Args:
        rows: Reads of the window, each at its camera's true position.
        first: Midnight at which the window begins.
        own: The settings.
    """
    begin = int(first.replace(tzinfo=UTC).timestamp())
    end = begin + own.window_days * 86_400
    by_vehicle: dict[str, list[Row]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: (row["captured_at"], row["batch_id"], row["row_no"])):
        by_vehicle[row["vehicle"]].append(row)
    known = {name: _vehicle(reads, begin, end, own) for name, reads in by_vehicle.items()}
    _among_others(known, rows, own)
    return known


def _vehicle(reads: list[Row], begin: int, end: int, own: PatternSettings) -> dict[str, Any]:
    travelled = journeys_of(reads, own)
    stays = stays_of(travelled, begin, end)
    base, base_cell, base_s = base_of(stays, own)
    return {
        "base_cell": base_cell,
        "reads_of": reads,
        "base_share": base_s / (end - begin),
        "farthest_km": math.ceil(max(metres(base, read) for read in reads) / 1000),
        **_of_stays([stay for stay in stays if metres(base, stay["at"]) >= own.away_km * 1000], own),
        **_of_trips(trips_of(stays, base, own), own),
        **_of_journeys(travelled, own),
        **_of_runs(*runs_of(travelled, own), len(travelled), own),
        **_of_reads(reads, begin, end, own),
    }


def _of_stays(away: list[Row], own: PatternSettings) -> dict[str, Any]:
    known = [stay["s"] for stay in away if stay["bounded"]]
    return {
        "away_places": len({cell(stay["at"], own) for stay in away}),
        "away_stays": len(known),
        "away_stay_median_min": median(s // 60 for s in known) if known else None,
        "away_stay_min_min": min(known) // 60 if known else None,
        "short_stay_share": share(sum(s <= own.short_stay_minutes * 60 for s in known), len(known)),
        "multi_day_stays": sum(s >= own.long_stay_hours * 3600 for s in known),
        "longest_away_stay_h": max(known) / 3600 if known else None,
    }


def _of_trips(trips: list[Row], own: PatternSettings) -> dict[str, Any]:
    same_day = [trip["back"] - trip["depart"] <= own.same_day_hours * 3600 for trip in trips]
    short = [trip["stay"] <= own.short_stay_minutes * 60 for trip in trips]
    waits = [(two["depart"] - one["depart"]) // 60 for one, two in pairwise(trips)]
    bands = Counter(local(trip["depart"], own).hour // own.departure_band_hours for trip in trips)
    towns = Counter(trip["cell"] for trip in trips)
    return {
        "away_trips": len(trips),
        "trip_stay_median_min": median(trip["stay"] // 60 for trip in trips) if trips else None,
        "quick_trips": sum(map(all, zip(same_day, short, strict=True))),
        "same_day_share": share(sum(same_day), len(trips)),
        "trip_interval_h": median(wait // 60 for wait in waits) if waits else None,
        "trip_interval_cv": varies(waits),
        "trip_band_share": share(max(bands.values(), default=0), len(trips)),
        "night_trips": sum(by_night(trip["depart"], own) for trip in trips),
        "trip_km_median": median(trip["far"] // 1000 for trip in trips) if trips else None,
        "main_away_share": share(max(towns.values(), default=0), len(trips)),
        "trip_towns": len(towns),
    }


def _of_journeys(travelled: list[list[Row]], own: PatternSettings) -> dict[str, Any]:
    times = [second(one[-1]) - second(one[0]) for one in travelled]
    length = sum(metres(a, b) for one in travelled for a, b in pairwise(one))
    reach = [max(metres(one[0], read) for read in one) for one in travelled]
    ends = [(cell(one[0], own), cell(one[-1], own)) for one in travelled]
    loops = sum(a == b and far >= own.place_km * 1000 for (a, b), far in zip(ends, reach, strict=True))
    back = sum(one[0] != one[1] and one == other[::-1] for one, other in pairwise(ends))
    count = len(travelled)
    begun = [local(second(one[0]), own) for one in travelled]
    return {
        "journeys": count,
        "reads_per_journey": sum(map(len, travelled)) / count,
        "distance_km": length // 1000,
        "longest_reach_km": max(reach) // 1000,
        "journey_median_min": median(time // 60 for time in times),
        "speed_kmh": length * 3.6 / sum(times) if sum(times) else None,
        "evening_share": sum(late(at, own) for at in begun) / count,
        "journey_hour_sd": hours_apart(begun, own),
        "return_share": (loops + back) / count,
        "main_route_share": max(Counter(tuple(r["camera_id"] for r in one) for one in travelled).values()) / count,
        "main_pair_share": max(Counter(ends).values()) / count,
    }


def _of_runs(quick: list[Row], longer: list[int], journeys: int, own: PatternSettings) -> dict[str, Any]:
    turns = Counter(cell(run["turn"], own) for run in quick)
    ways = Counter((cell(run["out"], own), cell(run["turn"], own)) for run in quick)
    times = [local(run["at"], own) for run in quick]
    return {
        "quick_runs": len(quick),
        "day_runs": sum(s < own.long_stay_hours * 3600 for s in longer),
        "long_runs": sum(s >= own.long_stay_hours * 3600 for s in longer),
        "quick_run_share": sum(run["journeys"] for run in quick) / journeys,
        "quick_run_stop_min": median(run["stop"] // 60 for run in quick) if quick else None,
        "quick_run_km": median(run["km"] // 1000 for run in quick) if quick else None,
        "quick_run_interval_cv": varies([(b["at"] - a["at"]) // 60 for a, b in pairwise(quick)]),
        "quick_run_main_share": share(max(turns.values(), default=0), len(quick)),
        "quick_run_work_share": share(sum(at.weekday() < 5 and 5 <= at.hour < 17 for at in times), len(quick)),
        "quick_run_evening_share": share(sum(late(at, own) for at in times), len(quick)),
        "quick_run_hour_sd": hours_apart(times, own),
        "main_turn": max(turns, key=lambda one: (turns[one], one), default=None),
        "main_way": max(ways, key=lambda one: (ways[one], one), default=None),
    }


def _of_reads(reads: list[Row], begin: int, end: int, own: PatternSettings) -> dict[str, Any]:
    times = [local(second(read), own) for read in reads]
    days = sorted({second(read) // 86_400 for read in reads})
    life = days[-1] - days[0] + 1
    cameras = Counter(read["camera_id"] for read in reads)
    hops = [(metres(a, b), second(b) - second(a)) for a, b in pairwise(reads)]
    crossed = [(a["force"], b["force"]) for a, b in pairwise(reads)]
    return {
        "reads": len(reads),
        "reads_per_day": len(reads) / len(days),
        "night_share": sum(by_night(second(read), own) for read in reads) / len(reads),
        "weekend_share": sum(at.weekday() >= 5 for at in times) / len(reads),
        "office_share": sum(at.weekday() < 5 and 7 <= at.hour < 19 for at in times) / len(reads),
        "days_seen": len(days),
        "life_days": life,
        "first_seen_day": days[0] - begin // 86_400,
        "silent_days": end // 86_400 - 1 - days[-1],
        "active_share": len(days) / life,
        "force_crossings": sum(None not in pair and pair[0] != pair[1] for pair in crossed),
        "impossible_hops": sum(
            far * 3600 > gap * own.max_speed_kmh * 1000 and far >= own.max_speed_from_km * 1000 for far, gap in hops
        ),
        "repaired_share": sum(read["plate_repaired"] is True for read in reads) / len(reads),
        "low_confidence_share": sum((read["confidence"] or 100) < own.low_confidence for read in reads) / len(reads),
        "cameras": len(cameras),
        "forces": len({read["force"] for read in reads} - {None}),
        "top_camera_share": max(cameras.values()) / len(reads),
    }


def _among_others(known: dict[str, dict[str, Any]], rows: list[Row], own: PatternSettings) -> None:
    """What the reads of all vehicles say of each."""
    saw, up, cells = defaultdict(set), defaultdict(set), defaultdict(set)
    for row in rows:
        saw[row["camera_id"]].add(row["vehicle"])
        up[row["camera_id"]].add(second(row) // 86_400)
        cells[cell(row, own)].add(row["camera_id"])
    counts = sorted(len(vehicles) for vehicles in saw.values())
    limit = counts[(len(counts) - 1) // 2] * own.rare_camera_percent
    based = Counter(facts["base_cell"] for facts in known.values())
    ways = Counter(facts["main_way"] for facts in known.values())
    for facts in known.values():
        cameras = [read["camera_id"] for read in facts.pop("reads_of")]
        quick = facts["quick_runs"] > 0
        facts |= {
            "rare_camera_share": sum(len(saw[one]) * 100 <= limit for one in cameras) / len(cameras),
            "rarest_camera_vehicles": min(len(saw[one]) for one in cameras),
            "camera_uptime": sum(len(up[one]) for one in cameras) / len(cameras) / own.window_days,
            "base_cameras": len(cells[facts["base_cell"]]),
            "quick_run_town_vehicles": based[facts["main_turn"]] if quick else None,
            "quick_run_alike": ways[facts["main_way"]] - 1 if quick else None,
        }


def wavering(rows: list[Row], degrees: float, chance: Any) -> list[Row]:
    """The same reads with positions that waver from read to read, as a receiver beside the camera gives them."""
    return [
        row | {name: row[name] + chance.uniform(-degrees, degrees) for name in ("latitude", "longitude")}
        for row in rows
    ]
