"""Weights of image and report, chosen by the overlap itself on patients that are not scored.

Targets are films of split 'val'; of 'train' too where 'val' has fewer than `MIN_PATIENTS` patients. Their
neighbours come from the same two splits, so no film of split 'test' has a say. The lift (K nearest films of
other patients, definition `any`) is measured at each ratio of the weights, from the report alone to the
image alone. Of the ratios whose lift is as good as the best but for `STANDARD_ERRORS`, the one nearest to the
better part alone is taken: a modality that adds nothing clear is left out (after the one-standard-error rule,
Hastie, Tibshirani & Friedman 2009, section 7.10; the error is that of the paired difference).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from cxrneighbors.errors import UserError
from cxrneighbors.index.filters import Filters
from cxrneighbors.index.queries import indexed_queries
from cxrneighbors.index.search import SearchOptions, find
from cxrneighbors.index.vector_store import VectorStore
from cxrneighbors.progress import track

K = 5
LOG2_RATIOS = range(-6, 7)  # of the image's weight to the report's
MIN_PATIENTS = 100
LEAST_PATIENTS = 10
MAX_TARGETS = 2000
# A whole standard error gave away half of what the best ratio gains on phantoms, and kept no more safely to
# the better part.
STANDARD_ERRORS = 0.5


@dataclass(frozen=True)
class Bench:
    """Who may be found, bool (N,); T targets, int64 (T,), of the splits `splits`; labels, bool (N, C);
    expected, float64 (T,): the share of a target's candidates that share a finding with it."""

    pool: np.ndarray
    targets: np.ndarray
    splits: list[str]
    labels: np.ndarray
    expected: np.ndarray


@dataclass(frozen=True)
class Found:
    """Neighbours of T targets at one ratio: rows int64 (T, K); overlap less expectation, float64 (T, K)."""

    rows: np.ndarray
    residuals: np.ndarray

    @property
    def lift(self) -> float:
        """The mean over all pairs."""
        return float(self.residuals.mean())


def choose_weights(store: VectorStore) -> dict[str, Any]:
    """The chosen weights and how they came about, as JSON.

    weights: image and report, summing to 1, one of them 0 where the other is best alone; splits, n_patients,
    n_films: of the targets; k, definition; curve: for each ratio the weights, the lift, its difference from
    the best and the standard error of that. Raises `UserError` for an index without both modalities, or with
    fewer than `LEAST_PATIENTS` labelled patients outside split 'test' that have both.
    """
    bench = _bench(store)
    weights = [_shares(0.0), *(_shares(2.0**power) for power in LOG2_RATIOS), _shares(np.inf)]
    found = [_search(store, bench, each) for each in track(weights, "choosing weights")]
    best = max(found, key=lambda each: each.lift)
    errors = [_standard_error(store, bench.targets, best, each) for each in found]
    curve = [
        {**each, "lift": one.lift, "difference": one.lift - best.lift, "standard_error": error}
        for each, one, error in zip(weights, found, errors, strict=True)
    ]
    chosen = nearest_to_better_part(curve)
    return {
        "weights": {name: chosen[name] for name in ("image", "report")},
        "splits": bench.splits,
        "n_patients": len(np.unique(store.patients[bench.targets])),
        "n_films": len(bench.targets),
        "k": K,
        "definition": "any",
        "curve": curve,
    }


def nearest_to_better_part(curve: list[dict[str, float]]) -> dict[str, float]:
    """Of the points as good as the best but for `STANDARD_ERRORS`, the one nearest to the better end."""
    from_better = curve if curve[0]["lift"] >= curve[-1]["lift"] else curve[::-1]
    return next(
        point for point in from_better if point["difference"] >= -STANDARD_ERRORS * point["standard_error"]
    )


def describe(choice: dict[str, Any]) -> str:
    """What was chosen, on whom, and what it gains, in a line."""
    curve, weights = choice["curve"], choice["weights"]
    chosen = next(point for point in curve if point["image"] == weights["image"])
    return (
        f"weights image={weights['image']:.3g},report={weights['report']:.3g}: chosen on {choice['n_films']} "
        f"films of {choice['n_patients']} patients (split {', '.join(choice['splits'])}); lift "
        f"{100 * chosen['lift']:+.1f} points, report alone {100 * curve[0]['lift']:+.1f}, "
        f"image alone {100 * curve[-1]['lift']:+.1f}"
    )


def _shares(ratio: float) -> dict[str, float]:
    image = 1.0 if np.isinf(ratio) else ratio / (1 + ratio)
    return {"image": image, "report": 1 - image}


def _bench(store: VectorStore) -> Bench:
    if "fused" not in store.spaces:
        raise UserError("weights auto: no film has both an image and a report vector; leave weights out")
    split = store.studies["split"].to_numpy(dtype=object)
    labelled = store.studies["findings"].map(len).to_numpy() > 0
    pool = store.has["image"] & store.has["report"] & labelled & (split != "test")
    splits = ["val"]
    targets = np.flatnonzero(pool & (split == "val"))
    if len(np.unique(store.patients[targets])) < MIN_PATIENTS:
        splits, targets = ["train", "val"], np.flatnonzero(pool)
    people = np.unique(store.patients[targets])
    if len(people) < LEAST_PATIENTS:
        raise UserError(
            f"weights auto: {len(people)} labelled patients outside split 'test' have image and report, "
            f"{LEAST_PATIENTS} are needed; give weights such as image=1,report=1"
        )
    order = np.random.default_rng(0).permutation(len(people))[
        np.searchsorted(people, store.patients[targets])
    ]
    drawn = np.argsort(order, kind="stable")[:MAX_TARGETS]  # patient by patient
    targets, labels = np.sort(targets[drawn]), _labels(store)
    return Bench(pool, targets, splits, labels, _expected(labels, store.patients, targets, pool))


def _search(store: VectorStore, bench: Bench, weights: dict[str, float]) -> Found:
    options = SearchOptions(K, "nearest", False, weights, one_per="image")
    filters = Filters(bench.pool[None], np.zeros(len(bench.targets), dtype=np.int64))
    fused = np.full(len(bench.targets), "fused")
    queries = indexed_queries(store, bench.targets)
    rows = find(store, queries, fused, filters, options, np.random.default_rng(0)).rows
    if (rows < 0).any():
        raise UserError(
            f"weights auto: fewer than {K} films of other patients outside split 'test'; give weights"
        )
    overlap = (bench.labels[bench.targets][:, None] & bench.labels[rows]).any(axis=2)
    return Found(rows, overlap - bench.expected[:, None])


def _labels(store: VectorStore) -> np.ndarray:
    """Which film has which finding: bool (N, C)."""
    from sklearn.preprocessing import MultiLabelBinarizer

    return np.asarray(MultiLabelBinarizer().fit_transform(store.studies["findings"]), dtype=bool)


def _expected(labels: np.ndarray, patients: np.ndarray, targets: np.ndarray, pool: np.ndarray) -> np.ndarray:
    """Share of the other patients' films in the pool that share a finding with each target: float64 (T,)."""
    rows = np.flatnonzero(pool)
    found = labels[rows].astype(np.float32)
    shares = []
    for target in targets:
        other = patients[rows] != patients[target]
        shares.append(((found @ labels[target]) > 0)[other].mean())
    return np.array(shares)


def _standard_error(store: VectorStore, targets: np.ndarray, first: Found, second: Found) -> float:
    """Of the difference of two lifts, patients being the units; 0 where nothing differs."""
    from cxrneighbors.statistics.dyadic import dyadic_estimate, pair_contributions  # scipy.stats is slow
    from cxrneighbors.statistics.estimate import NORMAL_KURTOSIS

    codes, n_patients = store.patients, int(store.patients.max()) + 1
    ours, theirs = (
        pair_contributions(codes[targets], codes[one.rows], one.residuals, one.lift, n_patients)
        for one in (first, second)
    )
    error = dyadic_estimate(first.lift - second.lift, ours.minus(theirs), NORMAL_KURTOSIS).standard_error
    return 0.0 if np.isnan(error) else error
