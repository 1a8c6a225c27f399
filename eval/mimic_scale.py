"""MIMIC-CXR's full size from CSVs alone: seconds and memory to a validated, written study table.

    python eval/mimic_scale.py [--images 377110] [--reports]

Writes synthetic tables of the published number of images, studies and patients into a temporary folder, then
imports them in a fresh process, so that the memory measured is the import's alone. No image exists:
`check_files=False`. With --reports a zip with a text for every study is read too. Writes
eval/results/mimic_scale.json (--reports: mimic_scale_reports.json).
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from common.memory import peak_gb
from common.options import options, run
from common.results import write_results
from cxrneighbors.data.mimic.labels import label_names

IMAGES, STUDIES, PATIENTS = 377_110, 227_835, 65_379  # of the published data set
LIMIT_SECONDS, LIMIT_GB = 180, 4.0


def main(arguments: Sequence[str] | None = None) -> None:
    parser = options(__doc__, "--results")
    parser.add_argument("--images", type=int, default=IMAGES)
    parser.add_argument("--reports", action="store_true")
    parser.add_argument("--import-only", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.import_only:
        print(json.dumps(import_tables(given.import_only)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        started = time.perf_counter()
        write_tables(root, given.images, np.random.default_rng(0), given.reports)
        written = round(time.perf_counter() - started, 1)
        load = round(os.getloadavg()[0], 1)
        command = [sys.executable, __file__, "--import-only", str(root)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    result = json.loads(done.stdout) | {
        "seconds_to_write_the_synthetic_tables": written,
        "load_average_at_start_of_import": load,
    }
    result["within_limits"] = result["seconds"] < LIMIT_SECONDS and result["peak_gb"] < LIMIT_GB
    print(json.dumps(result, indent=2))
    write_results(given.results, "mimic_scale_reports" if given.reports else "mimic_scale", result)


def import_tables(root: Path) -> dict[str, object]:
    """Import and write the table; seconds of wall clock and CPU, peak resident memory of this process."""
    started = time.perf_counter()
    from cxrneighbors.data.imports import import_dataset
    from cxrneighbors.data.tables import write_table

    found = import_dataset("mimic-cxr-jpg", root, check_files=False, patients=root)
    imported = time.perf_counter() - started
    write_table(found.studies, root / "studies.parquet")
    seconds = time.perf_counter() - started
    usage = resource.getrusage(resource.RUSAGE_SELF)
    studies = found.studies
    return {
        "images": len(studies),
        "studies": int(studies["study_id"].nunique()),
        "patients": int(studies["patient_id"].nunique()),
        "reports": int(studies.drop_duplicates("study_id")["report"].notna().sum()),
        "views": {str(name): int(count) for name, count in studies["view"].value_counts().items()},
        "skipped": len(found.skipped),
        "seconds": round(seconds, 3),
        "seconds_to_import": round(imported, 3),
        "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 1),
        "peak_gb": peak_gb(),
    }


def write_tables(root: Path, n_images: int, rng: np.random.Generator, reports: bool) -> None:
    """Metadata, split, chexpert, negbio, lists and patients with the published columns."""
    n_studies, n_patients = n_images * STUDIES // IMAGES, n_images * PATIENTS // IMAGES
    of_study = np.concatenate([np.arange(n_patients), rng.integers(0, n_patients, n_studies - n_patients)])
    of_image = np.concatenate([np.arange(n_studies), rng.integers(0, n_studies, n_images - n_studies)])
    subjects = (10_000_000 + np.sort(rng.choice(9_999_999, n_patients, replace=False)))[of_study]
    studies = 50_000_000 + rng.permutation(9_999_999)[:n_studies]
    hexes = rng.bytes(20 * n_images).hex()
    dicoms = ["-".join(hexes[40 * i + 8 * j : 40 * i + 8 * j + 8] for j in range(5)) for i in range(n_images)]
    ids = pd.DataFrame({"subject_id": subjects[of_image], "study_id": studies[of_image], "dicom_id": dicoms})
    views = rng.choice(
        ["AP", "PA", "LATERAL", "LL", "", "LAO"], n_images, p=[0.39, 0.26, 0.22, 0.09, 0.039, 0.001]
    )
    meaning = pd.Series(views).map({"AP": "antero-posterior", "PA": "postero-anterior"}).fillna("")
    procedure = np.where(views == "AP", "CHEST (PORTABLE AP)", "CHEST (PA AND LAT)")

    def write(name: str, frame: pd.DataFrame) -> None:
        frame.to_csv(root / name, index=False, compression={"method": "gzip", "compresslevel": 1})

    metadata = pd.DataFrame(
        {
            "dicom_id": dicoms,
            "subject_id": ids["subject_id"],
            "study_id": ids["study_id"],
            "PerformedProcedureStepDescription": procedure,
            "ViewPosition": views,
            "Rows": 3056,
            "Columns": 2544,
            "StudyDate": (21_100_701 + 10_000 * rng.integers(0, 90, n_studies))[of_image],
            "StudyTime": "213014.531",
            "ProcedureCodeSequence_CodeMeaning": procedure,
            "ViewCodeSequence_CodeMeaning": meaning,
            "PatientOrientationCodeSequence_CodeMeaning": rng.choice(["Erect", "Recumbent", ""], n_images),
        }
    )
    write("mimic-cxr-2.0.0-metadata.csv.gz", metadata)
    side = rng.choice(["train", "validate", "test"], n_patients, p=[0.97, 0.01, 0.02])[of_study][of_image]
    write("mimic-cxr-2.0.0-split.csv.gz", ids.assign(split=side))
    pairs = pd.DataFrame({"subject_id": subjects, "study_id": studies})
    for labeler in ("chexpert", "negbio"):
        cells = rng.choice(["", "1.0", "0.0", "-1.0"], (n_studies, 14), p=[0.75, 0.15, 0.07, 0.03])
        labels = pd.DataFrame(cells, columns=list(label_names()["names"]))
        write(f"mimic-cxr-2.0.0-{labeler}.csv.gz", pd.concat([pairs, labels], axis=1))
    write("cxr-record-list.csv.gz", ids.assign(path="files/" + ids["dicom_id"] + ".dcm"))
    write("cxr-study-list.csv.gz", pairs.assign(path="files/s.txt"))
    people = pd.DataFrame({"subject_id": np.unique(subjects)})
    people["gender"] = rng.choice(["F", "M"], len(people))
    people["anchor_age"], people["anchor_year"] = rng.integers(18, 92, len(people)), 2150
    write("patients.csv.gz", people)
    if reports:
        write_reports(root / "mimic-cxr-reports.zip", subjects, studies, rng)


def write_reports(path: Path, subjects: np.ndarray, studies: np.ndarray, rng: np.random.Generator) -> None:
    """A text of about 700 characters for every study; no two alike."""
    words = np.array(["the", "lungs", "are", "clear", "no", "focal", "consolidation", "effusion", "heart"])
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for subject, study in zip(subjects.tolist(), studies.tolist(), strict=True):
            body = " ".join(words[rng.integers(0, len(words), 90)])
            text = f"FINAL REPORT\n\n FINDINGS:\n\n {body}\n\n IMPRESSION:\n\n Study {study}.\n"
            archive.writestr(f"files/p{str(subject)[:2]}/p{subject}/s{study}.txt", text)


if __name__ == "__main__":
    run(main)
