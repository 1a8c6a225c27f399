"""Render a share of the patients to files: run in this process, or as a program beside others of its kind.

Only numpy and Pillow are needed here, so that a worker starts quickly.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from cxrneighbors.data.phantom.patients import Patient, Study, sample_patient
from cxrneighbors.data.phantom.render import render_film
from cxrneighbors.data.phantom.report_grammar import write_report


def render_share(folder: Path, indices: range, image_size: int, seed: int) -> Iterator[dict[str, Any]]:
    """Write films and masks of patients `indices` into `folder`; yield each patient's table rows.

    Yields {"index", "studies": list of rows, "regions": list of rows}; paths are relative to `folder`.
    """
    for index in indices:
        patient = sample_patient(index, seed)
        rows: dict[str, Any] = {"index": index, "studies": [], "regions": []}
        for study in patient.studies:
            report = write_report(patient, study, np.random.default_rng([study.seed, 11]))
            for view in study.views:
                image_id = f"{study.study_id}_{view}"
                film = render_film(patient, study, view, image_size)
                path = f"images/{image_id}.png"
                _save(film.pixels, folder / path)
                rows["studies"].append(
                    {**_study_row(patient, study, view), "image_id": image_id, "path": path}
                    | {"report": report.text, "sections": report.sections}
                )
                for finding, mask in film.masks.items():
                    mask_path = f"masks/{image_id}_{finding}.png"
                    _save(mask.astype(np.uint8) * 255, folder / mask_path)
                    box = _bounding_box(mask)
                    rows["regions"].append(
                        {"image_id": image_id, "finding": finding, **box, "mask_path": mask_path}
                    )
        yield rows


def _study_row(patient: Patient, study: Study, view: str) -> dict[str, Any]:
    return {
        "patient_id": patient.patient_id,
        "study_id": study.study_id,
        "view": view,
        "position": study.position,
        "sex": patient.anatomy.sex,
        "age": study.age,
        "findings": list(study.findings) or ["No Finding"],
    }


def _bounding_box(mask: np.ndarray) -> dict[str, float]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return {
        "x": float(columns[0]),
        "y": float(rows[0]),
        "width": float(columns[-1] - columns[0] + 1),
        "height": float(rows[-1] - rows[0] + 1),
    }


def _save(pixels: np.ndarray, path: Path) -> None:
    # Level 1: films hold noise that no level compresses well, and writing has to keep up with rendering.
    Image.fromarray(pixels).save(path, format="PNG", compress_level=1)


def main(arguments: list[str]) -> None:
    """Worker program: FOLDER START STOP STEP IMAGE_SIZE SEED; prints one JSON line per patient."""
    folder, start, stop, step, image_size, seed = arguments
    share = range(int(start), int(stop), int(step))
    for rows in render_share(Path(folder), share, int(image_size), int(seed)):
        print(json.dumps(rows), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
