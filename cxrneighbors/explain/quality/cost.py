"""Cost: films that the classifier had to score, and time."""

from __future__ import annotations

import time
from dataclasses import dataclass

from cxrneighbors.explain.explainer import Explainer
from cxrneighbors.explain.explanation import Explanation


@dataclass(frozen=True)
class Cost:
    """`calls`: films scored by the classifier; `seconds`: wall time."""

    calls: int
    seconds: float


def timed_explanation(explainer: Explainer, image_id: str, target: str) -> tuple[Explanation, Cost]:
    """Explain and measure. The engine counts the calls, so an explainer need not report them itself."""
    before, started = explainer.engine.n_scored, time.perf_counter()
    explanation = explainer.explain(image_id, target)
    seconds = time.perf_counter() - started
    return explanation, Cost(explainer.engine.n_scored - before, seconds)
