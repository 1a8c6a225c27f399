"""Taking turns: ways of the same work timed round after round, so that the machine is the same to all."""

from __future__ import annotations

import gc
import os
import statistics
import time
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np


def take_turns(
    ways: Mapping[str, Callable[[], object]], rounds: int, least: float = 0.0, warm: bool = True
) -> dict[str, list[float]]:
    """Seconds of each way in each of `rounds`.

    A way that takes less than `least` seconds is repeated within its turn, and the mean counts; `warm`: each
    is called once before, uncounted.
    """
    repeats = dict.fromkeys(ways, 1)
    for name, way in ways.items():
        if warm:
            way()
        if least:
            repeats[name] = max(1, int(least / max(timed(way, 1), 1e-9)))
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            seconds[name].append(timed(way, repeats[name]))
    return seconds


def timed(way: Callable[[], object], repeats: int) -> float:
    """Mean seconds of the wall clock."""
    gc.collect()
    started = time.perf_counter()
    for _ in range(repeats):
        way()
    return (time.perf_counter() - started) / repeats


def summary(seconds: list[float]) -> dict[str, float]:
    """Median, lowest and highest."""
    return {"seconds": statistics.median(seconds), "least": min(seconds), "most": max(seconds)}


def ratio(seconds: Mapping[str, list[float]], slow: str, fast: str) -> dict[str, float]:
    """How many times as long `slow` takes as `fast`: the median of the rounds, lowest and highest."""
    ratios = [one / other for one, other in zip(seconds[slow], seconds[fast], strict=True)]
    return {"ratio": statistics.median(ratios), "least": min(ratios), "most": max(ratios)}


def spread(found: Mapping[str, float] | None, digits: int = 1) -> str:
    """A ratio and its range, '12.3 (11.9 to 12.8)'; '' for none."""
    if not found:
        return ""
    middle = found.get("ratio", found.get("seconds", 0.0))
    return f"{middle:.{digits}f} ({found['least']:.{digits}f} to {found['most']:.{digits}f})"


def exponent(sizes: list[float], seconds: list[float]) -> float | None:
    """Slope of the straight line through log seconds over log sizes; None for one size."""
    return round(float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0]), 2) if len(sizes) > 1 else None


def installed(*names: str) -> dict[str, str]:
    """Versions of those rivals that are installed."""
    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def load() -> float:
    """How many other jobs ran on average in the last minute: above the number of cores, nobody had a core."""
    return round(os.getloadavg()[0], 1)


def settings(given: Any, **more: Any) -> dict[str, Any]:
    """What a result file says of how it was made."""
    return {"rounds": given.rounds, "small": given.small, "load_average": load()} | more
