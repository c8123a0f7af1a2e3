"""Synthetic UK plates, and what a camera makes of one when it misreads it.

Belongs here: formats that are valid on the world's dates, and confusion classes. Does not: which reads are misread.
"""

from __future__ import annotations

from datetime import date

import numpy as np
from numpy.typing import NDArray

TAG = "ABCDEFGHJKLMNOPRSTUVWXY"  # memory tags never use I, Q, Z
SERIAL = "ABCDEFGHJKLMNOPRSTUVWXYZ"  # the last three letters never use I, Q
OLD_SERIAL = "ABCDEFGHJKLMNOPRSTUVWXY"
PREFIX_YEAR = "ABCDEFGHJKLMNPRSTVWXY"  # year letters never use I, O, Q, U, Z
OLD_FORMATS = ("prefix", "ni", "dateless", "suffix")
OLD_WEIGHTS = (0.45, 0.3, 0.15, 0.1)
# new cars drive more; most are scrapped by the age of twenty
YEARLY_SURVIVAL = 0.9
LENGTH = 8

# characters that share a shape or nearly so in the mandatory font
CONFUSIONS = {
    "0": "ODQ", "O": "0DQ", "D": "0O", "Q": "0O", "1": "I7", "I": "1", "8": "B39", "B": "8", "5": "S", "S": "5",
    "2": "Z", "Z": "2", "6": "G8", "G": "6C", "C": "G", "3": "89", "9": "83", "7": "T1", "T": "7", "4": "A", "A": "4",
    "M": "N", "N": "M", "V": "YU", "Y": "V", "U": "V", "E": "F", "F": "E", "P": "R", "R": "P", "K": "X", "X": "K",
}  # fmt: skip


def make_plates(
    count: int, old_share: float, on: date, rng: np.random.Generator
) -> tuple[NDArray[np.bytes_], list[str]]:
    """Draw different plates, and say of each which format it has.

    Args:
        count: How many.
        old_share: Share that is not in the current format.
        on: No plate is newer than this day.
        rng: Where chance comes from.
    """
    plates: list[str] = []
    formats: list[str] = []
    known: set[str] = set()
    ages, weights = age_identifiers(on)
    while len(plates) < count:
        want = count - len(plates)
        old = rng.random(want) < old_share
        drawn = [""] * want
        kinds = ["current"] * want
        for index, plate in zip(np.flatnonzero(~old), _current(int((~old).sum()), ages, weights, rng), strict=True):
            drawn[index] = plate
        for index in np.flatnonzero(old):
            kinds[index] = str(rng.choice(OLD_FORMATS, p=OLD_WEIGHTS))
            drawn[index] = _old(kinds[index], rng)
        for plate, kind in zip(drawn, kinds, strict=True):
            if plate not in known:
                known.add(plate)
                plates.append(plate)
                formats.append(kind)
    return np.array(plates, dtype=f"S{LENGTH}"), formats


def make_new_plates(count: int, on: date, taken: NDArray[np.bytes_], rng: np.random.Generator) -> NDArray[np.bytes_]:
    """Different plates of the last year and a half, as hire cars carry; none of those taken."""
    ages, weights = age_identifiers(on)
    newest = np.argsort(weights)[-3:]
    known = set(taken.astype(str).tolist())
    plates: list[str] = []
    while len(plates) < count:
        for plate in _current(count - len(plates), [ages[i] for i in newest], np.ones(3) / 3, rng):
            if plate not in known:
                known.add(plate)
                plates.append(plate)
    return np.array(plates, dtype=f"S{LENGTH}")


def age_identifiers(on: date) -> tuple[list[str], NDArray[np.float64]]:
    """Every age identifier that was issued up to this day, and the share of cars that carry it."""
    found: list[str] = []
    age: list[float] = []
    for year in range(2001, on.year + 1):
        for month, number in ((3, year - 2000), (9, year - 1950)):
            issued = date(year, month, 1)
            if date(2001, 9, 1) <= issued <= on:
                found.append(f"{number:02d}")
                age.append((on - issued).days / 365.25)
    # the newest plate has been on the road for only part of its half-year
    weights = YEARLY_SURVIVAL ** np.array(age) * np.minimum(np.array(age) * 2 + 0.02, 1.0)
    return found, weights / weights.sum()


def misread(plates: NDArray[np.bytes_], rng: np.random.Generator) -> NDArray[np.bytes_]:
    """Change one character of each plate to another of its confusion class; a plate without such a character stays."""
    letters = np.frombuffer(plates.astype(f"S{LENGTH}").tobytes(), dtype=np.uint8).reshape(-1, LENGTH).copy()
    choices = np.zeros((256, 4), dtype=np.uint8)
    number = np.zeros(256, dtype=np.int64)
    for character, others in CONFUSIONS.items():
        choices[ord(character), : len(others)] = [ord(other) for other in others]
        number[ord(character)] = len(others)
    luck = np.where(number[letters] > 0, rng.random(letters.shape), -1.0)
    place = luck.argmax(axis=1)
    row = np.arange(len(letters))
    old = letters[row, place]
    pick = (rng.random(len(row)) * np.maximum(number[old], 1)).astype(np.int64)
    letters[row, place] = np.where(number[old] > 0, choices[old, pick], old)
    return np.frombuffer(letters.tobytes(), dtype=f"S{LENGTH}")


def _letters(alphabet: str, count: int, length: int, rng: np.random.Generator) -> list[str]:
    drawn = rng.integers(0, len(alphabet), (count, length))
    return ["".join(alphabet[i] for i in row) for row in drawn]


def _current(count: int, ages: list[str], weights: NDArray[np.float64], rng: np.random.Generator) -> list[str]:
    tags = _letters(TAG, count, 2, rng)
    years = rng.choice(ages, count, p=weights)
    serials = _letters(SERIAL, count, 3, rng)
    return [tag + year + serial for tag, year, serial in zip(tags, years, serials, strict=True)]


def _old(kind: str, rng: np.random.Generator) -> str:
    number = int(rng.integers(1, 1000))
    if kind == "prefix":
        return str(rng.choice(list(PREFIX_YEAR))) + str(number) + _letters(OLD_SERIAL, 1, 3, rng)[0]
    if kind == "suffix":
        return _letters(OLD_SERIAL, 1, 3, rng)[0] + str(number) + str(rng.choice(list(PREFIX_YEAR)))
    if kind == "ni":
        return (
            str(rng.choice(list("ABCDFGHJLMNOPRSTUVWXY")))
            + str(rng.choice(["IG", "EZ", "AZ", "IL", "FZ"]))
            + str(number + 999)
        )
    return _letters(OLD_SERIAL, 1, 2, rng)[0] + str(number)
