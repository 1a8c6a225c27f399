"""A data set small enough for whole scripts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

FINDINGS = ("Effusion", "Nodule", "No Finding")


def corner_film(which: int, rng: np.random.Generator) -> Image.Image:
    """A dark film of 24 x 24 whose finding, 0 to 2, brightens its own corner."""
    film = rng.integers(0, 60, (24, 24), dtype=np.uint8)
    film[8 * which : 8 * which + 8, 4:14] += 150
    return Image.fromarray(film)


def write_chestxray14(root: Path, patients: range) -> None:
    """Two films of each patient in ChestX-ray14's layout; the patient's number decides its finding."""
    rng = np.random.default_rng(0)
    (root / "images").mkdir(parents=True)
    rows = []
    for patient in patients:
        for visit in range(2):
            name = f"{patient:08d}_{visit:03d}.png"
            corner_film(patient % 3, rng).save(root / "images" / name)
            row = {"Image Index": name, "Finding Labels": FINDINGS[patient % 3], "Follow-up #": visit}
            row |= {"Patient ID": patient, "Patient Age": 50, "Patient Gender": "F"}
            rows.append({**row, "View Position": ("PA", "AP")[patient // 3 % 2]})
    pd.DataFrame(rows).to_csv(root / "Data_Entry_2017_v2020.csv", index=False)


@pytest.fixture(scope="session")
def data_sets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of data sets for `encoders.py`: the main one, one that shares patients, one with sources."""
    root = tmp_path_factory.mktemp("data_sets")
    write_chestxray14(root / "chestxray14-10k", range(1, 121))
    write_chestxray14(root / "chestxray14-256", range(101, 131))
    rng, rows = np.random.default_rng(1), []
    (root / "lung-masks" / "images").mkdir(parents=True)
    for number in range(40):
        which = 1 + number // 2 % 2
        corner_film(which, rng).save(root / "lung-masks" / "images" / f"{number}.png")
        finding = ("Tuberculosis", "No Finding")[which - 1]
        row = {"image": f"{number}.png", "source": "AB"[number % 2], "finding": finding}
        rows.append({**row, "file": f"images/{number}.png"})
    pd.DataFrame(rows).to_csv(root / "lung-masks" / "labels.csv", index=False)
    return root


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the reader `folder` reads: 90 films of 45 patients, 24 x 24, with reports.

    The finding brightens its own corner, and the report names it.
    """
    root = tmp_path_factory.mktemp("archive")
    rng = np.random.default_rng(0)
    rows = []
    for number in range(90):
        which = number // 2 % 3
        film = rng.integers(0, 60, (24, 24), dtype=np.uint8)
        film[8 * which : 8 * which + 8, :8] += 150
        Image.fromarray(film).save(root / f"f{number}.png")
        rows.append(
            {
                "path": f"f{number}.png",
                "patient_id": f"p{number // 2}",
                "view": ("PA", "AP")[number // 6 % 2],
                "sex": ("F", "M")[number // 12 % 2],
                "age": 40 + number % 20,
                "findings": FINDINGS[which],
                "report": f"Film {number} shows {('pleural effusion', 'a nodule', 'clear lungs')[which]}.",
                "split": ("train", "test")[number % 4 // 2],
            }
        )
    pd.DataFrame(rows).to_csv(root / "studies.csv", index=False)
    return root
