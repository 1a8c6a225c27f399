from __future__ import annotations

import numpy as np

from cxrneighbors.phantom.patients import CHRONIC, CONDITIONS, FINDINGS, sample_patient

PATIENTS = [sample_patient(index, seed=1) for index in range(600)]
STUDIES = [study for patient in PATIENTS for study in patient.studies]


def test_condition_shares_sum_to_one() -> None:
    assert np.isclose(sum(share for share, _, _ in CONDITIONS.values()), 1.0)


def test_every_finding_occurs() -> None:
    counts = {finding: sum(finding in study.findings for study in STUDIES) for finding in FINDINGS}
    assert len(FINDINGS) >= 8
    assert min(counts.values()) > 0.02 * len(STUDIES), counts


def test_one_to_four_studies_of_one_frontal_film_each() -> None:
    assert {len(patient.studies) for patient in PATIENTS} == {1, 2, 3, 4}
    assert {study.views for study in STUDIES} == {("PA",), ("AP",), ("PA", "LATERAL")}


def test_bedside_patients_are_sicker() -> None:
    sick = {
        view: np.mean([bool(study.lesions) for study in STUDIES if study.views[0] == view])
        for view in ("PA", "AP")
    }
    assert sick["AP"] > sick["PA"] + 0.15


def test_a_third_is_without_finding_and_many_have_several() -> None:
    counts = np.array([len(study.findings) for study in STUDIES])
    assert 0.28 < (counts == 0).mean() < 0.42
    assert (counts >= 2).mean() > 0.25


def test_chronic_findings_stay() -> None:
    for patient in PATIENTS:
        for before, after in zip(patient.studies, patient.studies[1:], strict=False):
            assert set(before.findings) & set(CHRONIC) <= set(after.findings)
            assert before.age <= after.age


def test_a_patient_depends_on_seed_and_number_alone() -> None:
    assert [sample_patient(index, seed=1) for index in range(5)] == PATIENTS[:5]
    assert [sample_patient(index, seed=2) for index in range(5)] != PATIENTS[:5]
