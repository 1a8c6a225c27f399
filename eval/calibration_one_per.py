"""One neighbour per patient, without effect: are lifts 0, do intervals cover, do tests keep their level?

    python eval/calibration_one_per.py [--data-sets 400] [--jobs 2]

Made data sets of 160 patients with 1 to 40 films, K = 5, findings that the looks know nothing of: neighbours
by any image, one image per study, one per patient, scored by the package as `evaluate` does. Findings depend
on film counts in all kinds but the first; looks are noise of each film, alike within a patient, or depend on
film counts too (then a lift is left, which the exchange test has to explain). Writes
eval/results/calibration_one_per.json and .md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from joblib import Parallel, delayed

from calibration_designs import Sample, made
from common.markdown import document, table
from common.options import options, run
from common.results import write_results
from cxrneighbors.evaluation.exchange_tests import Draws, lift_test
from cxrneighbors.evaluation.expectation import random_expectation
from cxrneighbors.evaluation.films import MATCHINGS, Films
from cxrneighbors.evaluation.graph import Graph
from cxrneighbors.evaluation.labels import Labels
from cxrneighbors.evaluation.question import Question
from cxrneighbors.evaluation.score_table import ALL, ScoreTable, score_targets
from cxrneighbors.index.filters import first_of_each, kept_first
from cxrneighbors.statistics.dyadic import NEXT
from cxrneighbors.statistics.patients import ONE_PER

K = 5
N_PERMUTATIONS = 199
COUNTS = np.r_[np.random.default_rng(3).geometric(0.3, 150), np.arange(20, 40, 2)]
NEAREST = 400  # films among which there are K + NEXT patients: the largest have 38
KINDS = {
    "alike": "looks and findings alike within a patient",
    "noise": "looks noise of each film, findings by film counts",
    "apart": "looks alike within a patient, findings by film counts",
    "by-count": "looks and findings by film counts",
}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = options(__doc__, "--data-sets", "--jobs", "--results", data_sets=400)
    given = parser.parse_args(arguments)
    rows = []
    for kind, title in KINDS.items():
        every = Parallel(n_jobs=given.jobs)(delayed(measure)(kind, seed) for seed in range(given.data_sets))
        for one_per in ONE_PER:
            for matching in (ALL, "view"):
                found = np.array([each[one_per, matching] for each in every])
                row = {"kind": kind, "title": title, "one_per": one_per, "matching": matching}
                rows.append(row | figures(found))
    summary = {"data_sets": given.data_sets, "k": K, "films": int(COUNTS.sum()), "rows": rows}
    write_results(given.results, "calibration_one_per", summary, markdown(summary))


def measure(kind: str, seed: int) -> dict[tuple[str, str], tuple[float, ...]]:
    """Lift, half width of its interval, p, and the lift over films drawn singly; by one_per and matching."""
    sample = draw(kind, np.random.default_rng([seed, 11]))
    films, order = films_of(sample), nearest_first(sample)
    n, results = len(order), {}
    for one_per in ONE_PER:
        near = kept_first(order, first_of_each(films.units(one_per)[order]), K + NEXT)
        graph = Graph(np.arange(n), np.arange(n), near, np.zeros(near.shape, np.float32), 0)
        scored = score_targets(graph, films, Question(K, one_per=one_per), matchings=("view",))
        for matching in (ALL, "view"):
            results[one_per, matching] = _figures(scored, matching, seed)
    return results


def draw(kind: str, rng: np.random.Generator) -> Sample:
    """A data set of one kind; views are alike within a patient and tell nothing."""
    sample = made(COUNTS, 0.0 if kind == "alike" else 1.0)(rng, False)
    if kind == "noise":
        return replace(sample, looks=rng.normal(size=sample.looks.shape))
    return replace(sample, looks=sample.looks[:, :-1]) if kind == "apart" else sample


def films_of(sample: Sample) -> Films:
    """Two films a study."""
    n = len(sample.patients)
    n_findings = int(sample.masks.max()).bit_length()
    first = np.unique(sample.patients, return_index=True)[1]
    return Films(
        ids=np.arange(n).astype(str),
        labels=Labels(tuple(str(finding) for finding in range(n_findings)), sample.masks),
        patients=sample.patients,
        studies=sample.patients * n + (np.arange(n) - first[sample.patients]) // 2,
        views=sample.views.astype(str),
        strata=dict.fromkeys(MATCHINGS, sample.views),
    )


def nearest_first(sample: Sample) -> np.ndarray:
    """The `NEAREST` films of others by distance: int64 (n, NEAREST)."""
    squares = (sample.looks**2).sum(axis=1)
    apart = squares[:, None] + squares[None] - 2 * sample.looks @ sample.looks.T
    apart[sample.patients[:, None] == sample.patients] = np.inf
    found = np.argpartition(apart, NEAREST, axis=1)[:, :NEAREST]
    return np.take_along_axis(found, np.argsort(np.take_along_axis(apart, found, axis=1), axis=1), axis=1)


def _figures(scored: ScoreTable, matching: str, seed: int) -> tuple[float, ...]:
    chosen = scored.enough(matching)
    estimate = scored.estimate(chosen, matching)
    test = lift_test(scored, matching, Draws(N_PERMUTATIONS, seed))
    strata = None if matching == ALL else scored.films.strata[matching]
    singly = random_expectation(scored.masks, scored.films.patients, "any", strata).mean
    overlap = scored.frame["overlap"].to_numpy()
    low, high = estimate.interval()
    return estimate.mean, (high - low) / 2, test.p_value[0], (overlap - singly)[chosen].mean()


def figures(found: np.ndarray) -> dict[str, float]:
    lift, half, p, singly = found.T
    return {
        "lift": float(lift.mean()),
        "error": float(lift.std(ddof=1) / np.sqrt(len(lift))),
        "covers": float((np.abs(lift - lift.mean()) <= half).mean()),
        "rejects": float((p <= 0.05).mean()),
        "lift_singly": float(singly.mean()),
    }


def markdown(summary: dict[str, Any]) -> str:
    about = (
        f"{summary['data_sets']} data sets of each kind without effect, {summary['films']} films of "
        f"{len(COUNTS)} patients, K = {summary['k']}. Lift: mean of all, in points, ± its standard error. "
        "Singly: over an expectation in which films of a patient are not skipped. Covers: 95 % intervals of "
        "the mean lift. Rejects: exchange tests at 5 %."
    )
    columns = {
        "data sets": "{title}",
        "one per": "{one_per}",
        "chance": "{matching}",
        "lift:": "{lift:+.2p} ± {error:.2p}",
        "singly:": "{lift_singly:+.2p}",
        "covers:": "{covers:.1%}",
        "rejects:": "{rejects:.1%}",
    }
    return document(about, table(columns, summary["rows"]))


if __name__ == "__main__":
    run(main)
