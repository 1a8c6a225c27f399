from __future__ import annotations

import io
import json

import numpy as np
import pytest
from PIL import Image

from cxrneighbors.classifiers.quality.assess import assess
from cxrneighbors.classifiers.quality.figures import (
    class_name,
    confusion_table,
    draw_confusion,
    draw_reliability,
    reliability_table,
)
from cxrneighbors.figures import WIDTHS, to_png

LABELS = ("COVID-19", "No Finding", "Pneumonia")
PROBABILITIES = np.array([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.6, 0.3, 0.1], [0.1, 0.8, 0.1]])
TARGETS = np.array([0, 1, 1, 1])


def test_all_figures_in_json() -> None:
    result = assess(PROBABILITIES, TARGETS, ["a", "a", "b", "c"], LABELS)
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    assert (result["n"], result["patients"], result["accuracy"], result["majority"]) == (4, 3, 0.75, 0.75)
    assert result["confusion"] == [[1, 0, 0], [1, 2, 0], [0, 0, 0]]
    # Pneumonia neither occurs nor is predicted: the mean is over the two others.
    assert result["precision"] == pytest.approx((0.5 + 1) / 2)
    assert result["recall"] == pytest.approx((1 + 2 / 3) / 2)
    assert result["classes"]["No Finding"]["n"] == 3
    low, high = result["accuracy_ci95"]
    assert low <= 0.75 <= high
    assert result["ece"] == pytest.approx(abs(1 - 0.8) / 4 * 2 + abs(1 - 0.7) / 4 + 0.6 / 4)


def test_shapes_must_agree() -> None:
    with pytest.raises(ValueError, match=r"must be \(4, 2\), .* got \(4, 3\)"):
        assess(PROBABILITIES, TARGETS, list("aabc"), LABELS[:2])


def test_figures_are_drawn_and_equal_results_are_equal_files() -> None:
    result = assess(PROBABILITIES, TARGETS, list("aabc"), LABELS)
    matrix = np.array(result["confusion"])
    for width in WIDTHS.values():
        for figure in (draw_confusion(matrix, LABELS, "x", width), draw_reliability({"x": result}, width)):
            with Image.open(io.BytesIO(to_png(figure))) as image:
                assert image.size[0] == round(200 * width) and len(np.unique(np.asarray(image))) > 50
    one, other = (to_png(draw_confusion(np.eye(3, dtype=int), LABELS)) for _ in range(2))
    assert one == other
    assert class_name("No Finding") == "Normal" and class_name("Pleural_Thickening") == "Pleural Thickening"


def test_the_numbers_of_the_figures_are_those_of_the_result() -> None:
    result = assess(PROBABILITIES, TARGETS, list("aabc"), LABELS)
    matrix = np.array(result["confusion"])
    table = confusion_table(matrix, LABELS)
    assert (table.drop(columns="true").to_numpy() == matrix).all() and "Normal" in set(table["true"])
    bins = reliability_table({"x": result})
    assert bins["images"].sum() == len(TARGETS) and (bins["to"] > bins["from"]).all()
    counted = bins[bins["images"] > 0]
    right = (counted["accuracy"].astype(float) * counted["images"]).sum()
    assert right == pytest.approx(result["accuracy"] * len(TARGETS))
