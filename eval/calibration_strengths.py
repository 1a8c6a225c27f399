"""How strong an effect must be to plant a given lift: found by bisection for each design, and kept."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from calibration_designs import Design, designs
from calibration_measures import lift_of, null_mean
from cxrneighbors.files import read_json, write_json_atomic

EFFECTS = (0.0, 0.03, 0.12)  # planted lifts at K = 5
BY_COUNT = 0.031  # lift that film counts alone explain in the design `by-count`: as on chestxray14-128
TUNING = 120  # data sets that a planted strength is found with
K = 5


class Cell(NamedTuple):
    """One kind of data sets: a design, the lift planted in it, and the strength that plants it."""

    design: Design
    planted: float
    strength: float


def tuned(data: Path, work: Path) -> list[Cell]:
    """Every design with every effect; strengths are kept in the work folder."""
    path = work / "strengths.json"
    known: dict[str, float] = read_json(path, remedy=f"delete {path}") if path.is_file() else {}
    made_of = cache(lambda by_count: designs(data, by_count))
    if "by_count" not in known:
        known["by_count"] = bisect(lambda strength: mean_null(made_of(strength), "by-count") - BY_COUNT, 1.2)
    plan = []
    for design in made_of(known["by_count"]):
        for effect in EFFECTS[:1] if design.real_effect else EFFECTS:
            key = f"{design.name} {effect:g}"
            if effect and key not in known:
                known[key] = strength_of(design, effect)
            plan.append(Cell(design, effect, known.get(key, 0.0)))
        write_json_atomic(path, known)
    return plan


def strength_of(design: Design, effect: float) -> float:
    """The strength that plants `effect`."""
    return bisect(lambda strength: mean_gain(design, strength, 7, TUNING) - effect, 1.5)


def bisect(excess: Callable[[float], float], high: float, steps: int = 8) -> float:
    """Where a rising function crosses 0 between 0 and `high`."""
    low = 0.0
    for _ in range(steps):
        middle = (low + high) / 2
        low, high = (low, middle) if excess(middle) > 0 else (middle, high)
    return (low + high) / 2


def mean_gain(design: Design, strength: float, stream: int, n: int) -> float:
    """Mean lift with an effect less mean lift without it, on the same `n` data sets of a random stream."""
    samples = (design.draw(np.random.default_rng([stream, seed]), False) for seed in range(n))
    return float(np.mean([lift_of(each.with_effect(strength), K) - lift_of(each, K) for each in samples]))


def mean_null(found: list[Design], name: str) -> float:
    """Mean lift of exchanged labels in one design."""
    design = next(each for each in found if each.name == name)
    rngs = [np.random.default_rng([8, seed]) for seed in range(TUNING // 4)]
    return float(np.mean([null_mean(design.draw(rng, False), K, rng) for rng in rngs]))
