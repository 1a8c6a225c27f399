from __future__ import annotations

import numpy as np

from cxrneighbors.evaluation.labels import encode_labels
from cxrneighbors.evaluation.overlap import labels_for


def test_more_than_64_findings_use_more_words():
    names = [f"f{i:03d}" for i in range(130)]
    labels = encode_labels([[name] for name in names] + [[], names])
    assert labels.masks.shape == (132, 3)
    member = labels.membership()
    assert np.array_equal(member[:130], np.eye(130, dtype=bool))
    assert not member[130].any() and member[131].all()


def test_unlabelled_rows_are_told_from_no_finding():
    labels = encode_labels([["No Finding"], [], ["Mass", "Mass"]])
    assert labels.labelled.tolist() == [True, False, True]
    assert labels_for(labels, "any-disease").labelled.tolist() == [False, False, True]
    assert labels.has("Mass").tolist() == [False, False, True]


def test_disease_labels_without_no_finding_change_nothing():
    labels = encode_labels([["Mass"]])
    assert labels_for(labels, "any-disease") is labels


def test_no_findings_at_all():
    labels = encode_labels([[], []])
    assert labels.membership().shape == (2, 0) and not labels.labelled.any()


def test_take_keeps_order():
    labels = encode_labels([["A"], ["B"], ["C"]])
    assert labels.take(np.array([2, 0])).has("C").tolist() == [True, False]
