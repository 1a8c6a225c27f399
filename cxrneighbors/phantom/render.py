"""One film of one study: the scene, its lesions with masks, devices, and the film itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cxrneighbors.phantom.devices import draw_devices
from cxrneighbors.phantom.fields import make_grid
from cxrneighbors.phantom.film import FilmSettings, expose, field_window, sample_film
from cxrneighbors.phantom.findings import AIR, DRAW, Change
from cxrneighbors.phantom.frontal import frontal_scene
from cxrneighbors.phantom.lateral import lateral_scene
from cxrneighbors.phantom.patients import Patient, Study
from cxrneighbors.phantom.scene import Lung, Scene

# A pixel belongs to a lesion where it changes the density by this share of the lesion's largest change.
MASK_SHARE = 0.2
FINEST = 128  # pixels; films below this side are drawn at a multiple of their size


@dataclass(frozen=True)
class Film:
    """A rendered film: pixels uint8 (H, W), and per finding its lesion mask, bool (H, W)."""

    pixels: np.ndarray
    masks: dict[str, np.ndarray]


def render_film(patient: Patient, study: Study, view: str, size: int = 224) -> Film:
    """Render one view ('PA', 'AP' or 'LATERAL') of a study at `size` x `size` pixels.

    Pure: the same arguments give the same film. All but the named lesions is drawn alike for
    `study` and `study.without(finding)`, noise included, so that their difference shows the lesion.
    Masks: the pixels whose density a lesion changes; for Cardiomegaly the outline of the whole heart and for
    Emphysema the lungs, as radiologists box them.
    """
    settings = sample_film(np.random.default_rng([study.seed, len(view)]), view)
    # Thin things (ribs, lines, letters) need pixels: a small film is drawn larger and averaged down.
    factor = -(-FINEST // size)
    grid = make_grid(size * factor, settings.angle, settings.scale, settings.shift)
    if view == "LATERAL":
        scene = lateral_scene(patient.anatomy, study, grid)
    else:
        scene = frontal_scene(patient.anatomy, study, grid, ap=view == "AP")
    density, masks = _add_lesions(scene, study)
    density += draw_devices(study, scene, view, patient.anatomy)
    pixels = expose(density, grid, settings)
    return _reduce(Film(pixels, _on_film(masks, settings, grid.size)), factor)


def _reduce(film: Film, factor: int) -> Film:
    """Average blocks of factor x factor pixels; a mask's pixel counts where half of its block does."""
    if factor == 1:
        return film
    masks = {}
    for finding, mask in film.masks.items():
        share = _blocks(mask, factor)
        masks[finding] = share >= min(0.5, float(share.max()))
    return Film(np.rint(_blocks(film.pixels, factor)).astype(np.uint8), masks)


def _blocks(values: np.ndarray, factor: int) -> np.ndarray:
    side = values.shape[0] // factor
    return np.asarray(values.reshape(side, factor, side, factor).mean(axis=(1, 3)))


def _add_lesions(scene: Scene, study: Study) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    masks: dict[str, np.ndarray] = {}
    density = scene.tissue.copy()
    for lung in scene.lungs:
        clear = np.ones_like(density)
        vessels = np.ones_like(density)
        for lesion in study.lesions:
            if lesion.side != lung.side:
                continue
            change = DRAW[lesion.finding](lesion, lung, scene)
            if change.opacity is not None:
                clear *= 1.0 - change.opacity
            if change.density is not None:
                density += change.density * _inside(lung)
            if change.lucency is not None:
                vessels *= 1.0 - change.lucency
            mask = _mask(lesion.finding, change, lung)
            masks[lesion.finding] = masks[lesion.finding] | mask if lesion.finding in masks else mask
        density += lung.air * (scene.vessels * vessels * clear - AIR * clear)
    if "Cardiomegaly" in study.findings:
        masks["Cardiomegaly"] = scene.heart > 0.5
    return density, masks


def _inside(lung: Lung) -> np.ndarray:
    return np.minimum(lung.air * 3.0, 1.0)


def _mask(finding: str, change: Change, lung: Lung) -> np.ndarray:
    if finding == "Emphysema":
        return lung.air > 0.25
    delta = np.zeros_like(lung.air)
    if change.opacity is not None:
        delta += AIR * lung.air * change.opacity
    if change.density is not None:
        delta += np.abs(change.density) * _inside(lung)
    return delta > MASK_SHARE * delta.max() if delta.max() > 0 else delta > 0


def _on_film(masks: dict[str, np.ndarray], settings: FilmSettings, size: int) -> dict[str, np.ndarray]:
    """Masks cut to the collimated field, those without a pixel left out, in alphabetical order."""
    rows, columns = field_window(settings, size)
    cut = {}
    for finding in sorted(masks):
        mask = np.zeros_like(masks[finding])
        mask[rows, columns] = masks[finding][rows, columns]
        if mask.any():
            cut[finding] = mask
    return cut
