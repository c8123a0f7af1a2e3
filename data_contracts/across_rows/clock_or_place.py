"""Whether a camera's clock is wrong, its registered place, or which of the two cannot be told: from some of its reads.

A wrong clock makes ways to the camera longer and ways from it shorter by the same seconds for everyone. A wrong place
makes ways both to it and from it longer or shorter, by what depends on the other camera. Each is weighed by how usual
it makes the travel times; traffic that goes one way only may fit both. A pure function of a sample of reads.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LONGEST_S, STEP_S = 3 * 3600, 30  # shifts of the clock that are tried, each way
EXPLAINS = 0.6  # share of the sample that an explanation must make possible
GAINS = 0.5  # share of what is impossible now that it must make possible
LEAST_NATS, LEAST_ERRORS = 8.0, 3.0  # how much likelier one must be than the other, also in standard errors
BOTH_WAYS = 0.1  # share of the ways that must have company in the other direction
END = 1.0  # nats: a read that is the first or the last of a journey is the rarer thing
MORE_ENDS = 0.3  # if so many more become first or last ones, they may have been shifted out of the way of all others,
LESS_USUAL = 0.25  # unless what is left is as usual as ways are: at most so many nats less
SHORTEST_S, NEAREST_KM = 30, 0.5  # below these nobody can say how slow a way was
KM_OF_DEGREE = 111.2
# at 52 degrees north a degree of longitude is about 0.6 of one of latitude, which is about 1.6 of it
LATITUDES_OF_LONGITUDE, LONGITUDES_OF_LATITUDE = 0.6, 1.6
LEAST_REACH = 0.1  # degrees that the first grid of places reaches at least, however near each other the reads are
_SLOW = np.linspace(np.log(5.0), np.log(7200.0), 61)  # seconds per km, from 720 km/h to a long stay
# where hardly any other way is known: about 55 km/h as the crow flies, give or take a factor of 1.7
_MIDDLE, _SPREAD, _WORTH = np.log(65.0), 0.5, 30.0
_FLOOR = 0.03


@dataclass(frozen=True)
class Visit:
    """One read at the camera, and the vehicle's reads at other cameras around it.

    Args:
        after_s: Seconds from the camera's read to each other read, ascending; below zero for earlier ones.
        km: Distance of each as registered.
        latitude: Of each other camera, in degrees.
        longitude: The same.
    """

    after_s: Sequence[float]
    km: Sequence[float]
    latitude: Sequence[float]
    longitude: Sequence[float]


@dataclass(frozen=True)
class Explained:
    """What explains a camera's impossible ways: `clock`, with the seconds that it is fast, or `place`, with neither."""

    what: str
    fast_s: float | None = None


@dataclass(frozen=True)
class Usual:
    """How usual each slowness is, as logarithms; `missing` stands for the way before a first read or after a last."""

    told: Floats
    missing: float
    max_speed_kmh: float
    min_leg_km: float

    def of(self, seconds: Floats, km: Floats) -> Floats:
        """How usual it is to take so long for so far."""
        slow = np.log(np.maximum(seconds, SHORTEST_S) / np.maximum(km, NEAREST_KM))
        return np.asarray(self.told[np.searchsorted(_SLOW, slow)], dtype=np.float64)

    def possible(self, seconds: Floats, km: Floats) -> NDArray[np.bool_]:
        """Whether the rule about impossible speeds would let them pass."""
        return np.asarray((km < self.min_leg_km) | (km * 3600 <= self.max_speed_kmh * np.maximum(seconds, 1)))


@dataclass(frozen=True)
class _Weighed:
    """How usual each visit is by an explanation, which become possible, and the share at the end of a journey.

    `fast_s` are the seconds that the camera's clock is fast by it: none, by all but that of the clock.
    """

    told: Floats
    possible: NDArray[np.bool_]
    ends: float
    fast_s: float = 0.0

    def explains(self, now: _Weighed, usual: Usual) -> bool:
        """Whether it makes enough possible of what is not, and the whole plainly likelier."""
        before, after = float(now.possible.mean()), float(self.possible.mean())
        likelier = float(self.told.sum() - now.told.sum())
        expected = 2 * (usual.missing + END) - END * self.ends
        if self.ends > now.ends + MORE_ENDS and float(self.told.mean()) < expected - LESS_USUAL:
            return False
        return after >= EXPLAINS and after - before >= GAINS * (1 - before) and likelier >= LEAST_NATS


def usual_slowness(seconds: Sequence[float], km: Sequence[float], max_speed_kmh: float, min_leg_km: float) -> Usual:
    """How usual each slowness is on ways that do not touch a camera to blame.

    Args:
        seconds: Of each way.
        km: The same ways, as registered.
        max_speed_kmh: Above it a way is impossible.
        min_leg_km: Below it no way is.
    """
    slow = np.log(np.maximum(seconds, SHORTEST_S) / np.maximum(km, NEAREST_KM))
    number = np.bincount(np.searchsorted(_SLOW, slow), minlength=len(_SLOW) + 1).astype(np.float64)
    kernel = np.exp(-0.5 * (np.arange(-4, 5) / 1.5) ** 2)
    smooth = np.convolve(number, kernel / kernel.sum(), mode="same")
    believed = np.exp(-0.5 * ((np.append(_SLOW, _SLOW[-1]) - _MIDDLE) / _SPREAD) ** 2)
    share = smooth + _WORTH * believed / believed.sum()
    share = (1 - _FLOOR) * share / share.sum() + _FLOOR / len(share)
    return Usual(np.log(share), float((share * np.log(share)).sum()) - END, max_speed_kmh, min_leg_km)


def explain(visits: Sequence[Visit], usual: Usual) -> Explained | None:
    """What makes most of the visits possible and is plainly likelier than the other explanation; None if neither is.

    Args:
        visits: Reads at one camera, each with another read of its vehicle at least.
        usual: How long ways usually take.
    """
    if not visits:
        return None
    now, clock = _by_clock(visits, usual)
    place = _by_place(visits, usual)
    difference = clock.told - place.told
    apart = float(difference.sum())
    if abs(apart) < max(LEAST_NATS, LEAST_ERRORS * float(difference.std()) * len(visits) ** 0.5):
        return None
    likelier, other = (clock, place) if apart > 0 else (place, clock)
    if not likelier.explains(now, usual):
        return None
    # farther from where they come from and nearer to where they go is what later is: one way, a trace tells them apart
    if other.explains(now, usual) and _both_ways(visits, likelier.fast_s) < BOTH_WAYS:
        return None
    return Explained("clock", clock.fast_s) if likelier is clock else Explained("place")


def _both_ways(visits: Sequence[Visit], fast_s: float) -> float:
    """The share of the ways to and from a place that have company in the other direction, if the clock is that fast."""
    coming, going = Counter[tuple[float, float]](), Counter[tuple[float, float]]()
    for visit in visits:
        earlier = int(np.searchsorted(np.asarray(visit.after_s), -fast_s))
        if earlier > 0:
            coming[visit.latitude[earlier - 1], visit.longitude[earlier - 1]] += 1
        if earlier < len(visit.after_s):
            going[visit.latitude[earlier], visit.longitude[earlier]] += 1
    return 2 * (coming & going).total() / max((coming + going).total(), 1)


def _by_clock(visits: Sequence[Visit], usual: Usual) -> tuple[_Weighed, _Weighed]:
    """The visits as they are, and under the shift of the clock that makes them most usual.

    Under each shift the reads just before and just after are looked at. A shift out of the way of all others makes slow
    ways of fast ones, which is less usual.
    """
    shifts = np.arange(-LONGEST_S, LONGEST_S + STEP_S, STEP_S, dtype=np.float64)
    shape = (len(visits), len(shifts))
    told, possible, ends = np.zeros(shape), np.ones(shape, dtype=bool), np.zeros(shape, dtype=bool)
    for row, visit in enumerate(visits):
        after, km = np.asarray(visit.after_s, dtype=np.float64), np.asarray(visit.km, dtype=np.float64)
        # the read was truly made earlier by the shift, so that every other read lies that much later
        earlier = np.searchsorted(after, -shifts)
        for other, there in ((earlier - 1, earlier > 0), (earlier, earlier < len(after))):
            at = np.clip(other, 0, len(after) - 1)
            seconds = np.abs(after[at] + shifts)
            told[row] += np.where(there, usual.of(seconds, km[at]), usual.missing)
            possible[row] &= ~there | usual.possible(seconds, km[at])
            ends[row] |= ~there
    total, none = told.sum(axis=0), len(shifts) // 2
    # of equally good shifts the middle one of those around the smallest
    good = np.flatnonzero(total >= total.max() - 1e-9)
    nearest = good[np.abs(shifts[good]).argmin()]
    runs = np.split(good, np.flatnonzero(np.diff(good) > 1) + 1)
    run = next(run for run in runs if nearest in run)
    best = int(run[len(run) // 2])
    return (
        _Weighed(told[:, none], possible[:, none], float(ends[:, none].mean())),
        _Weighed(told[:, best], possible[:, best], float(ends[:, best].mean()), float(np.median(shifts[run]))),
    )


def _by_place(visits: Sequence[Visit], usual: Usual) -> _Weighed:
    """The visits as they would be if the camera stood where they are most usual: a grid, then finer ones."""
    ways = [_ways(visit) for visit in visits]
    seconds, latitude, longitude, missing = (np.asarray(column, dtype=np.float64) for column in zip(*ways, strict=True))

    def km_from(north: Floats, east: Floats) -> Floats:
        easting = (east[:, None, None] - longitude) * np.cos(np.radians(latitude))
        return np.asarray(KM_OF_DEGREE * np.hypot(north[:, None, None] - latitude, easting))

    def told_at(north: Floats, east: Floats) -> Floats:
        told = np.where(missing > 0, usual.missing, usual.of(seconds, km_from(north, east)))
        return np.asarray(told.sum(axis=2))

    north, east = float(np.median(latitude)), float(np.median(longitude))
    reach = max(float(np.ptp(latitude)), float(np.ptp(longitude)) * LATITUDES_OF_LONGITUDE, LEAST_REACH)
    for _ in range(4):
        steps = np.linspace(-reach, reach, 15)
        grid = np.meshgrid(north + steps, east + steps * LONGITUDES_OF_LATITUDE)
        grid_north, grid_east = (axis.ravel() for axis in grid)
        best = int(told_at(grid_north, grid_east).sum(axis=1).argmax())
        north, east = float(grid_north[best]), float(grid_east[best])
        reach /= 5
    there = (np.asarray([north]), np.asarray([east]))
    possible: NDArray[np.bool_] = (missing > 0) | usual.possible(seconds, km_from(*there)[0])
    return _Weighed(told_at(*there)[0], np.asarray(possible.all(axis=1)), float((missing > 0).any(axis=1).mean()))


def _ways(visit: Visit) -> tuple[list[float], list[float], list[float], list[bool]]:
    """The read just before and the one just after: seconds, latitude and longitude, and whether there is none."""
    first = int(np.searchsorted(np.asarray(visit.after_s), 0.0))
    beside = [(first - 1, first == 0), (first, first == len(visit.after_s))]
    at = [min(max(place, 0), len(visit.after_s) - 1) for place, _ in beside]
    return (
        [abs(visit.after_s[place]) for place in at],
        [visit.latitude[place] for place in at],
        [visit.longitude[place] for place in at],
        [none for _, none in beside],
    )
