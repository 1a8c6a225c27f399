"""What stays with a patient from film to film: the measures of the body."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Anatomy:
    """One patient's body, in units of half the film's width unless a comment says otherwise."""

    sex: str  # 'F' or 'M'
    age: float  # years at the first study
    thorax_width: float  # half width of the rib cage at its widest
    thorax_depth: float  # half depth from breastbone to spine
    lung_top: float  # y of the lung apices
    dome: float  # y of the right dome of the diaphragm
    dome_gap: float  # how much lower the left dome stands
    heart_ratio: float  # width of the heart over the inner width of the thorax on a PA film
    heart_tilt: float  # 0 upright heart, 1 lying heart
    aorta: float  # bulge of the aortic knob
    spine_bend: float  # sideways curve of the spine
    soft_tissue: float  # 0 lean to 1 stout
    breast: float  # 0 none to 1 large
    rib_spacing: float  # distance of one rib from the next
    rib_slope: float  # how steeply ribs fall to the side
    clavicle_slope: float
    shoulder: float  # y of the shoulders
    stomach: tuple[float, float]  # size and fill of the gas bubble
    vessel_seed: int  # the branching of the lung vessels


def sample_anatomy(rng: np.random.Generator) -> Anatomy:
    """Draw a body; women are smaller, aortas unfold and bones thin with age."""
    sex = "F" if rng.random() < 0.46 else "M"
    age = float(np.clip(rng.normal(55.0, 17.0), 18.0, 93.0)).__round__()
    soft = float(np.clip(rng.beta(2.2, 2.6), 0.02, 0.98))
    small = 0.03 if sex == "F" else 0.0
    return Anatomy(
        sex=sex,
        age=float(age),
        thorax_width=float(rng.normal(0.725, 0.022)) - small,
        thorax_depth=float(rng.normal(0.56, 0.035)) + 0.05 * soft - small / 2,
        lung_top=float(rng.normal(-0.76, 0.022)) + small,
        dome=float(rng.normal(0.40, 0.03)) - 0.05 * soft,
        dome_gap=float(np.clip(rng.normal(0.05, 0.025), 0.005, 0.12)),
        heart_ratio=float(np.clip(rng.normal(0.425, 0.02), 0.375, 0.455)),
        heart_tilt=float(np.clip(rng.normal(0.35 + 0.3 * soft, 0.12), 0.0, 1.0)),
        aorta=float(np.clip(rng.normal(0.025 + 0.0009 * (age - 40), 0.015), 0.0, 0.1)),
        spine_bend=float(rng.normal(0.0, 0.012)),
        soft_tissue=soft,
        breast=float(rng.uniform(0.25, 1.0)) if sex == "F" else 0.0,
        rib_spacing=float(rng.normal(0.124, 0.006)),
        rib_slope=float(rng.normal(1.0, 0.15)),
        clavicle_slope=float(rng.normal(0.16, 0.06)),
        shoulder=float(rng.normal(-0.66, 0.035)),
        stomach=(float(rng.uniform(0.0, 1.0)), float(rng.uniform(0.3, 1.0))),
        vessel_seed=int(rng.integers(2**31)),
    )
