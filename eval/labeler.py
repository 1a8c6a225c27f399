"""The report labeler against Open-i's hand-assigned MeSH codes: precision, recall, F1 per finding, and its
speed.

    python eval/labeler.py ROOT

ROOT is the Open-i folder or archive. The rules were written on one half of the reports (by a hash of the
report's id) and are judged on the other; `labeler_mesh.toml` says which codes mean which finding. Writes
eval/results/labeler.json and labeler.md.
"""

from __future__ import annotations

import hashlib
import time
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from common.markdown import document, table
from common.options import options, run
from common.results import write_results
from cxrneighbors.data.imports import import_dataset
from cxrneighbors.reports.labeler.rules import load_rules
from cxrneighbors.reports.labeler.spans import read_spans
from cxrneighbors.reports.labeler.table import label_reports

MESH = Path(__file__).with_name("labeler_mesh.toml")
POLICIES = {
    "uncertain counts as present": ("present", "uncertain"),
    "uncertain counts as absent": ("present",),
}


def main(arguments: Sequence[str] | None = None) -> None:
    given = options(__doc__, "root", "--results").parse_args(arguments)
    judged = tomllib.loads(MESH.read_text(encoding="utf-8"))["judged"]
    studies = import_dataset("openi", given.root).studies.drop_duplicates("study_id", ignore_index=True)
    started = time.process_time()
    labels = label_reports(studies)
    seconds = time.process_time() - started
    usable = ((studies["findings"].str.len() > 0) & studies["report"].map(has_text)).to_numpy()
    development = studies["study_id"].map(in_development).to_numpy()
    halves = {
        "held-out half": usable & ~development,
        "development half": usable & development,
        "all": usable,
        "every report": np.ones(len(studies), dtype=bool),
    }
    truth = {
        name: np.array([not set(codes).isdisjoint(of) for codes in studies["findings"]])
        for name, of in judged.items()
    }
    result = {
        "n_reports": len(studies),
        "n_judged": int(usable.sum()),
        "reports_per_cpu_second": round(len(studies) / seconds),
        "policies": {
            policy: {
                half: scores(truth, predictions(labels, studies, judged, statuses), rows)
                for half, rows in halves.items()
            }
            for policy, statuses in POLICIES.items()
        },
    }
    write_results(given.results, "labeler", result, markdown(result))


def has_text(report: str | None) -> bool:
    """Whether the report has a word in the parts that describe the image."""
    return isinstance(report, str) and any(report[start:end].strip() for start, end in read_spans(report))


def in_development(study_id: str) -> bool:
    """The half of the reports on which the rules were written: an even SHA-256 of the id."""
    return hashlib.sha256(study_id.encode()).digest()[-1] % 2 == 0


def predictions(
    labels: pd.DataFrame, studies: pd.DataFrame, judged: dict[str, list[str]], statuses: tuple[str, ...]
) -> dict[str, np.ndarray]:
    """Judged class -> bool (N,) over `studies`: what the labeler says."""
    rules = load_rules()
    positive = labels[labels["status"].isin(statuses)]
    present = labels[labels["status"] == "present"]
    device = set(present.loc[present["finding"].isin(rules.names("devices")), "study_id"])
    said = {name: set(positive.loc[positive["finding"] == name, "study_id"]) for name in judged}
    said["normal"] = set(present.loc[present["finding"] == "No Finding", "study_id"]) - device
    return {name: studies["study_id"].isin(ids).to_numpy() for name, ids in said.items()}


def scores(
    truth: dict[str, np.ndarray], predicted: dict[str, np.ndarray], rows: np.ndarray
) -> dict[str, Any]:
    """Counts, precision, recall and F1 per class over the chosen rows, and pooled ('micro')."""
    pairs = {name: (truth[name][rows], predicted[name][rows]) for name in truth}
    findings = [pair for name, pair in pairs.items() if name != "normal"]
    found = {"micro": ratios(*pairs.values()), "micro without normal": ratios(*findings)}
    found |= {name: ratios(pair) for name, pair in pairs.items()}
    swapped = tuple(~values for values in pairs["normal"])
    return {"n": int(rows.sum()), **found, "abnormal (not in micro)": ratios(swapped)}


def ratios(*pairs: tuple[np.ndarray, ...]) -> dict[str, float]:
    """Of (truth, predicted), each bool (N,), pooled: counts, precision, recall, F1."""
    truth, predicted = (np.concatenate(values) for values in zip(*pairs, strict=True))
    hits, false = int((truth & predicted).sum()), int((~truth & predicted).sum())
    missed = int((truth & ~predicted).sum())
    precision, recall = hits / max(hits + false, 1), hits / max(hits + missed, 1)
    f1 = 2 * hits / max(2 * hits + false + missed, 1)
    return {"true_positive": hits, "false_positive": false, "false_negative": missed,
            "precision": round(precision, 4), "recall": round(recall, 4), "f1": round(f1, 4)}  # fmt: skip


def markdown(result: dict[str, Any]) -> str:
    blocks = [
        f"Report labeler against MeSH codes on {result['n_judged']} of {result['n_reports']} Open-i "
        "reports;\n`labeler_mesh.toml` states the mapping and what is left out. Speed:\n"
        f"{result['reports_per_cpu_second']} reports a second of one core."
    ]
    columns = {"class": "{name}", "coded:": "{coded}"}
    columns |= {f"{name}:": f"{{{name}:.3f}}" for name in ("precision", "recall")}
    columns |= {"F1:": "{f1:.3f}", "F1 development:": "{development half:.3f}", "F1 all:": "{all:.3f}"}
    columns |= {"F1 every report:": "{every report:.3f}"}
    for policy, halves in result["policies"].items():
        n, rows = halves["held-out half"]["n"], []
        for name, row in halves["held-out half"].items():
            if name != "n":
                others = {half: scores[name]["f1"] for half, scores in halves.items()}
                coded = row["true_positive"] + row["false_negative"]
                rows.append({"name": name, "coded": coded, **row, **others})
        blocks.append(f"**{policy}**, held-out half ({n} reports); F1 on the others too")
        blocks.append(table(columns, rows))
    return document(*blocks)


if __name__ == "__main__":
    run(main)
