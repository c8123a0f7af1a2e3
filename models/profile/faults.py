"""Evidence that the reads themselves may be wrong: one plate in two places, repaired, unsure and noted reads.

Sentences say what was read and what it may mean; they do not decide which of the meanings holds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from data_contracts.layers.noted import Note, cause_in_words
from models.features.settings import PatternSettings
from models.profile.model import Faults, Hop, Read


def faults_of(
    reads: Sequence[Read],
    settings: PatternSettings,
    set_apart: Sequence[tuple[str, int]] = (),
    noted: Sequence[Note] = (),
    of_others: Sequence[Note] = (),
) -> Faults:
    """What speaks against the reads of one vehicle.

    Args:
        reads: In their total order.
        settings: Limits of speed, distance and confidence.
        set_apart: Broken rules, and how many rows of this vehicle in the window the contract set apart for them.
        noted: What ingest noted beside these reads.
        of_others: Notes beside reads of other plates that these may have been this vehicle.
    """
    hops = tuple(_hop(one, other) for one, other in pairwise(reads) if impossible(other, settings))
    repaired = sum(read.repaired for read in reads)
    doubtful = sum(read.doubtful for read in reads)
    return Faults(
        hops=hops,
        sentences=(
            *_about_hops(hops, reads, settings),
            *_about_text(repaired, doubtful, len(reads), settings),
            *_about_notes(noted, of_others, len(reads)),
        ),
        repaired=repaired,
        doubtful=doubtful,
        unsure=sum(read.confidence is None for read in reads),
        set_apart=tuple(set_apart),
        noted=tuple(noted),
        of_others=tuple(of_others),
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
    places = {frozenset((hop.first.camera.site_id, hop.second.camera.site_id)) for hop in hops}
    if len(hops) >= 2 and len(places) == 1:
        named = " and ".join(sorted(next(iter(places))))
        told.append(
            f"All of them lie between sites {named}: a wrong clock or a wrong registered position there may "
            "explain them without a second vehicle."
        )
    if days >= 2:
        told.append(
            f"It happened on {days} different days: a cloned plate in use at the same time has to be ruled out."
        )
    told += _moved(hops, reads)
    return tuple(told)


def _moved(hops: Sequence[Hop], reads: Sequence[Read]) -> list[str]:
    """Cameras of these hops that read it at more than one position."""
    positions: dict[str, set[tuple[float, float]]] = {}
    for read in reads:
        positions.setdefault(read.camera.camera_id, set()).add((read.camera.latitude, read.camera.longitude))
    named = sorted({read.camera.camera_id for hop in hops for read in (hop.first, hop.second)})
    moved = [camera for camera in named if len(positions[camera]) > 1]
    return [f"Camera {camera} has {len(positions[camera])} positions in this window." for camera in moved]


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


def _about_notes(noted: Sequence[Note], of_others: Sequence[Note], reads: int) -> tuple[str, ...]:
    told = []
    meant = [note for note in noted if note.other_vehicle is not None]
    if meant:
        plates = len({note.other_vehicle for note in meant})
        told.append(
            f"When the reads were taken in, {_number(plates, 'other plate')} one confusion of the reader away "
            f"{'was' if plates == 1 else 'were'} suggested for {_rows(meant)} of {_number(reads, 'read')}: "
            "these may be of another vehicle. They are counted as reads of this one all the same."
        )
    alone = {(note.batch_id, note.row_no, note.cause) for note in noted if note.other_vehicle is None}
    causes = Counter(cause for *_, cause in alone)
    told += [
        f"{_number(times, 'read')} {'was' if times == 1 else 'were'} noted then: {cause_in_words(cause)}."
        for cause, times in sorted(causes.items(), key=lambda one: (-one[1], one[0]))
    ]
    if of_others:
        plates = len({note.vehicle for note in of_others})
        told.append(
            f"{_number(_rows(of_others), 'read')} of {_number(plates, 'other plate')} "
            "in these days may have been of this vehicle, misread; what is below is drawn without them."
        )
    return tuple(told)


def _rows(notes: Sequence[Note]) -> int:
    return len({(note.batch_id, note.row_no) for note in notes})


def rows_set_apart(faults: Faults) -> tuple[str, ...]:
    """Sentences about rows of this plate that are not among its reads."""
    return tuple(
        f"{_number(rows, 'row')} delivered for this plate in these days broke the contract ({rules.replace('_', ' ')}) "
        f"and {'is' if rows == 1 else 'are'} not on this page."
        for rules, rows in faults.set_apart
    )


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
