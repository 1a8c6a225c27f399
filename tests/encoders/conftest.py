"""Small films and study tables for the encoder tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cxrneighbors.data.schema import validate_studies


def blobs(n: int, size: int, seed: int = 0) -> np.ndarray:
    """Smooth films that differ in a few factors: float32 (n, 1, size, size) in [0, 1]."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:size, 0:size] / size
    out = np.empty((n, 1, size, size), np.float32)
    for i in range(n):
        cx, cy, w, h = rng.uniform(0.3, 0.7, 2).tolist() + rng.uniform(0.1, 0.3, 2).tolist()
        film = 0.2 + 0.6 * np.exp(-(((x - cx) / w) ** 2) - ((y - cy) / h) ** 2)
        out[i, 0] = np.clip(film + rng.normal(0, 0.02, film.shape), 0, 1)
    return out


@pytest.fixture
def studies(tmp_path: Path) -> pd.DataFrame:
    """23 rows with 32 x 32 PNGs, one of them empty, one without a path; reports in all rows but two."""
    rows = []
    (tmp_path / "images").mkdir()
    for i, film in enumerate(blobs(23, 32)):
        path = tmp_path / "images" / f"i{i:02d}.png"
        Image.fromarray((film[0] * 255).astype(np.uint8)).save(path)
        side = "left" if i % 2 else "right"
        rows.append(
            {
                "image_id": f"i{i:02d}",
                "path": None if i == 5 else str(path),
                "patient_id": f"p{i // 2}",
                "findings": ["Effusion"] if i % 3 else ["No Finding"],
                "report": None if i in (2, 9) else f"Small {side} effusion number {i}. Heart is normal.",
                "split": ("train", "train", "test")[i % 3],
            }
        )
    (tmp_path / "images" / "i07.png").write_bytes(b"")
    return validate_studies(pd.DataFrame(rows))


@pytest.fixture(scope="session")
def films() -> Callable[..., np.ndarray]:
    """The function films(n, size, seed=0) -> float32 (n, 1, size, size) in [0, 1]."""
    return blobs
