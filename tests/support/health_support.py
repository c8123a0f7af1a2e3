"""Counts drawn for tests of camera health, and what is told of them."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from data_contracts.health.counts import Counts, counts_of
from data_contracts.health.volumes import examine_volumes

MONDAY = int(datetime(2026, 1, 5, tzinfo=UTC).timestamp())


def drawn(mean: NDArray[np.float64], seed: int = 0) -> NDArray[np.int64]:
    rng = np.random.default_rng(seed)
    return rng.poisson(mean * rng.gamma(30, 1 / 30, mean.shape))


def grid(n: NDArray[np.int64], width: int = 3600, sites: list[str] | None = None) -> Counts:
    cameras, bins = n.shape
    names = [f"cam-{i}" for i in range(cameras)]
    begins = np.tile(MONDAY + np.arange(bins) * width, cameras)
    return counts_of(names, np.repeat(np.arange(cameras), bins), begins, n.ravel(), width, "UTC", sites)


def runs_of(counts: Counts) -> list[tuple[int, int, int, str]]:
    return [(run.camera, run.start, run.end, run.kind) for run in examine_volumes(counts).runs]
