from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from cxrneighbors.phantom.patients import FINDINGS, Patient, Study, sample_patient
from cxrneighbors.phantom.render import Film, render_film

SIZE = 128
PATIENTS = [sample_patient(index, seed=3) for index in range(260)]


def studies_with(finding: str, n: int, view: str | None = None) -> list[tuple[Patient, Study, str]]:
    found = [
        (patient, study, study_view)
        for patient in PATIENTS
        for study in patient.studies
        for study_view in study.views
        if finding in study.findings and (view is None or study_view == view)
    ]
    return found[:n]


def difference(patient: Patient, study: Study, view: str, finding: str) -> tuple[Film, np.ndarray]:
    """The film, and how many grey levels every pixel differs from the same film without the finding."""
    film = render_film(patient, study, view, SIZE)
    healthy = render_film(patient, study.without(finding), view, SIZE)
    return film, np.abs(film.pixels.astype(float) - healthy.pixels)


@pytest.mark.parametrize("finding", FINDINGS)
def test_a_mask_holds_what_the_finding_changes(finding: str) -> None:
    cases = [(p, replace(s, devices=()), v) for p, s, v in studies_with(finding, 4)]
    assert len(cases) == 4
    for patient, study, view in cases:
        film, changed = difference(patient, study, view, finding)
        mask = film.masks[finding]
        inside, outside = changed[mask].mean(), changed[~mask].mean()
        assert inside > 3.0 * outside + 1.0, (study.study_id, view, inside, outside)


@pytest.mark.parametrize(
    "finding", ["Mass", "Consolidation", "Effusion", "Pneumothorax", "Pleural_Thickening"]
)
def test_where_the_finding_changes_the_film_the_mask_is_set(finding: str) -> None:
    for patient, study, view in studies_with(finding, 4, view="PA"):
        alone = replace(study, devices=(), lesions=tuple(le for le in study.lesions if le.finding == finding))
        film, changed = difference(patient, alone, view, finding)
        strong = changed > 0.5 * np.percentile(changed[film.masks[finding]], 95)
        assert (strong & film.masks[finding]).sum() > 0.9 * strong.sum(), study.study_id


def test_without_a_finding_nothing_else_changes() -> None:
    patient, study, view = studies_with("Mass", 1, view="PA")[0]
    film, changed = difference(patient, study, view, "Mass")
    rows, columns = np.nonzero(film.masks["Mass"])
    far = np.ones_like(film.pixels, dtype=bool)
    far[max(rows.min() - 12, 0) : rows.max() + 12, max(columns.min() - 12, 0) : columns.max() + 12] = False
    assert far.mean() > 0.5
    assert changed[far].max() == 0


def test_effusion_whitens_and_pneumothorax_darkens() -> None:
    for finding, sign in (("Effusion", 1), ("Pneumothorax", -1)):
        for patient, study, view in studies_with(finding, 3, view="PA"):
            study = replace(study, lesions=tuple(le for le in study.lesions if le.finding == finding))
            film, _ = difference(patient, study, view, finding)
            healthy = render_film(patient, study.without(finding), view, SIZE)
            change = film.pixels.astype(float) - healthy.pixels
            assert sign * change[film.masks[finding]].mean() > 4


def test_cardiothoracic_ratio_on_the_film() -> None:
    """Heart outline over inner thorax: above one half with Cardiomegaly, below without."""
    for patient, study, view in studies_with("Cardiomegaly", 8, view="PA"):
        film = render_film(patient, study, view, 256)
        mask = film.masks["Cardiomegaly"]
        columns = np.flatnonzero(mask.any(axis=0))
        scale = 256 / 2 * _scale(study, view)
        thorax = 2 * (patient.anatomy.thorax_width - 0.035) * scale
        assert (columns[-1] - columns[0] + 1) / thorax > 0.5


def _scale(study: Study, view: str) -> float:
    from cxrneighbors.phantom.film import sample_film

    return sample_film(np.random.default_rng([study.seed, len(view)]), view).scale


def test_a_normal_heart_stays_below_half() -> None:
    from cxrneighbors.phantom.fields import make_grid
    from cxrneighbors.phantom.frontal import frontal_scene

    for patient in PATIENTS[:40]:
        study = patient.studies[0]
        if "Cardiomegaly" in study.findings:
            continue
        for ap in (False, True):
            heart = frontal_scene(patient.anatomy, study, make_grid(128), ap).heart > 0.5
            columns = np.flatnonzero(heart.any(axis=0))
            assert (columns[-1] - columns[0] + 1) / 64 < 2 * (patient.anatomy.thorax_width - 0.035) * 0.51


def test_lungs_are_dark_and_the_heart_and_abdomen_bright() -> None:
    healthy = [p for p in PATIENTS if p.condition == "healthy" and p.studies[0].views[0] == "PA"][:10]
    for patient in healthy:
        film = (
            render_film(patient, replace(patient.studies[0], lesions=(), devices=()), "PA", 100).pixels / 255
        )
        right_lung, left_lung = film[35:50, 25:35].mean(), film[35:50, 66:76].mean()
        heart, abdomen = film[58:64, 47:56].mean(), film[85:95, 40:60].mean()
        assert max(right_lung, left_lung) < 0.5 < 0.7 < min(heart, abdomen)
        assert film[5:10, 1:5].mean() < 0.2  # air beside the neck


def test_left_apex_and_higher_right_dome() -> None:
    from cxrneighbors.phantom.frontal import heart_borders
    from cxrneighbors.phantom.scene import study_shape

    for patient in PATIENTS[:20]:
        shape = study_shape(patient.anatomy, patient.studies[0], ap=False)
        right, left = heart_borders(patient.anatomy, shape)
        assert left[160:].max() > 1.4 * right[160:].max()
        assert patient.anatomy.dome_gap > 0


def test_views_look_different_and_studies_of_a_patient_alike() -> None:
    healthy = [p for p in PATIENTS if p.condition == "healthy" and len(p.studies) > 1][:12]
    films = {
        (patient.patient_id, study.study_id, view): render_film(
            patient, replace(study, lesions=(), devices=()), view, 64
        ).pixels.astype(float)
        for patient in healthy
        for study in patient.studies[:2]
        for view in ("PA", "LATERAL")
    }

    def mean_distance(same_patient: bool, same_view: bool) -> float:
        pairs = [
            np.abs(films[a] - films[b]).mean()
            for a in films
            for b in films
            if a < b and (a[0] == b[0]) == same_patient and (a[2] == b[2]) == same_view and a[1] != b[1]
        ]
        return float(np.mean(pairs))

    assert mean_distance(False, False) > 2.5 * mean_distance(False, True)
    assert mean_distance(True, True) < 0.9 * mean_distance(False, True)


@pytest.mark.parametrize("size", [32, 64, 97, 224, 300])
def test_any_size_shows_the_same_film(size: int) -> None:
    patient = PATIENTS[0]
    study = replace(patient.studies[0], devices=())
    view = study.views[0]
    film = render_film(patient, study, view, size)
    assert film.pixels.shape == (size, size) and film.pixels.dtype == np.uint8
    assert all(mask.shape == (size, size) and mask.any() for mask in film.masks.values())
    large = render_film(patient, study, view, 448).pixels
    a, b = _grid_means(film.pixels), _grid_means(large)
    assert np.abs(a - b).mean() < 6


def _grid_means(pixels: np.ndarray) -> np.ndarray:
    return np.asarray(Image.fromarray(pixels).resize((12, 12), Image.Resampling.BOX), dtype=float)
