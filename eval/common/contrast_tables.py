"""Tables of the contrast benchmark: means by row and segmentation, and paired differences to one row."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from cxrneighbors.statistics.clusters import cluster_mean, paired_p_value
from cxrneighbors.statistics.holm import holm
from cxrneighbors.statistics.seeds import generator

MEASURES = ("pointing", "iou", "energy")
MORE = ("even_pointing", "even_energy", "seed_jaccard", "calls", "seconds")
_KEY = ["image_id", "finding", "segmentation"]
_MEANS = {
    "segments": "{segmentation}",
    "": "{row}",
    "pointing:": "{pointing:.2f}",
    "even:": "{even_pointing:.2f}",
    "IoU:": "{iou:.3f}",
    "energy:": "{energy:.3f}",
    "same top 3:": "{seed_jaccard:.2f}",
    "calls:": "{calls:.0f}",
}
CHOICE_CELLS = _MEANS | {
    "Δ pointing (95 % CI)": "{pointing_difference:+.2f} ({pointing_low:+.2f} to {pointing_high:+.2f})",
    "Δ IoU (95 % CI)": "{iou_difference:+.3f} ({iou_low:+.3f} to {iou_high:+.3f})",
    "Δ energy (95 % CI)": "{energy_difference:+.3f} ({energy_low:+.3f} to {energy_high:+.3f})",
}
CONTROL_CELLS = _MEANS | {f"p {name}:": f"{{{name}_p:.4f}}" for name in MEASURES}


def means(records: pd.DataFrame) -> list[dict[str, Any]]:
    """One line a segmentation and row, in the order of `records`: means over targets, NaN where unknown."""
    lines = []
    for (segmentation, row), part in records.groupby(["segmentation", "row"], sort=False):
        line = {name: float(part[name].mean()) for name in (*MEASURES, *MORE) if name in part}
        lines.append({"segmentation": segmentation, "row": row, **line})
    return sorted(lines, key=lambda line: list(records["segmentation"].unique()).index(line["segmentation"]))


def against(
    lines: list[dict[str, Any]], records: pd.DataFrame, first: str, seed: int = 0
) -> list[dict[str, Any]]:
    """`lines` with their paired difference to row `first`: its 95 % interval, and p by Holm.

    On the same targets, the patient as the unit (`statistics.clusters`); Holm's correction goes over the
    rows of one measure in one segmentation. NaN where there is nothing to compare.
    """
    patient_of = records.drop_duplicates(_KEY).set_index(_KEY)["patient"]
    wide = {name: records.pivot(index=_KEY, columns="row", values=name) for name in MEASURES}
    for line in lines:
        for name in MEASURES:
            line |= _difference(line, wide[name], patient_of, name, first, seed)
    for name in MEASURES:
        for segmentation in dict.fromkeys(line["segmentation"] for line in lines):
            chosen = [line for line in lines if line["segmentation"] == segmentation]
            adjusted = holm([None if np.isnan(line[f"{name}_p"]) else line[f"{name}_p"] for line in chosen])
            for line, p in zip(chosen, adjusted, strict=True):
                line[f"{name}_p"] = float(p)
    return lines


def _difference(
    line: dict[str, Any], wide: pd.DataFrame, patient_of: pd.Series, name: str, first: str, seed: int
) -> dict[str, float]:
    rows = wide.index.get_level_values("segmentation") == line["segmentation"]
    difference = (wide[line["row"]] - wide[first])[rows].dropna()
    keys = [f"{name}_{key}" for key in ("difference", "low", "high", "p")]
    if line["row"] == first or not len(difference):
        return dict.fromkeys(keys, float("nan"))
    values, patients = difference.to_numpy(float), patient_of.loc[difference.index].to_numpy()
    estimate = cluster_mean(values, patients)
    p = paired_p_value(values, patients, generator(seed, line["segmentation"], name, line["row"]))
    return dict(zip(keys, (estimate.mean, *estimate.interval(), p), strict=True))
