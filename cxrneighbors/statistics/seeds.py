"""Random generators by purpose."""

from __future__ import annotations

import zlib

import numpy as np


def generator(seed: int, *names: str) -> np.random.Generator:
    """A generator for one purpose: the same `seed` and names draw the same, whatever else is computed."""
    return np.random.default_rng([seed, *(zlib.crc32(name.encode("utf-8")) for name in names)])
