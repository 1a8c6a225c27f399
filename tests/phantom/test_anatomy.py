from __future__ import annotations

import numpy as np

from cxrneighbors.phantom.anatomy import Anatomy, sample_anatomy

BODIES = [sample_anatomy(np.random.default_rng(seed)) for seed in range(1500)]


def values(name: str, sex: str = "FM") -> np.ndarray:
    return np.array([getattr(body, name) for body in BODIES if body.sex in sex])


def test_a_body_depends_on_the_generator_alone() -> None:
    assert sample_anatomy(np.random.default_rng(7)) == BODIES[7] != BODIES[8]
    assert isinstance(BODIES[0], Anatomy)


def test_measures_stay_where_a_body_can_be_drawn() -> None:
    ages = values("age")
    assert ((ages >= 18) & (ages <= 93) & (ages == np.round(ages))).all()
    assert values("heart_ratio").max() < 0.5  # a healthy heart, before any finding
    assert values("dome_gap").min() > 0 and values("aorta").min() >= 0 and values("aorta").max() <= 0.1
    assert (values("lung_top") < values("dome") - 0.8).all() and (values("thorax_width") < 0.85).all()
    assert values("rib_spacing").min() > 0.09
    for name in ("heart_tilt", "soft_tissue", "breast"):
        assert values(name).min() >= 0 and values(name).max() <= 1, name
    assert (values("breast", "M") == 0).all() and (values("breast", "F") > 0).all()


def test_women_are_smaller_and_aortas_unfold_with_age() -> None:
    assert abs((values("sex") == "F").mean() - 0.46) < 0.04
    assert 0.02 < values("thorax_width", "M").mean() - values("thorax_width", "F").mean() < 0.04
    assert values("lung_top", "F").mean() > values("lung_top", "M").mean()
    assert np.corrcoef(values("age"), values("aorta"))[0, 1] > 0.5
    assert np.corrcoef(values("soft_tissue"), values("dome"))[0, 1] < -0.2  # the stout breathe shallower
