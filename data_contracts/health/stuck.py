"""A counter that says the same number again and again: a value that is repeated for want of a new one.

Told only where chance is out of the question: the odds that one hour's count equals the last one's, multiplied up.
"""

from __future__ import annotations

import numpy as np

from data_contracts.health.counts import Counts, Floats
from data_contracts.health.intervals import Run

LEAST_REPEATS, LEAST_EVIDENCE = 5, 25.0


def find_stuck(counts: Counts, expected: Floats, dispersion: Floats) -> list[Run]:
    """Runs of one repeated count, more than nothing."""
    same = (counts.n[:, 1:] == counts.n[:, :-1]) & (counts.n[:, 1:] > 0)
    found = []
    for camera in np.flatnonzero(same.sum(axis=1) >= LEAST_REPEATS):
        edges = np.flatnonzero(np.diff(np.concatenate([[0], same[camera].astype(np.int8), [0]])))
        for start, end in zip(edges[::2], edges[1::2] + 1, strict=True):
            if end - start <= LEAST_REPEATS:
                continue
            usual = np.maximum(expected[camera, start + 1 : end], 0.1)
            spread = np.sqrt(usual + dispersion[camera, start + 1 : end] * usual**2)
            odds = np.minimum(1 / (3.545 * spread), 0.9)  # 2·sqrt(pi): two draws of one normal that fall together
            if -np.log(odds).sum() >= LEAST_EVIDENCE:
                part = slice(int(start), int(end))
                seen, should = float(counts.n[camera, part].sum()), float(expected[camera, part].sum())
                found.append(Run(int(camera), int(start), int(end), "stuck", should, seen))
    return found
