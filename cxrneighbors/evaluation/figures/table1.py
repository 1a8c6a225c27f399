"""Table 1: a report and its nearest reports, with distances and shared findings."""

from __future__ import annotations

from typing import Any

import pandas as pd

from cxrneighbors.evaluation.result import OverlapResult

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
    rows: list[dict[str, Any]] = []
    for example in result.examples[method]:
        rows += _block(result.neighbors, studies, method, example)
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _block(
    neighbors: pd.DataFrame, studies: pd.DataFrame, method: str, example: dict[str, Any]
) -> list[dict[str, Any]]:
    name = example["image_id"]
    original = studies.loc[name]
    rows = [_line(example["rule"], "original", original, set())]
    seen = {(original["dataset"], original["patient_id"], rows[0]["report"])}
    mine = neighbors[(neighbors["method"] == method) & (neighbors["query_id"] == name)].sort_values("rank")
    for _, hit in mine.iterrows():
        study = studies.loc[hit["neighbor_id"]]
        line = _line(example["rule"], "neighbour", study, set(original["findings"]))
        key = (study["dataset"], study["patient_id"], line["report"])
        if key in seen:
            continue
        seen.add(key)
        line |= {"rank": hit["rank"], "distance": hit["distance"], "report_distance": hit["report_distance"]}
        rows.append(line)
    return rows


def _line(rule: str, role: str, study: pd.Series, target: set[str]) -> dict[str, Any]:
    from cxrneighbors.reports.selection import report_text

    return {
        "example": rule,
        "role": role,
        "rank": 0,
        "image_id": study["image_id"],
        "distance": None,
        "report_distance": None,
        "findings": "|".join(study["findings"]),
        "shared_findings": "|".join(sorted(set(study["findings"]) & target)),
        "report": report_text(study["report"], study["sections"]) or "",
    }
