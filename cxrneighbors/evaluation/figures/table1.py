"""Table 1: a report and its nearest reports, with distances and shared findings."""

from __future__ import annotations

from typing import Any

import pandas as pd

from cxrneighbors.evaluation.evaluate import OverlapResult
from cxrneighbors.statistics.patients import PATIENT

COLUMNS = (
    "example",
    "role",
    "rank",
    "image_id",
    "distance",
    "report_distance",
    "findings",
    "shared_findings",
    "report",
)


def table1(result: OverlapResult) -> pd.DataFrame:
    """One block per example target (`examples.RULE`): the original report and its nearest reports.

    Neighbours are those of `report`, else of `fused`; several images of a patient share a report, which is
    listed once. Columns `COLUMNS`; findings are joined by "|". Empty where the index has no reports.
    """
    method = next((name for name in ("report", "fused") if name in result.examples), None)
    if method is None:
        return pd.DataFrame(columns=list(COLUMNS))
    studies = result.studies.set_index("image_id", drop=False)
    neighbors = result.neighbors[result.neighbors["method"] == method].sort_values("rank")
    rows: list[dict[str, Any]] = []
    for example in result.examples[method]:
        original = studies.loc[example["image_id"]]
        rows.append(_line(example["rule"], original, set()) | {"role": "original", "rank": 0})
        for _, hit in neighbors[neighbors["query_id"] == example["image_id"]].iterrows():
            line = _line(example["rule"], studies.loc[hit["neighbor_id"]], set(original["findings"]))
            shown = ("rank", "distance", "report_distance")
            rows.append(line | {"role": "neighbour"} | {name: hit[name] for name in shown})
    frame = pd.DataFrame(rows, columns=[*COLUMNS, *PATIENT])
    return frame.drop_duplicates([*PATIENT, "example", "report"], ignore_index=True)[list(COLUMNS)]


def _line(rule: str, study: pd.Series, target: set[str]) -> dict[str, Any]:
    from cxrneighbors.reports.selection import report_text

    return {
        "example": rule,
        "findings": "|".join(study["findings"]),
        "shared_findings": "|".join(sorted(set(study["findings"]) & target)),
        "report": report_text(study["report"], study["sections"]) or "",
        **{name: study[name] for name in ("image_id", *PATIENT)},
    }
