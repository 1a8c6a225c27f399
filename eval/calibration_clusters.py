"""Intervals and tests over images of independent patients: do they cover, do they keep their level?

    python eval/calibration_clusters.py RECORDS [--data-sets 1000]

RECORDS: the folder of a finished benchmark of explanations (as eval/explanations.py leaves it). Its patients
are taken as the population: data sets of 14, 25 and 50 patients are drawn from it with replacement, for every
pair of methods, measure and segmentation, so skewness and ties are those of real measures. For a true null
the population is reweighted (exponential tilting) until the pair's mean difference is 0; pairs of which one
method is better for every patient have no such null and are left out. How often then do the t test from the
interval, and a sign flip of whole patients, reject? Intervals of a method's own mean: how often do they hold
the population's? Classifiers: made patients with films that are alike, accuracy and macro F1 against their
true values, and two equally good classifiers. Writes eval/results/calibration_clusters.json and .md.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from scipy.optimize import brentq
from scipy.special import softmax

from common.markdown import document, table
from common.options import options, run
from common.results import write_results
from cxrneighbors.classifiers.quality.confusion import confusion_matrix, figures
from cxrneighbors.classifiers.quality.intervals import patient_intervals
from cxrneighbors.classifiers.quality.mcnemar import mcnemar
from cxrneighbors.explain.quality.journal import BENCHMARK, read_records
from cxrneighbors.explain.quality.metrics import METRICS, Metric
from cxrneighbors.explain.quality.summary import TARGET, records_table
from cxrneighbors.statistics.clusters import cluster_mean, paired_p_value, sign_flip_test

PATIENTS = (14, 25, 50)  # of the boxes of real films, and of the phantom benchmark
N_FLIPS = 499


def main(arguments: Sequence[str] | None = None) -> None:
    parser = options(__doc__, "--data-sets", "--jobs", "--results", data_sets=1000)
    parser.add_argument("records", type=Path)
    given = parser.parse_args(arguments)
    BENCHMARK.read(given.records, check=False)
    explanations = explanation_rows(records_table(read_records(given.records)), given.data_sets, given.jobs)
    classifiers = [classifier_row(n, alike, given.data_sets) for n in (50, 109) for alike in (0.0, 0.6)]
    summary = {"data_sets": given.data_sets, "explanations": explanations, "classifiers": classifiers}
    write_results(given.results, "calibration_clusters", summary, markdown(summary))


def explanation_rows(table: pd.DataFrame, n: int, jobs: int) -> list[dict[str, Any]]:
    """One row a measure and number of patients: rejections and coverage over all pairs and segmentations."""
    tested = [metric for metric in METRICS if metric.tested]
    parts = Parallel(n_jobs=jobs)(delayed(measure_rows)(table, metric, n) for metric in tested)
    return [row for part in parts for row in part]


def measure_rows(table: pd.DataFrame, metric: Metric, n: int) -> list[dict[str, Any]]:
    pairs = list(populations(table, metric.name, paired=True))
    single = list(populations(table, metric.name, paired=False))
    tilted = [tilted_to_null(pair) for pair in pairs]
    nulls = [pair for pair in tilted if pair is not None]
    rows = []
    for patients in PATIENTS:
        rng = np.random.default_rng([patients, len(metric.name)])
        t_test, flips = zip(*(rejections(p, patients, n, rng) for p in nulls), strict=True)
        own = [coverage(p, patients, n, rng) for p in single]
        row = {"measure": metric.title, "patients": patients}
        row |= {"pairs": len(nulls), "left_out": len(pairs) - len(nulls)}
        row |= {"rejects": np.mean(t_test), "rejects_most": np.max(t_test)}
        row |= {"sign_flip_rejects": np.mean(flips), "sign_flip_rejects_most": np.max(flips)}
        rows.append(row | {"covers_mean": np.mean(own), "covers_mean_least": np.min(own)})
    return rows


# values (n,), patient of each (n,), weight of each patient (P,)
Population = tuple[np.ndarray, np.ndarray, np.ndarray]
LEAST = 10  # patients' worth of weight that a reweighted population must keep


def populations(table: pd.DataFrame, metric: str, paired: bool) -> Iterator[Population]:
    """Per-target values of every method, or differences of every pair, in every segmentation."""
    for _, part in table.groupby("segmentation", sort=False):
        patient_of = part.drop_duplicates(TARGET).set_index(TARGET)["patient"]
        wide = part.pivot(index=TARGET, columns="method", values=metric)
        columns = combinations(wide.columns, 2) if paired else wide.columns
        for column in columns:
            values = (wide[column[0]] - wide[column[1]] if paired else wide[column]).dropna()
            patients = pd.factorize(patient_of.loc[values.index])[0]
            numbers = values.to_numpy(float)
            if len(numbers) and numbers.std() > 1e-12 and len(set(patients)) > 1:
                n_patients = int(patients.max()) + 1
                yield numbers, patients, np.full(n_patients, 1 / n_patients)


def tilted_to_null(population: Population) -> Population | None:
    """The population reweighted to a mean of 0; None where there is no such weighting of enough patients."""
    values, patients, _ = population
    sums = np.bincount(patients, values)
    sums = sums / sums.std() if sums.std() > 0 else sums
    if not sums.min() < 0 < sums.max():
        return None
    strength = brentq(lambda s: softmax(s * sums) @ sums, -1e4, 1e4)
    weights = softmax(strength * sums)
    return (values, patients, weights) if 1 / (weights**2).sum() >= LEAST else None


def draw(population: Population, n_patients: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Patients drawn with replacement, with all their targets: values and patients."""
    values, patients, weights = population
    chosen = rng.choice(len(weights), size=n_patients, p=weights)
    rows = [np.flatnonzero(patients == patient) for patient in chosen]
    return values[np.concatenate(rows)], np.repeat(np.arange(n_patients), [len(each) for each in rows])


def rejections(
    population: Population, n_patients: int, n: int, rng: np.random.Generator
) -> tuple[float, float]:
    """How often the benchmark's test, and the sign flip of whole patients, reject a true null at 5 %."""
    by_t, by_flips = 0, 0
    for _ in range(n):
        values, patients = draw(population, n_patients, rng)
        by_t += paired_p_value(values, patients, rng) <= 0.05
        by_flips += sign_flip_test(values, patients, N_FLIPS, rng) <= 0.05
    return by_t / n, by_flips / n


def coverage(population: Population, n_patients: int, n: int, rng: np.random.Generator) -> float:
    """How often the interval of the mean holds the population's; one that is not known holds nothing."""
    bounds = np.array([cluster_mean(*draw(population, n_patients, rng)).interval() for _ in range(n)])
    return float(((bounds[:, 0] <= population[0].mean()) & (population[0].mean() <= bounds[:, 1])).mean())


def classifier_row(n_patients: int, alike: float, n: int) -> dict[str, Any]:
    """Coverage of the intervals of accuracy and macro F1; size of the two tests of a difference.

    Patients have 1 to 8 films (median 1), four classes of unequal size, one class a patient; a classifier is
    right with probability 0.7, with correlation `alike` between a patient's films.
    """
    truth = _figures(*_films(20_000, alike, np.random.default_rng(0))[:2])
    inside: dict[str, list[bool]] = {"accuracy": [], "f1": []}
    flips, swaps = [], []
    for seed in range(n):
        rng = np.random.default_rng([seed, n_patients])
        targets, predictions, patients, other = _films(n_patients, alike, rng)
        bounds = patient_intervals(targets, predictions, patients.tolist(), 4)
        for name, found in inside.items():
            found.append(bounds[name][0] <= truth[name] <= bounds[name][1])
        a, b = predictions == targets, other == targets
        flips.append(sign_flip_test(a.astype(float) - b, patients, N_FLIPS, rng) <= 0.05)
        swaps.append(mcnemar(a, b)["p_value"] <= 0.05)
    return {
        "patients": n_patients,
        "alike": alike,
        "covers_accuracy": float(np.mean(inside["accuracy"])),
        "covers_f1": float(np.mean(inside["f1"])),
        "sign_flip_rejects": float(np.mean(flips)),
        "mcnemar_rejects": float(np.mean(swaps)),
    }


def _films(n_patients: int, alike: float, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    sizes = np.minimum(rng.geometric(0.6, n_patients), 8)
    patients = np.repeat(np.arange(n_patients), sizes)
    targets = rng.choice(4, n_patients, p=[0.4, 0.3, 0.2, 0.1])[patients]
    predictions = []
    for _ in range(2):
        person = rng.normal(size=n_patients)[patients]
        latent = np.sqrt(alike) * person + np.sqrt(1 - alike) * rng.normal(size=len(patients))
        right = latent < 0.5244  # 0.7 of a normal distribution
        predictions.append(np.where(right, targets, (targets + rng.integers(1, 4, len(targets))) % 4))
    return targets, predictions[0], patients, predictions[1]


def _figures(targets: np.ndarray, predictions: np.ndarray) -> dict[str, float]:
    found = figures(confusion_matrix(targets, predictions, 4))
    return {name: float(value) for name, value in found.items()}


def markdown(summary: dict[str, Any]) -> str:
    n = summary["data_sets"]
    of_explanations = (
        f"Paired tests and intervals of the benchmark of explanations: {n} data sets for each pair of "
        "methods and segmentation, drawn by patient from the benchmark's own records under a true null; the "
        "t test from the cluster-robust interval of the difference, which is the one in use, and a sign flip "
        "of whole patients, which was. 'Most', 'least': the worst single pair or method."
    )
    of_classifiers = (
        f"Figures of classifiers, {n} made data sets each; films of a patient alike by a latent correlation:"
    )
    tests = {
        "measure": "{measure}",
        "patients:": "{patients}",
        "pairs (without a null):": "{pairs} ({left_out})",
        "t test rejects at 5 % (most):": "{rejects:.1%} ({rejects_most:.1%})",
        "sign flip rejects (most):": "{sign_flip_rejects:.1%} ({sign_flip_rejects_most:.1%})",
        "95 % CI of a mean covers (least):": "{covers_mean:.1%} ({covers_mean_least:.1%})",
    }
    figures = {
        "patients:": "{patients}",
        "alike:": "{alike:g}",
        "accuracy covers:": "{covers_accuracy:.1%}",
        "macro F1 covers:": "{covers_f1:.1%}",
        "sign flip rejects:": "{sign_flip_rejects:.1%}",
        "McNemar rejects:": "{mcnemar_rejects:.1%}",
    }
    explanations, classifiers = table(tests, summary["explanations"]), table(figures, summary["classifiers"])
    return document(of_explanations, explanations, of_classifiers, classifiers)


if __name__ == "__main__":
    run(main)
