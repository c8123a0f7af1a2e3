"""Randomness by name: every stage draws from its own stream, so one stage more does not change the others."""

from __future__ import annotations

import zlib

import numpy as np


def dice(seed: int, stage: str, part: int = 0) -> np.random.Generator:
    """The random stream of one stage (and one part of it) of a world with this seed."""
    return np.random.default_rng([seed, zlib.crc32(stage.encode()), part])
