"""The report labeler against Open-i's hand-assigned MeSH codes: precision, recall, F1 per finding, and its
speed; beside it, on the same phrases, other rules for negation and doubt.

    python eval/labeler.py ROOT [--negspacy PYTHON] [--medspacy PYTHON]

ROOT is the Open-i folder or archive. The rules were written on one half of the reports (by a hash of the
report's id) and are judged on the other; `labeler_mesh.toml` says which codes mean which finding. PYTHON is
that of an environment of its own after `pip install negspacy` or `pip install medspacy` (no model is needed).
Writes eval/results/labeler.json and labeler.md.
"""

from __future__ import annotations

import argparse
import time
import tomllib
from collections.abc import Sequence
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from common.markdown import document, table
from common.options import options, run
from common.results import write_results
from cxrneighbors.data.imports import import_dataset
from cxrneighbors.reports.labeler.labels import label_report
from cxrneighbors.reports.labeler.rules import load_rules
from cxrneighbors.reports.labeler.table import label_reports
from labeler_rivals import RULES, other_environment, said, targets
from labeler_scores import has_text, in_development, ratios, scores

SENTENCES = Path(__file__).parents[1] / "tests/reports/labeler/sentences_of_others.csv"
MESH = Path(__file__).with_name("labeler_mesh.toml")
POLICIES = {
    "uncertain counts as present": ("present", "uncertain"),
    "uncertain counts as absent": ("present",),
}
ABSENT = "uncertain counts as absent"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = options(__doc__, "root", "--results")
    parser.add_argument("--negspacy", type=Path, help="python of an environment with negspacy")
    parser.add_argument("--medspacy", type=Path, help="python of an environment with medspacy")
    given = parser.parse_args(arguments)
    judged = tomllib.loads(MESH.read_text(encoding="utf-8"))["judged"]
    studies = import_dataset("openi", given.root).studies.drop_duplicates("study_id", ignore_index=True)
    labels, seconds = timed_labels(studies)
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
    ours = {policy: predictions(labels, studies, judged, statuses) for policy, statuses in POLICIES.items()}
    result = {
        "n_reports": len(studies),
        "n_judged": int(usable.sum()),
        "reports_per_cpu_second": round(len(studies) / seconds),
        "policies": {
            policy: {half: scores(truth, answers, rows) for half, rows in halves.items()}
            for policy, answers in ours.items()
        },
        "sentences": sentences_right(pd.read_csv(SENTENCES, keep_default_na=False)),
        "rivals": rivals(given, studies, truth, {half: halves[half] for half in list(halves)[:2]}, ours),
    }
    write_results(given.results, "labeler", result, markdown(result))


def timed_labels(studies: pd.DataFrame, repeats: int = 5) -> tuple[pd.DataFrame, float]:
    """The label table, and the seconds of one core that it took: the fastest of `repeats` fresh processes."""
    with get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        seconds = min(pool.apply(_cpu_seconds, (studies,)) for _ in range(repeats))
    return label_reports(studies), seconds


def _cpu_seconds(studies: pd.DataFrame) -> float:
    load_rules()
    started = time.process_time()
    label_reports(studies)
    return time.process_time() - started


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


def sentences_right(checks: pd.DataFrame) -> dict[str, dict[str, int]]:
    """Part of the sentences by another author -> status that they have -> how many, and how many we say."""
    found: dict[str, dict[str, int]] = {}
    for part, sentence, finding, status in checks[["part", "sentence", "finding", "status"]].to_numpy():
        said = {label.finding: label.status for label in label_report(sentence)}.get(finding, "none")
        counts = found.setdefault(part, {})
        counts[status] = counts.get(status, 0) + 1
        counts[f"{status} right"] = counts.get(f"{status} right", 0) + (said == status)
    return found


def rivals(
    given: argparse.Namespace,
    studies: pd.DataFrame,
    truth: dict[str, np.ndarray],
    halves: dict[str, np.ndarray],
    ours: dict[str, dict[str, np.ndarray]],
) -> dict[str, Any]:
    """Rival -> policy -> half -> `ratios` pooled over the findings, "normal" left out."""
    names = [name for name in truth if name != "normal"]
    found = targets(studies["report"], names)
    judged = {name: [rule(target) for target in found] for name, rule in RULES.items()}
    for library in ("negspacy", "medspacy"):
        if python := getattr(given, library):
            judged[library] = other_environment(python, library, found)
    answers = {"this labeler": ours} | {
        name: {
            policy: said(found, one, len(studies), names, statuses) for policy, statuses in POLICIES.items()
        }
        for name, one in judged.items()
    }
    return {
        name: {
            policy: {
                half: ratios(*((truth[finding][rows], one[finding][rows]) for finding in names))
                for half, rows in halves.items()
            }
            for policy, one in by_policy.items()
        }
        for name, by_policy in answers.items()
    }


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
    return document(*blocks, *rival_blocks(result["rivals"]), *sentence_blocks(result["sentences"]))


def sentence_blocks(parts: dict[str, dict[str, int]]) -> list[str]:
    text = (
        "**Sentences by an author who had not seen the rules**, right of all; 'none': nothing is said of\n"
        "the finding. The rules were mended on the development half."
    )
    statuses = ("present", "uncertain", "absent", "none")
    rows = []
    for part, counts in parts.items():
        row = {status: f"{counts[f'{status} right']}/{counts[status]}" for status in statuses}
        right, total = (sum(counts[f"{status}{end}"] for status in statuses) for end in (" right", ""))
        rows.append({"part": part, **row, "right": right, "total": total, "share": right / total})
    columns = {"half": "{part}"} | {f"{status}:": f"{{{status}}}" for status in statuses}
    return [text, table(columns | {"all:": "{right}/{total}", "share:": "{share:.1%}"}, rows)]


def rival_blocks(rivals: dict[str, Any]) -> list[str]:
    text = (
        "**Rules for negation and doubt on the same phrases**, pooled over the findings without normal;\n"
        "uncertain counts as absent unless said. A rival gets the phrases that name a finding, not those\n"
        "that state its absence. NegEx and negspaCy know no doubt; CheXpert's rules run along the words\n"
        "here, not over a parse; of medspaCy's ConText, historical and hypothetical mentions are absent."
    )
    columns = {"rules": "{name}"}
    rows = []
    for name, by_policy in rivals.items():
        row: dict[str, Any] = {"name": name}
        for half, short in (("held-out half", "held-out"), ("development half", "development")):
            for policy, column in ((ABSENT, "absent"), ("uncertain counts as present", "present")):
                row |= {f"{short} {column} {key}": value for key, value in by_policy[policy][half].items()}
        rows.append(row)
    for short in ("held-out", "development"):
        keys = ("precision", "recall", "f1") if short == "held-out" else ("f1",)
        columns |= {f"{key} {short}:".replace("f1", "F1"): f"{{{short} absent {key}:.3f}}" for key in keys}
        columns |= {f"F1 {short}, uncertain present:": f"{{{short} present f1:.3f}}"}
    return [text, table(columns, rows)]


if __name__ == "__main__":
    run(main)
