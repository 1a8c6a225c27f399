from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cxrneighbors.phantom.devices import draw_devices
from cxrneighbors.phantom.fields import make_grid
from cxrneighbors.phantom.frontal import frontal_scene
from cxrneighbors.phantom.patients import Lesion, sample_patient

PATIENT = sample_patient(0)
ANATOMY, STUDY = PATIENT.anatomy, replace(PATIENT.studies[0], lesions=(), devices=())
SCENE = frontal_scene(ANATOMY, STUDY, make_grid(256), ap=True)
DEVICES = (
    "endotracheal tube", "nasogastric tube", "central venous catheter", "chest port", "pacemaker",
    "sternotomy wires", "surgical clips", "monitor leads", "chest tube",
)  # fmt: skip


def ink(*devices: str, view: str = "AP", **changes: object) -> tuple[np.ndarray, np.ndarray]:
    """Body coordinates x and y of the pixels that the devices cover."""
    density = draw_devices(replace(STUDY, devices=devices, **changes), SCENE, view, ANATOMY)
    assert density.shape == (256, 256) and density.min() == 0 < density.max() <= 0.42 + 1e-6
    return SCENE.grid.x[density > 0.1], SCENE.grid.y[density > 0.1]


def test_no_devices_add_nothing() -> None:
    assert draw_devices(STUDY, SCENE, "AP", ANATOMY) == 0.0


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("seed", range(3))
def test_every_device_is_thin_and_on_the_film(device: str, seed: int) -> None:
    x, _ = ink(device, seed=seed)
    assert 20 < len(x) < 0.05 * 256 * 256


def test_devices_lie_where_they_run() -> None:
    for seed in range(8):
        x, y = ink("endotracheal tube", seed=seed)
        assert np.abs(x).max() < 0.06 and y.max() < -0.2  # in the trachea, above the carina
        assert ink("nasogastric tube", seed=seed)[1].max() > 0.55  # below the diaphragm
        x, y = ink("sternotomy wires", seed=seed)
        assert np.abs(x).max() < 0.09 and y.max() - y.min() > 0.6
        assert ink("pacemaker", seed=seed)[0].max() > 0.4 and ink("chest port", seed=seed)[0].min() < -0.35


@pytest.mark.parametrize(("side", "sign"), [("right", -1), ("left", 1)])
def test_a_chest_tube_goes_where_the_air_is(side: str, sign: int) -> None:
    air = Lesion("Pneumothorax", side, 0.6, (0.5, 0.5, 0.5), 0.5, 0)
    for seed in range(6):
        x, _ = ink("chest tube", seed=seed, lesions=(air,))
        assert (np.sign(x) == sign).all()  # the patient's right is on the film's left


def test_from_the_side_tubes_run_down_the_middle_and_wires_behind_the_breastbone() -> None:
    assert np.abs(ink("endotracheal tube", view="LATERAL")[0]).max() < 0.2
    assert ink("sternotomy wires", view="LATERAL")[0].max() < -0.4
    assert draw_devices(replace(STUDY, devices=("monitor leads",)), SCENE, "LATERAL", ANATOMY).max() == 0
