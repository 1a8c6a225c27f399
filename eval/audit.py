"""What is wrong with two public data sets: the counts of `cxrneighbors audit`, and no film.

    python eval/audit.py DATA

DATA: folder with chestxray14-10k and covid-chestxray. covid-chestxray is looked at twice: as published, a
row of its metadata a film, and as the package's reader gives it, which takes patients who share a file for
one. Views are checked on the patients of chestxray14-10k's split 'test', by a classifier that learned from
the others (that of `view_classifier.py` with its usual options, if it is in --work). Writes
eval/results/audit.json and .md; pages with films stay in --work.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

import cxrneighbors as cx
from common.markdown import document, table
from common.options import options, run
from common.results import write_results
from cxrneighbors.audit.run import AuditResult
from cxrneighbors.classifiers.views import KNOWN_VIEWS, train_view_classifier
from cxrneighbors.data.readers.covid_chestxray import read as read_covid
from cxrneighbors.progress import say

BENCH, COVID = "chestxray14-10k", "covid-chestxray"
PUBLISHED = f"{COVID}, as published"


def main(arguments: Sequence[str] | None = None) -> None:
    given = options(__doc__, "data", "--seed", "--device", "--work", "--results").parse_args(arguments)
    bench = cx.read_studies("chestxray14", given.data / BENCH)
    classifier = given.work / f"view-classifier-{BENCH}"
    known = bench[bench["view"].isin(KNOWN_VIEWS)].reset_index(drop=True)
    metrics = train_view_classifier(known, classifier, seed=given.seed, device=given.device)
    unseen = bench[bench["split"] == "test"].reset_index(drop=True)
    samples = {
        PUBLISHED: (as_published(given.data / COVID), None),
        f"{COVID}, as read": (read_covid(given.data / COVID).studies, None),
        BENCH: (bench, None),
        f"{BENCH}, split test": (unseen, classifier),
    }
    found = {}
    for name, (studies, views) in samples.items():
        say(f"{name}: {len(studies):,} films")
        result = cx.audit_studies(studies, view_classifier=views, device=given.device)
        result.write(given.work / f"audit-{name.replace(', ', '-').replace(' ', '-')}")
        found[name] = {**result.counts, "patients_of_copies": patients_of_copies(result)}
        found[name]["has_splits"] = studies is not samples[PUBLISHED][0]
    seen = {name: metrics["test"][name] for name in ("accuracy", "n")}
    summary = {"data_sets": found, "view_classifier": seen}
    write_results(given.results, "audit", summary, markdown(summary), device=given.device)


def as_published(root: Path) -> pd.DataFrame:
    """A film for each row of metadata.csv whose file is there, under the patient of that row."""
    rows = pd.read_csv(root / "metadata.csv", dtype=str)
    paths = [root / "images" / name for name in rows["filename"]]
    table = pd.DataFrame(
        {
            "image_id": [f"row {row}: {path.name}" for row, path in enumerate(paths)],
            "patient_id": rows["patientid"],
            "path": [str(path) for path in paths],
            "findings": [[] for _ in paths],
        }
    )
    return table[[path.is_file() for path in paths]].reset_index(drop=True)


def patients_of_copies(result: AuditResult) -> list[list[str]]:
    """Patients who share pictures, as sets of ids: the most shared pictures first."""
    copies = result.tables["copies"]
    across = copies[copies["across_patients"]]
    groups = [tuple(sorted(set(part["patient_id"]))) for _, part in across.groupby("group")]
    return [list(names) for names in pd.Series(groups, dtype=object).value_counts().index]


def markdown(summary: dict[str, Any]) -> str:
    rows = [{"name": name, **flat(counts)} for name, counts in summary["data_sets"].items()]
    columns = {
        "data set": "{name}",
        "films:": "{n_read:,}",
        "patients:": "{n_patients:,}",
        "groups of copies:": "{groups}",
        "across patients:": "{groups_across_patients}",
        "across splits:": "{splits}",
        "films whose labels contradict:": "{films_with_contradicting_labels}",
        "views that look wrong:": "{views}",
        "writing suspects:": "{writing_suspects}",
    }
    shared = [
        f"- {name}: {'; '.join(' and '.join(each) for each in counts['patients_of_copies'])}"
        for name, counts in summary["data_sets"].items()
        if counts["patients_of_copies"]
    ]
    known = summary["view_classifier"]
    about = (
        "What `cxrneighbors audit` finds. Copies: pictures under several ids, by a perceptual hash, "
        "confirmed by their pixels. The view classifier is right on "
        f"{known['accuracy']:.1%} of {known['n']:,} films of split test; a view looks wrong where it is sure "
        "(0.95). Writing suspects are no more than that."
    )
    return document(about, table(columns, rows), "Patients who share pictures:", "\n".join(shared))


def flat(counts: dict[str, Any]) -> dict[str, Any]:
    views = counts["views_that_disagree"]
    splits = counts["copies"]["groups_across_splits"] if counts["has_splits"] else "–"
    shown = {"views": "not looked for" if views is None else views, "splits": splits}
    return {**counts, **counts["copies"], **shown}


if __name__ == "__main__":
    run(main)
