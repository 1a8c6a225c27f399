from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cxrneighbors.phantom.fields import make_grid
from cxrneighbors.phantom.findings import AIR, DRAW, Change
from cxrneighbors.phantom.frontal import frontal_scene
from cxrneighbors.phantom.lateral import lateral_scene
from cxrneighbors.phantom.patients import FINDINGS, Lesion, sample_patient
from cxrneighbors.phantom.scene import Lung, Scene

PATIENT = sample_patient(0)
HEALTHY = replace(PATIENT.studies[0], lesions=(), devices=(), position="erect")
GRID = make_grid(160)
FRONTAL = frontal_scene(PATIENT.anatomy, HEALTHY, GRID, ap=False)
LATERAL = lateral_scene(PATIENT.anatomy, HEALTHY, GRID)


def lesion(finding: str, **changes: object) -> Lesion:
    return replace(Lesion(finding, "right", 0.6, (0.5, 0.4, 0.5), 0.5, seed=3), **changes)


def change(finding: str, scene: Scene = FRONTAL, **changes: object) -> tuple[Change, Lung]:
    lung = scene.lungs[0]
    return DRAW[finding](lesion(finding, **changes), lung, scene), lung


def seen(finding: str, scene: Scene = FRONTAL, **changes: object) -> np.ndarray:
    """How much a lesion changes the density inside the lung: float (H, W)."""
    made, lung = change(finding, scene, **changes)
    total = np.zeros(GRID.x.shape)
    if made.opacity is not None:
        total += AIR * lung.air * made.opacity
    return total + (0 if made.density is None else made.density * np.minimum(3 * lung.air, 1))


def test_every_finding_but_the_hearts_is_drawn() -> None:
    assert set(DRAW) == set(FINDINGS) - {"Cardiomegaly"}


@pytest.mark.parametrize("finding", DRAW)
@pytest.mark.parametrize("scene", [FRONTAL, LATERAL], ids=["frontal", "lateral"])
def test_changes_are_shares_and_grow_with_severity(finding: str, scene: Scene) -> None:
    for severity in (0.05, 0.5, 1.0):
        made, _ = change(finding, scene, severity=severity)
        for share in (made.opacity, made.lucency):
            assert share is None or (share.min() >= 0 and share.max() <= 1 + 1e-6)
        assert any(part is not None for part in (made.opacity, made.density, made.lucency))
    faint, strong = (np.abs(seen(finding, scene, severity=s)).sum() for s in (0.1, 0.9))
    assert strong > 1.15 * faint > 0


@pytest.mark.parametrize("finding", ["Nodule", "Mass", "Consolidation"])
@pytest.mark.parametrize("scene", [FRONTAL, LATERAL], ids=["frontal", "lateral"])
def test_a_focal_lesion_lies_at_its_place(finding: str, scene: Scene) -> None:
    weight = np.maximum(seen(finding, scene), 0)
    x, y = ((weight * axis).sum() / weight.sum() for axis in (GRID.x, GRID.y))
    expected = scene.lungs[0].at((0.5, 0.4, 0.5))
    assert np.hypot(x - expected[0], y - expected[1]) < 0.1


def test_a_nodule_is_smaller_than_any_mass() -> None:
    area = {
        (name, size): (seen(name, extent=size) > 0.02).sum()
        for name in ("Nodule", "Mass")
        for size in (0.0, 1.0)
    }
    assert area["Nodule", 0.0] < area["Nodule", 1.0] < area["Mass", 0.0] < area["Mass", 1.0]


def test_fluid_lies_at_the_bottom_and_as_a_veil_when_supine() -> None:
    lung = FRONTAL.lungs[0]
    erect, supine = (change("Effusion", replace(FRONTAL, upright=up))[0].opacity for up in (True, False))
    low, high = GRID.y > lung.floor - 0.05, GRID.y < lung.top + 0.2
    assert erect[low].mean() > 0.9 and erect[high].max() < 0.01
    middle = (lung.air > 0.5) & (np.abs(GRID.y - (lung.floor - 0.45 * (lung.floor - lung.top))) < 0.05)
    assert supine[middle].mean() > erect[middle].mean() and supine[high].mean() < supine[low].mean()


def test_pleural_air_lies_along_the_wall_and_thickening_too() -> None:
    made, lung = change("Pneumothorax")
    assert (made.lucency[(lung.wall > 0) & (lung.wall < 0.04)] > 0.9).all() and made.lucency[
        lung.wall > 0.5
    ].max() < 0.01
    assert made.density[lung.wall > 0.5].max() < 0.02 and made.density.min() < -0.15
    thick = change("Pleural_Thickening")[0].opacity
    assert thick[(lung.wall > 0) & (lung.wall < 0.02)].mean() > thick[lung.wall > 0.2].mean() + 0.2


def test_emphysema_takes_density_where_there_is_air() -> None:
    made, lung = change("Emphysema")
    np.testing.assert_allclose(made.density, -(0.14 + 0.30 * 0.6) * 0.42 * 0.6 * lung.air, rtol=1e-5)
    assert (made.lucency[lung.air > 0.3] > 0).all()


def test_texture_depends_on_the_lesions_seed() -> None:
    for finding in ("Consolidation", "Atelectasis", "Edema", "Mass", "Pleural_Thickening"):
        np.testing.assert_array_equal(seen(finding), seen(finding))
        assert np.abs(seen(finding) - seen(finding, seed=4)).max() > 0.01
