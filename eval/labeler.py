"""The report labeler against Open-i's hand-assigned MeSH codes: precision, recall, F1 per finding, and its
speed.

    python eval/labeler.py ROOT

ROOT is the Open-i folder or archive. The rules were written on one half of the reports (by a hash of the
report's id) and are judged on the other; `labeler_mesh.toml` says which codes mean which finding. Writes
eval/results/labeler.json and labeler.md.
"""

from __future__ import annotations

import argparse
import hashlib
import time
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd

from cxrneighbors.data.imports import import_dataset
from cxrneighbors.files import write_json_atomic, write_text_atomic
from cxrneighbors.progress import say
from cxrneighbors.reports.labeler.rules import load_rules
from cxrneighbors.reports.labeler.spans import read_spans
from cxrneighbors.reports.labeler.table import label_reports

HERE = Path(__file__).parent
POLICIES = {
    "uncertain counts as present": ("present", "uncertain"),
    "uncertain counts as absent": ("present",),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("root", type=Path)
    arguments = parser.parse_args()
    judged = tomllib.loads((HERE / "labeler_mesh.toml").read_text(encoding="utf-8"))["judged"]
    studies = import_dataset("openi", arguments.root).studies.drop_duplicates("study_id", ignore_index=True)
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
    write_json_atomic(HERE / "results" / "labeler.json", result)
    write_text_atomic(HERE / "results" / "labeler.md", markdown(result))
    say(markdown(result))


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


def scores(truth: dict[str, np.ndarray], predicted: dict[str, np.ndarray], rows: np.ndarray) -> dict:
    """Counts, precision, recall and F1 per class over the chosen rows, and pooled ('micro')."""
    counts = {name: confusion(truth[name][rows], predicted[name][rows]) for name in truth}
    micro = pooled(counts)
    findings = pooled({name: values for name, values in counts.items() if name != "normal"})
    swapped = confusion(~truth["normal"][rows], ~predicted["normal"][rows])
    named = {"micro": micro, "micro without normal": findings, **counts, "abnormal (not in micro)": swapped}
    return {"n": int(rows.sum())} | {name: ratios(*values) for name, values in named.items()}


def pooled(counts: dict[str, tuple[int, int, int]]) -> tuple[int, int, int]:
    """Counts summed over classes."""
    hits, false, missed = np.array(list(counts.values())).sum(axis=0).tolist()
    return hits, false, missed


def confusion(truth: np.ndarray, predicted: np.ndarray) -> tuple[int, int, int]:
    """True positives, false positives, false negatives."""
    return int((truth & predicted).sum()), int((~truth & predicted).sum()), int((truth & ~predicted).sum())


def ratios(hits: int, false: int, missed: int) -> dict[str, float]:
    precision, recall = hits / max(hits + false, 1), hits / max(hits + missed, 1)
    f1 = 2 * hits / max(2 * hits + false + missed, 1)
    return {"true_positive": hits, "false_positive": false, "false_negative": missed,
            "precision": round(precision, 4), "recall": round(recall, 4), "f1": round(f1, 4)}  # fmt: skip


def markdown(result: dict) -> str:
    policies = list(result["policies"])
    lines = [
        f"Report labeler against MeSH codes on {result['n_judged']} of {result['n_reports']} Open-i reports;",
        "`labeler_mesh.toml` states the mapping and what is left out. Speed:",
        f"{result['reports_per_cpu_second']} reports a second of one core.",
        "",
    ]
    for policy in policies:
        halves = result["policies"][policy]
        held = halves["held-out half"]
        lines += [
            f"**{policy}**, held-out half ({held['n']} reports); F1 on the others too",
            "",
        ]
        lines += [
            "| class | coded | precision | recall | F1 | F1 development | F1 all | F1 every report |",
            "|---|---:|---:|---:|---:|---:|---:|---:|",
        ]
        for name in [key for key in held if key != "n"]:
            row = held[name]
            lines.append(
                f"| {name} | {row['true_positive'] + row['false_negative']} | {row['precision']:.3f} | "
                f"{row['recall']:.3f} | {row['f1']:.3f} | {halves['development half'][name]['f1']:.3f} | "
                f"{halves['all'][name]['f1']:.3f} | {halves['every report'][name]['f1']:.3f} |"
            )
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
