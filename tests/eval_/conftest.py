"""A data set small enough for whole scripts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

FINDINGS = ("Effusion", "Nodule", "No Finding")


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
