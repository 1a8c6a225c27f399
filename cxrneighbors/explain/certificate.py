"""Masks in rounds until the order of the top segments is settled, and a record of whether it was."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass

import numpy as np

from cxrneighbors.errors import UserError
from cxrneighbors.explain.selection import Selection
from cxrneighbors.explain.surrogate import Sample, Surrogate, fit_surrogate


@dataclass(frozen=True)
class StabilityRule:
    """When to stop adding masks.

    Until the bootstrap probability that the order of the `top` segments (by absolute weight) would change
    falls below `tolerance` in (0, 1), or `max_rounds` rounds are done.
    """

    tolerance: float
    top: int = 3
    max_rounds: int = 10
    n_bootstrap: int = 200

    def __post_init__(self) -> None:
        if not 0 < self.tolerance < 1:
            raise UserError(f"until-stable {self.tolerance}: not a probability; give one such as 0.05")
        if self.top < 1 or self.max_rounds < 1 or self.n_bootstrap < 1:
            raise UserError("until-stable: top, max_rounds and n_bootstrap must be at least 1")


@dataclass(frozen=True)
class Certificate:
    """What happened: `stable` (below the tolerance) or not (the cap was reached), and its figures."""

    stable: bool
    probability: float
    tolerance: float
    top: int
    rounds: int
    max_rounds: int
    n_bootstrap: int
    n_masked: int

    def sentence(self) -> str:
        """One line for a reader."""
        outcome = "stable" if self.stable else f"not stable, stopped at the cap of {self.max_rounds} rounds"
        return (
            f"{outcome}: top {self.top} segments would change order with probability {self.probability:.3f} "
            f"(tolerance {self.tolerance:g}) after {self.rounds} rounds, {self.n_masked} masked films"
        )


@dataclass(frozen=True)
class Fit:
    """A surrogate, what it says of the target, and what it took.

    `prediction`: the unmasked target's score; `n_scored`: films that the classifier scored, over all rounds.
    """

    surrogate: Surrogate
    prediction: float
    n_scored: int
    certificate: Certificate | None = None


def fit_rounds(
    samples: Iterable[Sample],
    kernel: Callable[[np.ndarray], np.ndarray],
    alpha: float,
    rule: StabilityRule | None = None,
    seed: int = 0,
    selection: Selection | None = None,
) -> Fit:
    """Take a round of masked films, or rounds until `rule` is met, and fit the surrogate on all of them.

    `samples`: one a round, made when asked for; the first row of the first is the unmasked target. `kernel`
    turns all distances (N,) into weights (N,). `selection`: of features, None for all. The bootstrap has its
    own random stream (`seed`): a rule that is met after one round changes nothing.
    """
    rounds = iter(samples)
    sample, certificate, count = next(rounds), None, 1
    weights = kernel(sample.distance)
    while rule is not None:
        certificate = certify(sample, weights, alpha, rule, count, seed, selection)
        if certificate.stable or count >= rule.max_rounds:
            break
        sample, count = sample.joined(next(rounds)), count + 1
        weights = kernel(sample.distance)
    surrogate = fit_surrogate(sample.x, sample.y, weights, alpha, selection)
    return Fit(surrogate, float(sample.y[0]), len(sample.y), certificate)


def certify(
    sample: Sample,
    weights: np.ndarray,
    alpha: float,
    rule: StabilityRule,
    count: int,
    seed: int,
    selection: Selection | None = None,
) -> Certificate:
    """The state after `count` rounds: is the order of the top segments settled?"""
    rng = np.random.default_rng([seed, count])
    probability = order_change_probability(sample, weights, alpha, rule, rng, selection)
    stable = probability < rule.tolerance
    return Certificate(
        stable=stable, probability=probability, rounds=count, n_masked=len(sample.y) - 1, **asdict(rule)
    )


def order_change_probability(
    sample: Sample,
    weights: np.ndarray,
    alpha: float,
    rule: StabilityRule,
    rng: np.random.Generator,
    selection: Selection | None = None,
) -> float:
    """Share of `rule.n_bootstrap` refits in which the order of the top segments differs from the full fit's.

    Masked films are resampled within their source; the unmasked target (row 0) stays. `weights` (N,) are the
    locality weights of the full fit. Each refit selects its features anew.
    """
    reference = top_order(fit_surrogate(sample.x, sample.y, weights, alpha, selection).coefficients, rule.top)
    changed = 0
    for _ in range(rule.n_bootstrap):
        fit = fit_surrogate(sample.x, sample.y, weights * _resample(sample.source, rng), alpha, selection)
        changed += not np.array_equal(top_order(fit.coefficients, rule.top), reference)
    return changed / rule.n_bootstrap


def top_order(coefficients: np.ndarray, top: int) -> np.ndarray:
    """Segments of the `top` largest absolute coefficients, largest first; ties in segment order."""
    return np.argsort(-np.abs(coefficients), kind="stable")[:top]


def _resample(source: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """How often each row is drawn: row 0 once, the others by a bootstrap within each source."""
    counts = np.ones(len(source))
    for value in np.unique(source[1:]):
        rows = 1 + np.flatnonzero(source[1:] == value)
        counts[rows] = rng.multinomial(len(rows), np.full(len(rows), 1 / len(rows)))
    return counts
