"""What ranks the pairs that run in convoy, measured against the truth of a simulated world of pairs.

As `benchmarks.models`, for the pattern whose unit is a pair: week by week a model is trained on what analysts had found
about pairs by the end of a window, and ranks that window. The truth only measures.

    python -m benchmarks.convoys [--size 1.0] [--seeds 2] [--ends 3] [--cache FOLDER]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np

from benchmarks.model_worlds import regions
from benchmarks.models import Case, Floats, Ranker, by_rule, cases, isolation_forest, measure, trained
from models.patterns import get_pattern

WORLD = "pairs"
CAPACITY = 25
SIMPLE = ("joint_trips", "joint_days", "joint_sightings", "joint_cameras", "gap_median_s", "joint_km")
UNSCALED = ("rule", "isolation forest", "times seen together")
FIGURES = ("all AP", "all P@{k}", "all R@{k}", "new AP", "new P@{k}", "new R@{k}")


def rankers() -> dict[str, Ranker]:
    """What is compared, by name."""
    features = get_pattern("convoy").feature_names
    return {
        "times seen together": _sightings,
        "rule": by_rule,
        "isolation forest": isolation_forest(features),
        "LightGBM on simple counts": trained(SIMPLE),
        "reviewed pairs alone": trained(features, unreviewed_per_reviewed=0.0, eliminated_weight=1.0),
        "**this product**": trained(features),
    }


def _sightings(case: Case) -> Floats:
    counted: Floats = case.table.column("joint_sightings").to_numpy().astype(np.float64)
    return counted


def run(size: float = 1.0, seeds: int = 2, ends: int = 3, cache: Path | None = None) -> str:
    """Measure every ranker, and give Markdown: figures, and who is on the first places.

    Args:
        size: Share of the world's vehicles.
        seeds: Of the world.
        ends: Last window ends of each region.
        cache: Where built worlds are kept; a temporary folder without.
    """
    k = get_pattern("convoy").k(CAPACITY)
    with tempfile.TemporaryDirectory() as temporary:
        every = [
            case
            for seed in range(seeds)
            for region in regions(WORLD, seed, size, cache or Path(temporary), pattern="convoy")
            for case in cases(region, ends)
        ]
    figures: dict[str, list[dict[str, float]]] = {}
    first: Counter[str] = Counter()
    for name, ranker in rankers().items():
        sys.stderr.write(f"{name} …\n")
        for case in every:
            scores = ranker(case)
            figures.setdefault(name, []).append(measure(case, scores, name not in UNSCALED, k))
            if "this product" in name:
                lives = case.table.column("life").to_pylist()
                first.update(lives[row] for row in np.argsort(-scores, kind="stable")[: case.active.sum()])
    return "\n\n".join([_about(every, k), _table(figures, k), _first(every, first)])


def _about(every: list[Case], k: int) -> str:
    convoys, new = (sum(int(case.active[keep].sum()) for case, keep in _kept(every, known)) for known in (True, False))
    pairs = sum(case.table.num_rows for case in every)
    return (
        f"{len(every)} windows of the world `{WORLD}` with {pairs:,} pairs that were seen together; {convoys} of them "
        f"run in convoy, of which nobody had decided about {new}. A capacity of {CAPACITY} vehicles is {k} pairs. "
        "Means over windows, which overlap by three weeks where they are of one region. The innocent pairs of this "
        "world are couples, vans of one firm, and strangers on one road; it has no clubs and no fleets."
    )


def _kept(every: list[Case], known: bool) -> list[tuple[Case, np.ndarray]]:
    return [(case, np.ones(case.table.num_rows, dtype=bool) if known else case.new) for case in every]


def _table(figures: dict[str, list[dict[str, float]]], k: int) -> str:
    columns = [figure.format(k=k) for figure in FIGURES]
    lines = ["| ranked by | " + " | ".join(columns) + " |", "|---|" + "---:|" * len(columns)]
    for name, rows in figures.items():
        lines.append(f"| {name} | " + " | ".join(f"{_mean(rows, column):.3f}" for column in columns) + " |")
    return "\n".join(lines)


def _mean(rows: list[dict[str, float]], column: str) -> float:
    return float(np.nanmean([row[column] for row in rows]))


def _first(every: list[Case], first: Counter[str]) -> str:
    """Who is on as many places of this product's lists as there are convoys: a perfect list has no other."""
    there = Counter(life for case in every for life in case.table.column("life").to_pylist())
    head = "| who is on as many places as there are convoys | share of places | times as often as among all |"
    lines = [head, "|---|---:|---:|"]
    for life, count in first.most_common():
        share = count / first.total()
        lines.append(f"| {life.replace('_', ' ')} | {share:.1%} | {share / (there[life] / there.total()):.1f} |")
    return "\n".join(lines)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=float, default=1.0)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--ends", type=int, default=3)
    parser.add_argument("--cache", type=Path)
    given = parser.parse_args()
    sys.stdout.write(run(given.size, given.seeds, given.ends, given.cache) + "\n")


if __name__ == "__main__":
    main()
