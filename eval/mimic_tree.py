"""A data set turned into MIMIC-CXR's shape, read back through both readers, and compared with its source.

    python eval/mimic_tree.py DATASET ROOT [--work FOLDER]

Counts, and how far pixels, views, labels, reports, sex and age agree. Writes
eval/results/mimic_tree-DATASET.json. Pictures and texts of patients stay in the work folder.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from common.options import options, run
from common.results import write_results
from cxrneighbors.data.imports import import_dataset
from cxrneighbors.data.mimic.labels import label_names
from cxrneighbors.data.pixels import read_pixels
from cxrneighbors.progress import say
from cxrneighbors.reports.selection import report_text
from cxrneighbors.testing.mimic_ids import unique_texts
from cxrneighbors.testing.mimic_report import mask_identifying
from cxrneighbors.testing.mimic_tables import observation_of
from cxrneighbors.testing.mimic_tree import write_mimic_tree

FORMS = {"mimic-cxr": {}, "mimic-cxr with headers": {"headers": True}, "mimic-cxr-jpg": {}}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = options(__doc__, "dataset", "root", "--work", "--results", work=Path("build/eval/mimic-tree"))
    given = parser.parse_args(arguments)
    source = import_dataset(given.dataset, given.root).studies
    tree = given.work / given.dataset
    summary = write_mimic_tree(source, tree)
    say(f"{tree}: {summary.counts}")
    result: dict[str, Any] = {"dataset": given.dataset, "written": summary.counts, "notes": summary.notes}
    for name, headers in FORMS.items():
        form = name.removesuffix(" with headers")
        found = import_dataset(form, tree / form, patients=tree / "mimic-iv", **headers)
        table = found.studies.merge(summary.ids, on=["image_id", "patient_id", "study_id"], how="left")
        result[name] = {"skipped": len(found.skipped), **agreement(table, source)}
    print(json.dumps(result, indent=2))
    write_results(given.results, f"mimic_tree-{given.dataset}", result)


def agreement(table: pd.DataFrame, source: pd.DataFrame) -> dict[str, Any]:
    """Counts of the imported table and shares that equal the source."""
    origin = source.set_index("image_id").loc[table["source_id"]].reset_index(drop=True)
    known = (origin["view"] != "UNKNOWN").to_numpy()
    decided = known & (table["view"] != "UNKNOWN").to_numpy()
    same_view = (table["view"] == origin["view"]).to_numpy()
    labels, texts = study_truth(table, origin)
    first = table.drop_duplicates("study_id")
    told = first[[bool(texts[study]) for study in first["study_id"]]]
    told_rows = zip(told["report"], told["sections"], told["study_id"], strict=True)
    same_words = [words(report_text(*said)) == words(texts[study]) for *said, study in told_rows]
    ages = origin["age"].notna().to_numpy() & table["age"].notna().to_numpy()
    errors = pixel_errors(table, origin)
    return {
        "images": len(table),
        "studies": int(table["study_id"].nunique()),
        "patients": int(table["patient_id"].nunique()),
        "view_source": table["view_source"].value_counts().to_dict(),
        "views_known_in_source": int(known.sum()),
        "views_found": int(decided.sum()),
        "views_found_that_agree": share(same_view[decided]),
        "studies_whose_labels_agree": share(
            np.array([set(f) == labels[s] for f, s in zip(first["findings"], first["study_id"], strict=True)])
        ),
        "studies_with_report_in_source": len(told),
        "studies_with_report": int(first["report"].notna().sum()),
        "reports_whose_words_agree": share(np.array(same_words)),
        "sex_agrees": share((table["sex"] == origin["sex"])[origin["sex"].notna()].to_numpy()),
        "age_within_one_year": share((table["age"] - origin["age"]).abs().to_numpy()[ages] <= 1),
        "pixel_error": errors,
    }


def study_truth(table: pd.DataFrame, origin: pd.DataFrame) -> tuple[dict[str, set[str]], dict[str, str]]:
    """What each study should say: findings that MIMIC's observations can express, and its notes, masked."""
    names = label_names()["names"]
    labels: dict[str, set[str]] = {}
    texts: dict[str, str] = {}
    for study, rows in origin.groupby(table["study_id"].to_numpy()):
        observations = {observation_of(name) for cell in rows["findings"] for name in cell} - {None}
        findings = {names[name] for name in observations if name}
        diseases = findings - {"No Finding", "Support Devices"}
        labels[str(study)] = findings - {"No Finding"} if diseases else findings
        texts[str(study)] = mask_identifying("\n\n".join(unique_texts(rows["report"])))
    return labels, texts


def pixel_errors(table: pd.DataFrame, origin: pd.DataFrame) -> dict[str, float]:
    """Largest absolute difference of any pixel, by encoding for DICOM; JPEG loses by design: the mean too."""
    worst: dict[str, float] = {}
    means = []
    for path, before, encoding in zip(table["path"], origin["path"], table["encoding"], strict=True):
        difference = np.abs(read_pixels(path) - read_pixels(before))
        key = encoding if path.endswith(".dcm") else "jpeg 95"
        worst[key] = max(worst.get(key, 0.0), float(difference.max()))
        means.append(float(difference.mean()))
    named = {name: round(value, 6) for name, value in sorted(worst.items())}
    return {"largest": max(named.values()), "mean": round(float(np.mean(means)), 6), **named}


def words(text: str | None) -> list[str]:
    return re.findall(r"[a-z0-9]+", (text or "").lower())


def share(equal: np.ndarray) -> str:
    return f"{int(equal.sum())}/{len(equal)}"


if __name__ == "__main__":
    run(main)
