"""What `calibration.py` computes on one data set: lifts, matched lifts, differences, and their tests."""

from __future__ import annotations

import numpy as np

from calibration_designs import Sample
from cxrneighbors.evaluation.expectation import Expectation, random_expectation
from cxrneighbors.evaluation.lift_interval import difference_estimate, lift_estimate
from cxrneighbors.evaluation.overlap import pair_overlap
from cxrneighbors.evaluation.permuted_lift import LiftStatistic
from cxrneighbors.statistics.dyadic import NEXT, pair_contributions
from cxrneighbors.statistics.permutation import exchange_groups, permutation_test

KS = (1, 5, 10)
LEVEL = 0.95
N_PERMUTATIONS = 199


def nearest(looks: np.ndarray, patients: np.ndarray, k: int) -> np.ndarray:
    """The k nearest films of other patients, exactly: int64 (n, k)."""
    squares = (looks**2).sum(axis=1)
    apart = squares[:, None] + squares[None] - 2 * looks @ looks.T
    apart[patients[:, None] == patients[None]] = np.inf
    found = np.argpartition(apart, k, axis=1)[:, :k]
    order = np.argsort(np.take_along_axis(apart, found, axis=1), axis=1)
    return np.take_along_axis(found, order, axis=1)


def lift_of(sample: Sample, k: int) -> float:
    """Mean lift by the looks: what effects are planted by."""
    expected = random_expectation(sample.masks, sample.patients, "any").mean
    found = nearest(sample.looks, sample.patients, k)
    return float(pair_overlap(sample.masks[:, None], sample.masks[found], "any").mean() - expected.mean())


def null_mean(sample: Sample, k: int, rng: np.random.Generator) -> float:
    """Mean lift of exchanged labels: what film counts alone explain."""
    chance = random_expectation(sample.masks, sample.patients, "any")
    return _permuted(sample, nearest(sample.looks, sample.patients, k), chance, None, rng)[1]


def measure(plain: Sample, viewed: Sample, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """All figures of one data set: name -> float (3, c), a row for each of `KS`.

    `lift`, `matched`, `difference`: mean, standard error, degrees of freedom; `p_lift`, `p_matched`:
    permutation p-values; `others`: half widths of two other 95 % intervals of the lift, by the bootstrap of
    targets alone and by the dyadic variance without the candidates' role and few-patient corrections.
    """
    rows: dict[str, list[list[float]]] = {
        name: [] for name in ("lift", "matched", "difference", "p_lift", "p_matched", "others")
    }
    graphs = [
        nearest(looks, plain.patients, max(KS) + NEXT) for looks in (plain.looks, plain.first, plain.second)
    ]
    viewed_graph = nearest(viewed.looks, viewed.patients, max(KS) + NEXT)
    targets, viewed_targets = np.arange(len(plain.patients)), np.arange(len(viewed.patients))
    chance = random_expectation(plain.masks, plain.patients, "any")
    matched = random_expectation(viewed.masks, viewed.patients, "any", viewed.views)
    for k in KS:
        graph = graphs[0][:, :k]
        lift = lift_estimate(targets, graphs[0], k, plain.masks, plain.patients, chance, "any")
        rows["lift"].append([lift.mean, lift.standard_error, lift.dof])
        rows["p_lift"].append([_permuted(plain, graph, chance, None, rng)[0]])
        rows["others"].append(_other_half_widths(plain, graph, chance, rng))
        usable = matched.candidates >= k
        inside = lift_estimate(
            viewed_targets[usable],
            viewed_graph[usable],
            k,
            viewed.masks,
            viewed.patients,
            matched,
            "any",
            viewed.views,
        )
        rows["matched"].append([inside.mean, inside.standard_error, inside.dof])
        rows["p_matched"].append([_permuted(viewed, viewed_graph[:, :k], matched, viewed.views, rng)[0]])
        gap = difference_estimate(
            targets, graphs[1], graphs[2], k, plain.masks, plain.patients, chance.mean, "any"
        )
        rows["difference"].append([gap.mean, gap.standard_error, gap.dof])
    return {name: np.array(values) for name, values in rows.items()}


def _permuted(
    sample: Sample,
    graph: np.ndarray,
    chance: Expectation,
    strata: np.ndarray | None,
    rng: np.random.Generator,
) -> tuple[float, float]:
    """p-value and mean of the null distribution."""
    n = len(sample.patients)
    attributes = np.zeros(n, dtype=np.int64) if strata is None else strata
    everyone = np.ones((n, 1), dtype=bool)
    statistic = LiftStatistic(
        sample.masks, np.arange(n), graph, np.nan_to_num(chance.mean), everyone[:, 0], everyone, "any"
    )
    groups = exchange_groups(sample.patients, attributes)
    test = permutation_test(statistic, groups, n, graph.size, N_PERMUTATIONS, rng)
    return float(test.p_value[0]), float(test.null_mean[0])


def _other_half_widths(
    sample: Sample, graph: np.ndarray, chance: Expectation, rng: np.random.Generator, n_bootstrap: int = 300
) -> list[float]:
    shared = pair_overlap(sample.masks[:, None], sample.masks[graph], "any") - chance.mean[:, None]
    people = int(sample.patients.max()) + 1
    sums = np.bincount(sample.patients, shared.mean(axis=1), people)
    sizes = np.bincount(sample.patients, minlength=people)
    draw = rng.multinomial(people, np.full(people, 1 / people), size=n_bootstrap)
    low, high = np.quantile(draw @ sums / (draw @ sizes), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    c = pair_contributions(sample.patients, sample.patients[graph], shared, shared.mean(), people)
    variance = max((c.touching**2).sum() - (c.sums**2).sum(), 0.0) / shared.size**2
    return [(high - low) / 2, 1.96 * float(np.sqrt(variance))]
