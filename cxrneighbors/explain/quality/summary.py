"""From records to figures: means with intervals, and paired tests with the patient as the unit."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from cxrneighbors.explain.quality.metrics import METRICS, Metric
from cxrneighbors.explain.quality.references import title_of
from cxrneighbors.explain.quality.stability import map_correlation
from cxrneighbors.statistics.clusters import cluster_mean, paired_p_value
from cxrneighbors.statistics.holm import holm
from cxrneighbors.statistics.seeds import generator

TARGET = ["image_id", "finding"]
Key = tuple[str, str, str, str]  # image, finding, method, segmentation


def records_table(records: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """Records as a table, one row each, with column `across` added and maps left out.

    `across`: mean Pearson correlation of the target's map under this method with its maps in the other
    segmentations; NaN where there is one segmentation only.
    """
    table = pd.DataFrame([{k: v for k, v in record.items() if k != "map"} for record in records])
    for metric in METRICS:
        if metric.name != "across":
            table[metric.name] = pd.to_numeric(table[metric.name])
    maps = {
        (r["image_id"], r["finding"], r["method"], r["segmentation"]): np.array(r["map"]) for r in records
    }
    segmentations = list(dict.fromkeys(table["segmentation"]))
    table["across"] = [_across(maps, key, segmentations) for key in maps]
    return table


def summarise(table: pd.DataFrame) -> pd.DataFrame:
    """Mean of each metric by method and segmentation, with a 95 % interval, patients as units.

    Columns: method, segmentation, metric, mean, low, high (`statistics.clusters.cluster_mean`), n_targets,
    n_patients; NaN where it is undefined.
    """
    rows = []
    for (segmentation, method), part in table.groupby(["segmentation", "method"], sort=False):
        for metric in METRICS:
            known = part[part[metric.name].notna()]
            values, patients = known[metric.name].to_numpy(float), known["patient"].to_numpy()
            estimate = cluster_mean(values, patients)
            low, high = estimate.interval()
            counts = {"n_targets": len(known), "n_patients": known["patient"].nunique()}
            names = {"method": method, "segmentation": segmentation, "metric": metric.name}
            rows.append({**names, "mean": estimate.mean, "low": low, "high": high, **counts})
    return pd.DataFrame(rows)


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
            tests = _pairs(wide, patient_of, metric, seed, str(segmentation))
            for test, adjusted in zip(tests, holm(np.array([test["p"] for test in tests])), strict=True):
                rows.append({"segmentation": segmentation, "metric": metric.name, **test, "p_holm": adjusted})
    return pd.DataFrame(rows)


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


def sentences(summary: pd.DataFrame, pairs: pd.DataFrame, level: float = 0.05) -> list[str]:
    """One sentence a metric and segmentation: which method is best, and whom it beats beyond chance."""
    result = []
    for segmentation in dict.fromkeys(summary["segmentation"]):
        for metric in (metric for metric in METRICS if metric.tested and metric.name != "sanity"):
            part = summary[(summary["segmentation"] == segmentation) & (summary["metric"] == metric.name)]
            part = part[part["mean"].notna() & (part["method"] != "random")]
            if len(part):
                result.append(_sentence(part, pairs, str(segmentation), metric, level))
    return result


def _sentence(
    part: pd.DataFrame, pairs: pd.DataFrame, segmentation: str, metric: Metric, level: float
) -> str:
    ordered = part.sort_values("mean", ascending=metric.better < 0, kind="stable")
    best = ordered["method"].iloc[0]
    tied: list[str] = []
    beaten: list[str] = []
    for other in ordered["method"].iloc[1:]:
        _, p = compare(pairs, segmentation, metric.name, best, other)
        (beaten if p < level else tied).append(title_of(other))
    text = f"{segmentation}, {metric.title}: {title_of(best)} {ordered['mean'].iloc[0]:.3f}"
    text += f"; better than {', '.join(beaten)}" if beaten else "; no significant difference to any other"
    if beaten and tied:
        text += f"; not told apart from {', '.join(tied)}"
    _, against_random = compare(pairs, segmentation, metric.name, best, "random")
    if not against_random < level:
        text += "; not told apart from random segments"
    return text + "."


def _across(maps: dict[Key, np.ndarray], key: Key, segmentations: list[str]) -> float:
    others = [(*key[:3], name) for name in segmentations if name != key[3]]
    values = [map_correlation(maps[key], maps[other]) for other in others if other in maps]
    return float(np.mean(values)) if values else float("nan")


def _pairs(
    wide: pd.DataFrame, patient_of: pd.Series, metric: Metric, seed: int, name: str
) -> list[dict[str, Any]]:
    tests = []
    for first, second in combinations(wide.columns, 2):
        difference = (wide[first] - wide[second]).dropna()
        patients = patient_of.loc[difference.index].to_numpy()
        rng = generator(seed, name, metric.name, first, second)
        values = difference.to_numpy(float)
        estimate = cluster_mean(values, patients)
        low, high = estimate.interval()
        tests.append(
            {
                "first": first,
                "second": second,
                "difference": estimate.mean,
                "low": low,
                "high": high,
                "p": paired_p_value(values, patients, rng),
                "n_targets": len(values),
                "n_patients": len(set(patients)),
            }
        )
    return tests
