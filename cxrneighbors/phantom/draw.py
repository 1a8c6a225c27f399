"""Phantom patients to films and lesion masks on disk, and the rows of their tables."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from cxrneighbors.arguments import whole
from cxrneighbors.errors import UserError
from cxrneighbors.phantom.patients import Patient, Study, sample_patient
from cxrneighbors.phantom.render import render_film
from cxrneighbors.phantom.report_grammar import write_report
from cxrneighbors.processes import each_by_process

GENERATOR_VERSION = 2  # raise it when the same seed gives other files
FOLDERS = ("images", "masks")
SMALLEST, LARGEST = 32, 4096  # image sizes
_WORTH_A_PROCESS = 20  # patients
Row = dict[str, Any]


@dataclass(frozen=True)
class PhantomSettings:
    """What decides every byte of a phantom set; `image_size`: pixels a side, 32 to 4096."""

    n_patients: int = 400
    image_size: int = 224
    seed: int = 0

    def __post_init__(self) -> None:
        whole("n_patients", self.n_patients, 400)
        whole("image_size", self.image_size, 224)
        if self.n_patients < 1:
            raise UserError(f"n_patients {self.n_patients}: too few; ask for at least 1 phantom patient")
        if not SMALLEST <= self.image_size <= LARGEST:
            raise UserError(
                f"image_size {self.image_size}: out of range; choose {SMALLEST} to {LARGEST} pixels"
            )
        if self.seed < 0:
            raise UserError(f"seed {self.seed}: negative; choose 0 or more")


def draw_phantoms(folder: Path, settings: PhantomSettings, workers: int = 1) -> tuple[list[Row], list[Row]]:
    """Write films to `folder/images`, masks to `folder/masks`; return the rows of studies and of regions.

    Paths in the rows are relative to `folder`. A patient depends on the seed and its number alone, whatever
    `workers` (processes) and `n_patients` are.
    """
    for name in FOLDERS:
        (folder / name).mkdir(parents=True, exist_ok=True)
    draw = partial(draw_patient, folder, settings)
    patients = list(
        each_by_process(draw, range(settings.n_patients), "phantom patients", workers, _WORTH_A_PROCESS)
    )
    return [row for studies, _ in patients for row in studies], [row for _, rows in patients for row in rows]


def draw_patient(folder: Path, settings: PhantomSettings, index: int) -> tuple[list[Row], list[Row]]:
    """Films and masks of patient number `index` (0-based); its rows of studies and of regions."""
    patient = sample_patient(index, settings.seed)
    studies: list[Row] = []
    regions: list[Row] = []
    for study in patient.studies:
        report = write_report(patient, study, np.random.default_rng([study.seed, 11]))
        for view in study.views:
            image_id = f"{study.study_id}_{view}"
            film = render_film(patient, study, view, settings.image_size)
            path = f"images/{image_id}.png"
            _save(film.pixels, folder / path)
            studies.append(
                {**_study_row(patient, study, view), "image_id": image_id, "path": path}
                | {"report": report.text, "sections": report.sections}
            )
            for finding, mask in film.masks.items():
                mask_path = f"masks/{image_id}_{finding}.png"
                _save(mask.astype(np.uint8) * 255, folder / mask_path)
                named = {"image_id": image_id, "finding": finding, "mask_path": mask_path}
                regions.append(named | _bounding_box(mask))
    return studies, regions


def _study_row(patient: Patient, study: Study, view: str) -> Row:
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
