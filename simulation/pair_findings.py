"""What analysts find about pairs of vehicles, and the truth about them.

Belongs here: choosing pairs to review, deciding, the files of both. Does not: who travels with whom. Analysts are shown
pairs that travel together, so the innocent among those reviewed are couples and colleagues.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from numpy.typing import NDArray

from simulation.delivery import PLAIN_CSV, iso_times
from simulation.dice import dice
from simulation.fault_truth import texts, vrms
from simulation.findings import ANALYSTS, LEAST_READS, decide, over_window, sundays, week_of
from simulation.lives.pairs import KINDS
from simulation.lives.setting import Ints, date_of
from simulation.places import Places
from simulation.population import Population
from simulation.tours import DAY, HOUR
from simulation.world import World


@dataclass(frozen=True)
class PairFindings:
    """Dispositions about pairs, one per row; `pair` is an index into the population's pairs."""

    rocu: Ints
    pair: Ints
    week: Ints
    finding: NDArray[np.str_]
    decided: Ints
    decided_by: NDArray[np.str_]
    selected_by: NDArray[np.str_]
    known: NDArray[np.bool_]


def find_pairs(world: World, population: Population, reads: list[NDArray[np.uint16]], seed: int) -> PairFindings:
    """Let the analysts of each ROCU review pairs of which both vehicles were seen; `reads` has the counts of each."""
    rng, pairs, knobs = dice(seed, "pair findings"), population.pairs, world.pairs
    rocus, chosen, days, reasons = ([np.zeros(0, dtype=np.int64)] for _ in range(4))
    for rocu in range(len(world.rocus) if len(pairs) else 0):
        reviewed = np.full(len(pairs), -100)
        for sunday in sundays(world):
            week = int(week_of(world, np.array([sunday]))[0])
            seen = over_window(reads[rocu], week, 0) >= LEAST_READS
            free = seen[pairs.lead] & seen[pairs.partner] & (week - reviewed >= world.dispositions.repeat_weeks)
            odds = np.where(pairs.kind == KINDS.index("convoy"), knobs.convoy_odds, 1.0) * free
            number = min(knobs.reviews_per_week, int(free.sum()))
            found = rng.choice(len(pairs), number, replace=False, p=odds / odds.sum()) if number else rocus[0]
            reviewed[found] = week
            rocus.append(np.full(len(found), rocu))
            chosen.append(np.sort(found))
            days.append(np.full(len(found), sunday))
            reasons.append((rng.random(len(found)) < 0.2).astype(np.int64))
    pair, sunday = np.concatenate(chosen), np.concatenate(days)
    wait = np.exp(rng.normal(np.log(world.dispositions.delay_days), 0.6, len(pair)))
    decided = (sunday + 1 + wait).astype(np.int64) * DAY + rng.integers(9 * HOUR, 17 * HOUR, len(pair))
    return PairFindings(
        rocu=np.concatenate(rocus),
        pair=pair,
        week=sunday,
        finding=decide(world, pairs.kind[pair] == KINDS.index("convoy"), rng),
        decided=decided,
        decided_by=np.array(ANALYSTS)[rng.integers(0, len(ANALYSTS), len(pair))],
        selected_by=np.array(("ranked", "random"))[np.concatenate(reasons)],
        known=decided < world.days * DAY,
    )


def write_pair_findings(world: World, population: Population, findings: PairFindings, out: Path) -> None:
    """Write the delivered dispositions about pairs, one file per ROCU and week of decision; none without pairs."""
    decision_week = week_of(world, findings.decided // DAY)
    rows = np.lexsort((findings.pair, findings.decided, decision_week, findings.rocu))
    rows = rows[findings.known[rows]]
    for rocu, week in sorted({(int(findings.rocu[row]), int(decision_week[row])) for row in rows}):
        own = rows[(findings.rocu[rows] == rocu) & (decision_week[rows] == week)]
        last = min(week * 7 + 6 - world.start.weekday(), world.days - 1)
        path = out / world.rocus[rocu] / "dispositions" / f"{date_of(world, last)}_pairs.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        pa.csv.write_csv(_table(world, population, findings, own), path, PLAIN_CSV)


def _table(world: World, population: Population, findings: PairFindings, rows: Ints) -> pa.Table:
    pairs, pair = population.pairs, findings.pair[rows]
    return pa.table(
        {
            "vrm": population.plates[population.plate[pairs.lead[pair]]].astype(str),
            "other_vrm": population.plates[population.plate[pairs.partner[pair]]].astype(str),
            "window_end": [date_of(world, day) for day in findings.week[rows]],
            "finding": findings.finding[rows],
            "decided_at": iso_times(world, findings.decided[rows]),
            "decided_by": findings.decided_by[rows],
            "selected_by": findings.selected_by[rows],
        }
    )


def write_pair_truth(
    world: World, places: Places, population: Population, findings: PairFindings, folder: Path
) -> None:
    """Write who travels with whom, and every disposition about pairs; nothing in a world without pairs."""
    pairs = population.pairs
    if not len(pairs):
        return
    table = pa.table(
        {
            "kind": texts(KINDS, pairs.kind),
            "lead_id": pairs.lead,
            "partner_id": pairs.partner,
            "vrm": vrms(population, pairs.lead),
            "other_vrm": vrms(population, pairs.partner),
            "home": [str(places.name[home]) for home in population.home[pairs.lead]],
        }
    )
    pa.parquet.write_table(table, folder / "pairs.parquet", compression="zstd")
    rows = np.arange(len(findings.pair))
    decided = _table(world, population, findings, rows).append_column("kind", texts(KINDS, pairs.kind[findings.pair]))
    decided = decided.append_column("rocu", texts(world.rocus, findings.rocu))
    pa.parquet.write_table(decided, folder / "pair_dispositions.parquet", compression="zstd")
