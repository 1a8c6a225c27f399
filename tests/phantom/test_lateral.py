from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cxrneighbors.phantom.fields import make_grid
from cxrneighbors.phantom.lateral import lateral_scene
from cxrneighbors.phantom.patients import Lesion, sample_patient
from cxrneighbors.phantom.scene import Scene

GRID = make_grid(128)
PATIENTS = [sample_patient(index, seed=4) for index in range(12)]


def scene_of(number: int, *findings: str) -> Scene:
    patient = PATIENTS[number]
    lesions = tuple(Lesion(name, "middle", 0.9, (0.5, 0.5, 0.5), 0.5, 0) for name in findings)
    return lateral_scene(patient.anatomy, replace(patient.studies[0], lesions=lesions), GRID)


@pytest.mark.parametrize("number", range(12))
def test_both_lungs_overlap_and_the_heart_lies_in_front(number: int) -> None:
    scene, anatomy = scene_of(number), PATIENTS[number].anatomy
    right, left = scene.lungs
    assert (right.side, left.side) == ("right", "left") and right.sideways and left.sideways and scene.upright
    for array in (scene.tissue, scene.vessels, scene.heart, right.air, left.air):
        assert array.shape == (128, 128) and np.isfinite(array).all()
    for lung in scene.lungs:
        assert lung.air.min() >= 0 and 0.4 < lung.air.max() <= 0.5  # half of the air each
        assert lung.air[lung.wall < -0.05].max() == 0 and lung.air[GRID.y > 0.95].max() == 0
    shared = (right.air > 0.1) & (left.air > 0.1)
    assert shared.sum() > 0.85 * (right.air > 0.1).sum()
    assert left.floor - right.floor == pytest.approx(anatomy.dome_gap)
    assert left.air.sum() > right.air.sum()  # the left dome stands lower
    heart = scene.heart > 0.5
    assert GRID.x[heart].mean() < -0.1  # the patient faces the left of the film
    assert GRID.y[heart].mean() > anatomy.lung_top + 0.5


def test_the_spine_is_behind_and_darkens_downwards_less_than_the_belly() -> None:
    scene = scene_of(0)
    behind = (np.abs(GRID.x - 0.42) < 0.05) & (np.abs(GRID.y) < 0.15)
    inside = (np.abs(GRID.x - 0.15) < 0.08) & (np.abs(GRID.y) < 0.15)
    net = scene.tissue - sum(lung.air for lung in scene.lungs) * 0.42
    assert net[behind].mean() > net[inside].mean() + 0.05
    assert net[GRID.y > 0.8].max() > net[inside].mean()


def test_findings_change_heart_and_diaphragm() -> None:
    usual, large, flat = scene_of(1), scene_of(1, "Cardiomegaly"), scene_of(1, "Emphysema")
    assert (large.heart > 0.5).sum() > 1.15 * (usual.heart > 0.5).sum()
    assert flat.lungs[0].air.sum() > 1.05 * usual.lungs[0].air.sum()
    assert flat.lungs[0].corners[0][1] > usual.lungs[0].corners[0][1]  # a lower dome


def test_the_same_body_draws_the_same_scene() -> None:
    first, second, other = scene_of(2), scene_of(2), scene_of(3)
    np.testing.assert_array_equal(first.tissue, second.tissue)
    np.testing.assert_array_equal(first.vessels, second.vessels)
    assert np.abs(first.tissue - other.tissue).max() > 0.05
