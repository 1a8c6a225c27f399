"""Tuberculosis on outlined films: who is held out, and parts of films that tell and that do not."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from torch import Tensor

from cxrneighbors.classifiers.base import Classifier
from cxrneighbors.lungs.masks import usual_lungs

script = importlib.import_module("tuberculosis")
LUNGS = usual_lungs((40, 40))


class Brightness(Classifier):
    """A film's mean brightness is its logit."""

    name = "brightness"

    def __init__(self) -> None:
        super().__init__(["Tuberculosis"], 40, multi_label=True)

    def features(self, images: Tensor) -> Tensor:
        return images.mean(dim=(1, 2, 3))[:, None]

    def classify(self, features: Tensor) -> Tensor:
        return features


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """30 films of 30 patients, dark but for lungs that are bright where sick; one is not outlined."""
    rows = []
    for number in range(30):
        film = np.full((40, 40), 20, dtype=np.uint8)
        film[LUNGS.any(axis=0)] = 200 if number % 2 else 100
        row = {"image": f"f{number}", "source": "AB"[number // 2 % 2], "file": f"f{number}.png"}
        Image.fromarray(film).save(tmp_path / row["file"])
        mask = "" if number == 0 else f"m{number}.png"
        if mask:
            Image.fromarray(255 * LUNGS.any(axis=0).astype(np.uint8)).save(tmp_path / mask)
        rows.append(row | {"finding": "Tuberculosis" if number % 2 else "No Finding", "mask": mask})
    pd.DataFrame(rows).to_csv(tmp_path / "labels.csv", index=False)
    return tmp_path


def test_a_third_is_held_out_and_lungs_are_where_somebody_outlined_them(root):
    studies, lungs = script.read_films(root)
    held = studies["split"] == "test"
    assert 4 <= held.sum() <= 16 and (studies["split"] == "val").sum() == 1
    assert set(lungs["image_id"]) == set(studies["image_id"]) - {"f0"}
    assert script.sick(studies).tolist() == [number % 2 == 1 for number in range(30)]


def test_what_is_known_by_parts_of_the_film(root):
    studies, lungs = script.read_films(root)
    rows = script.known(Brightness(), studies, lungs, "cpu")
    found = {(row["films"], row["source"]): row["auroc"] for row in rows}
    for source in ("both", "A", "B"):
        assert found["all", source] == found["outlined", source] == 1
        assert found["only the lungs' box", source] == 1
        assert found["outlined, without the lungs' box", source] == 0.5  # nothing is left that differs
    assert {row["n"] for row in rows} == {30, 29, 16, 15, 14}
    text = script.known_table({"known": rows})
    assert "| outlined, without the lungs' box | 0.500 of 29 | 0.500 of 15 |" in text
