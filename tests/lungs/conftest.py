"""Phantom films with their lungs, in the folder that the reader expects."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cxrneighbors.lungs.segmenter import LungSegmenter
from cxrneighbors.phantom.fields import make_grid
from cxrneighbors.phantom.film import sample_film
from cxrneighbors.phantom.frontal import frontal_scene
from cxrneighbors.phantom.patients import sample_patient
from cxrneighbors.phantom.render import render_film

SIZE, FILMS = 128, 40
TRAINING = {
    "epochs": 25,
    "batch_size": 4,
    "learning_rate": 1e-2,
    "image_size": 32,
    "width": 4,
    "device": "cpu",
}


def phantom(number: int) -> tuple[np.ndarray, np.ndarray]:
    """The film of a phantom patient, uint8 (128, 128), and its lungs, bool (2, 128, 128)."""
    patient = sample_patient(number, seed=5)
    study = patient.studies[0]
    view = next(view for view in study.views if view != "LATERAL")
    settings = sample_film(np.random.default_rng([study.seed, len(view)]), view)
    grid = make_grid(SIZE, settings.angle, settings.scale, settings.shift)
    scene = frontal_scene(patient.anatomy, study, grid, ap=view == "AP")
    return render_film(patient, study, view, SIZE).pixels, np.stack([lung.air > 0.25 for lung in scene.lungs])


@pytest.fixture(scope="session")
def lung_films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 phantoms with masks, each its own patient; labels.csv as the real folder has it."""
    root = tmp_path_factory.mktemp("lung-masks")
    rows = ["image,source,finding,file,mask"]
    for name in ("images", "masks"):
        (root / name).mkdir()
    for number in range(FILMS):
        pixels, lungs = phantom(number)
        Image.fromarray(pixels).save(root / "images" / f"{number}.png")
        Image.fromarray(lungs.any(0).astype(np.uint8) * 255).save(root / "masks" / f"{number}.png")
        rows.append(f"{number}.png,phantom,,images/{number}.png,masks/{number}.png")
    (root / "labels.csv").write_text("\n".join(rows) + "\n")
    return root


@pytest.fixture(scope="session")
def trained(lung_films: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small segmenter trained on them."""
    from cxrneighbors.lungs.training import train_lungs

    out = tmp_path_factory.mktemp("segmenter") / "lungs"
    train_lungs(lung_films, out, **TRAINING)
    return out


@pytest.fixture(scope="session")
def segmenter(trained: Path) -> LungSegmenter:
    return LungSegmenter.load(trained, "cpu")
