"""From records to figures: means with intervals, and paired tests with the patient as the unit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from cxrneighbors.explain.quality.method_spec import parse_method, title_of
from cxrneighbors.explain.quality.metrics import METRICS, Metric
from cxrneighbors.explain.quality.stability import map_correlation, rank_correlation
from cxrneighbors.statistics.clusters import cluster_mean, paired_p_value
from cxrneighbors.statistics.holm import holm
from cxrneighbors.statistics.seeds import generator

TARGET = ["image_id", "finding"]
LEVEL = 0.05  # of adjusted p-values, below which methods are told apart
_INTERVAL, _COUNTS = ("low", "high"), ("n_targets", "n_patients")


def records_table(records: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """Records as a table, one row each, with two columns added and maps and weights left out.

    `across`: mean Pearson correlation of the target's map under this method with its maps in the other
    segmentations; NaN where there is one segmentation only. `fill_rank`: mean rank correlation of the
    segments' weights with those of the same method under the other fills; NaN where there are none.
    """
    table = pd.DataFrame(records).drop(columns=["map", "weights"]).assign(across=np.nan, fill_rank=np.nan)
    for metric in METRICS:
        table[metric.name] = pd.to_numeric(table[metric.name])
    maps = [np.array(record["map"]) for record in records]
    weights = [np.array(record["weights"]) for record in records]
    table["across"] = _likeness(table, [*TARGET, "method"], maps, map_correlation)
    family = table["method"].map(lambda text: parse_method(text).without("fill").text)
    groups = [*TARGET, "segmentation", "family"]
    table["fill_rank"] = _likeness(table.assign(family=family), groups, weights, rank_correlation)
    return table


def _likeness(
    table: pd.DataFrame,
    keys: list[str],
    values: Sequence[np.ndarray],
    similarity: Callable[[np.ndarray, np.ndarray], float],
) -> np.ndarray:
    """Mean similarity of each row's value with those of the other rows of its group: (N,); NaN if alone."""
    found = np.full(len(table), np.nan)
    for rows in table.groupby(keys).indices.values():
        for row in rows if len(rows) > 1 else ():
            found[row] = np.mean([similarity(values[row], values[other]) for other in rows if other != row])
    return found


def summarise(table: pd.DataFrame) -> pd.DataFrame:
    """Mean of each metric by method and segmentation, with a 95 % interval, patients as units.

    Columns: method, segmentation, metric, mean, low, high (`statistics.clusters.cluster_mean`), n_targets,
    n_patients; NaN where it is undefined.
    """
    rows = []
    for (segmentation, method), part in table.groupby(["segmentation", "method"], sort=False):
        for metric in METRICS:
            known = part[part[metric.name].notna()]
            estimate = _estimate(known[metric.name], known["patient"])
            rows.append((method, segmentation, metric.name, *estimate))
    return pd.DataFrame(rows, columns=["method", "segmentation", "metric", "mean", *_INTERVAL, *_COUNTS])


def paired_tests(table: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """All pairs of methods on the same targets, for each tested metric and segmentation.

    The difference of two methods on a target is averaged over targets and tested two-sided with the patient
    as the unit (`statistics.clusters.paired_p_value`); Holm's correction goes over the pairs of one metric in
    one segmentation. Columns: segmentation, metric, first, second, difference (first - second), low, high
    (95 % interval), p, p_holm, n_targets, n_patients.
    """
    rows = []
    for segmentation, part in table.groupby("segmentation", sort=False):
        patient_of = part.drop_duplicates(TARGET).set_index(TARGET)["patient"]
        for metric in (metric for metric in METRICS if metric.tested):
            wide = part.pivot(index=TARGET, columns="method", values=metric.name)
            for first, second in combinations(wide.columns, 2):
                difference = (wide[first] - wide[second]).dropna()
                patients = patient_of.loc[difference.index]
                mean, low, high, *counts = _estimate(difference, patients)
                rng = generator(seed, str(segmentation), metric.name, first, second)
                p = paired_p_value(difference.to_numpy(), patients.to_numpy(), rng)
                rows.append((segmentation, metric.name, first, second, mean, low, high, p, *counts))
    names = ["segmentation", "metric", "first", "second", "difference", *_INTERVAL, "p", *_COUNTS]
    pairs = pd.DataFrame(rows, columns=names)
    adjusted = pairs.groupby(["segmentation", "metric"])["p"].transform(lambda p: holm(p.to_numpy()))
    return pairs.assign(p_holm=adjusted)


def compare(
    pairs: pd.DataFrame, segmentation: str, metric: str, method: str, other: str
) -> tuple[float, float]:
    """Difference method - other and its adjusted p-value from `paired_tests`; NaN, NaN where not tested."""
    chosen = pairs[(pairs["segmentation"] == segmentation) & (pairs["metric"] == metric)]
    for sign, first, second in ((1.0, method, other), (-1.0, other, method)):
        row = chosen[(chosen["first"] == first) & (chosen["second"] == second)]
        if len(row):
            return sign * float(row["difference"].iloc[0]), float(row["p_holm"].iloc[0])
    return float("nan"), float("nan")


def sentences(summary: pd.DataFrame, pairs: pd.DataFrame) -> list[str]:
    """One sentence a metric and segmentation: which method is best, and whom it beats beyond chance."""
    known = summary[summary["mean"].notna() & (summary["method"] != "random")]
    ranked = {metric.name: metric for metric in METRICS if metric.ranked}
    return [
        _sentence(part, pairs, str(segmentation), ranked[name])
        for (segmentation, name), part in known.groupby(["segmentation", "metric"], sort=False)
        if name in ranked
    ]


def _sentence(part: pd.DataFrame, pairs: pd.DataFrame, segmentation: str, metric: Metric) -> str:
    ordered = part.sort_values("mean", ascending=metric.better < 0, kind="stable")
    best = ordered["method"].iloc[0]
    tied, beaten = list[str](), list[str]()
    for other in ordered["method"].iloc[1:]:
        _, p = compare(pairs, segmentation, metric.name, best, other)
        (beaten if p < LEVEL else tied).append(title_of(other))
    text = f"{segmentation}, {metric.title}: {title_of(best)} {ordered['mean'].iloc[0]:.3f}"
    text += f"; better than {', '.join(beaten)}" if beaten else "; no significant difference to any other"
    if beaten and tied:
        text += f"; not told apart from {', '.join(tied)}"
    _, against_random = compare(pairs, segmentation, metric.name, best, "random")
    if not against_random < LEVEL:
        text += "; not told apart from random segments"
    return text + "."


def _estimate(values: pd.Series, patients: pd.Series) -> tuple[float, float, float, int, int]:
    """Mean, its 95 % interval, and the numbers of targets and patients."""
    estimate = cluster_mean(values.to_numpy(float), patients.to_numpy())
    return estimate.mean, *estimate.interval(), len(values), patients.nunique()
