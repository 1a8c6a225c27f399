from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import jaccard_score

from cxrneighbors.errors import UserError
from cxrneighbors.evaluation.labels import encode_labels
from cxrneighbors.evaluation.overlap import (
    labels_for,
    overlap_function,
    pair_overlap,
)


def masks_of(*sets):
    labels = encode_labels(sets)
    return labels, labels.masks


def test_four_definitions_by_hand():
    labels, _ = masks_of(["A", "B"], ["B", "C"], ["No Finding"], ["No Finding"], ["B", "A"])

    def score(definition, i, j):
        chosen = labels_for(labels, definition).masks
        return float(pair_overlap(chosen[i], chosen[j], definition))

    assert [score("any", 0, 1), score("any", 2, 3), score("any", 0, 2)] == [1, 1, 0]
    assert [score("any-disease", 0, 1), score("any-disease", 2, 3)] == [1, 0]
    assert score("jaccard", 0, 1) == pytest.approx(1 / 3) and score("jaccard", 2, 3) == 1
    assert [score("exact", 0, 1), score("exact", 0, 4), score("exact", 2, 3)] == [0, 1, 1]


@pytest.mark.parametrize("n_names", [5, 90])
def test_definitions_agree_with_python_sets(n_names):
    rng = np.random.default_rng(0)
    sets = [set(np.flatnonzero(rng.random(n_names) < 2 / n_names).tolist()) | {0} for _ in range(30)]
    _, masks = masks_of(*[[f"f{i:02d}" for i in sorted(s)] for s in sets])
    a, b = masks[:, None], masks[None]
    for i in range(30):
        for j in range(30):
            both, either = sets[i] & sets[j], sets[i] | sets[j]
            assert pair_overlap(a, b, "any")[i, j] == bool(both)
            assert pair_overlap(a, b, "exact")[i, j] == (sets[i] == sets[j])
            assert pair_overlap(a, b, "jaccard")[i, j] == pytest.approx(len(both) / len(either))


def test_jaccard_agrees_with_scikit_learn():
    rng = np.random.default_rng(1)
    member = rng.random((40, 6)) < 0.5
    member[:, 0] = True
    _, masks = masks_of(*[[f"f{c}" for c in np.flatnonzero(row)] for row in member])
    ours = pair_overlap(masks[:20], masks[20:], "jaccard")
    assert ours.mean() == pytest.approx(jaccard_score(member[:20], member[20:], average="samples"))


def test_two_empty_sets():
    empty = np.zeros((1, 1), dtype=np.uint64)
    assert pair_overlap(empty, empty, "jaccard")[0] == 1
    assert pair_overlap(empty, empty, "exact")[0] == 1
    assert pair_overlap(empty, empty, "any")[0] == 0


def test_unknown_definition():
    with pytest.raises(UserError, match=r"definition 'some'.*any, any-disease"):
        overlap_function("some")
