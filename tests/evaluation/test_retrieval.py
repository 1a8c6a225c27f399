from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score
from torchmetrics.functional.retrieval import retrieval_average_precision, retrieval_precision

from cxrneighbors.evaluation.retrieval import average_precision, retrieval_scores


@pytest.fixture
def relevant():
    return np.random.default_rng(0).random((40, 20)) < 0.3


def test_precision_agrees_with_torchmetrics(relevant):
    scores = torch.arange(20, 0, -1).float()
    ours = retrieval_scores(relevant, np.ones((40, 20), bool))
    for k in (1, 3, 5, 10):
        theirs = [float(retrieval_precision(scores, torch.tensor(row), top_k=k)) for row in relevant]
        assert ours[f"p_at_{k}"] == pytest.approx(np.mean(theirs))


def test_average_precision_agrees_with_torchmetrics_and_scikit_learn(relevant):
    scores = torch.arange(20, 0, -1).float()
    theirs = [float(retrieval_average_precision(scores, torch.tensor(row))) for row in relevant]
    np.testing.assert_allclose(average_precision(relevant), theirs, atol=1e-6)
    with_hits = relevant[relevant.any(axis=1)]
    sklearns = [average_precision_score(row, np.arange(20, 0, -1)) for row in with_hits]
    np.testing.assert_allclose(average_precision(with_hits), sklearns)


def test_no_relevant_neighbour_scores_zero():
    assert average_precision(np.zeros((1, 5), bool)).tolist() == [0.0]


def test_missing_neighbours_are_left_out(relevant):
    found = np.ones((40, 20), bool)
    found[:30, 7:] = False
    scores = retrieval_scores(relevant, found)
    assert scores["p_at_10"] == pytest.approx(relevant[30:, :10].mean())
    assert scores["p_at_5"] == pytest.approx(relevant[:, :5].mean())
    cut = relevant.copy()
    cut[:30, 7:] = False
    assert scores["map"] == pytest.approx(average_precision(cut).mean())


def test_depth_below_ten_has_no_p_at_ten(relevant):
    scores = retrieval_scores(relevant[:, :4], np.ones((40, 4), bool))
    assert scores["p_at_10"] is None and scores["p_at_5"] is None and scores["map_depth"] == 4
