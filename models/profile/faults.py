"""Evidence that the reads themselves may be wrong: one plate in two places, repaired and unsure reads.

Sentences say what was read and what it may mean; they do not decide which of the meanings holds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from models.features.settings import PatternSettings
from models.profile.model import Faults, Hop, Read


def faults_of(reads: Sequence[Read], settings: PatternSettings, set_apart: Sequence[tuple[str, int]] = ()) -> Faults:
    """What speaks against the reads of one vehicle.

    Args:
        reads: In their total order.
        settings: Limits of speed, distance and confidence.
        set_apart: Rule and rows of this vehicle that the contract set apart in the window.
    """
    hops = tuple(_hop(one, other) for one, other in pairwise(reads) if impossible(other, settings))
    repaired = sum(read.repaired for read in reads)
    doubtful = sum(read.doubtful for read in reads)
    return Faults(
        hops=hops,
        sentences=(
            *_about_hops(hops, reads, settings),
            *_about_text(repaired, doubtful, len(reads), settings),
            *_about_rows(set_apart),
        ),
        repaired=repaired,
        doubtful=doubtful,
        unsure=sum(read.confidence is None for read in reads),
        set_apart=tuple(set_apart),
    )


def impossible(read: Read, settings: PatternSettings) -> bool:
    """Whether no vehicle can have come from the read before to this one: the rule of the feature `impossible_hops`."""
    fast = read.hop_m * 3600 > read.gap_s * settings.max_speed_kmh * 1000
    return fast and read.hop_m >= max(1, settings.max_speed_from_km * 1000)


def _hop(one: Read, other: Read) -> Hop:
    return Hop(one, other, other.hop_m * 3.6 / other.gap_s if other.gap_s else None)


def _about_hops(hops: Sequence[Hop], reads: Sequence[Read], settings: PatternSettings) -> tuple[str, ...]:
    if not hops:
        return ()
    days = len({hop.second.at.date() for hop in hops})
    told = [
        f"{_number(len(hops), 'pair')} of reads on {_number(days, 'day')} would need more than "
        f"{settings.max_speed_kmh} km/h: one vehicle cannot have made both reads."
    ]
    alone = [read for read, after in pairwise(reads[1:]) if impossible(read, settings) and impossible(after, settings)]
    if alone:
        told.append(
            f"{_number(len(alone), 'read')} cannot be joined to the read before nor to the read after: "
            "such a single read is more often a misread of another vehicle's plate."
        )
    if days >= 2:
        told.append(
            f"It happened on {days} different days: a cloned plate in use at the same time has to be ruled out."
        )
    camera, times = Counter(
        camera for hop in hops for camera in {hop.first.camera.camera_id, hop.second.camera.camera_id}
    ).most_common(1)[0]
    if len(hops) >= 2 and times == len(hops):
        told.append(f"Camera {camera} is in all of them: its clock or its registered position may be wrong.")
    return tuple(told)


def _about_text(repaired: int, doubtful: int, reads: int, settings: PatternSettings) -> tuple[str, ...]:
    told = []
    if repaired:
        told.append(
            f"The plate text of {repaired} of {_number(reads, 'read')} was repaired (such as O for 0): "
            "these may be of another vehicle."
        )
    if doubtful:
        told.append(
            f"{doubtful} of {_number(reads, 'read')} had a confidence under {settings.low_confidence} %: "
            "these may be misreads."
        )
    return tuple(told)


def _about_rows(set_apart: Sequence[tuple[str, int]]) -> tuple[str, ...]:
    return tuple(
        f"{_number(rows, 'row')} delivered for this plate broke the contract ({rule.replace('_', ' ')}) and "
        f"{'is' if rows == 1 else 'are'} not on this page."
        for rule, rows in set_apart
    )


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
