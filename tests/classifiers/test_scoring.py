from __future__ import annotations

import numpy as np
import pytest
import torch

from cxrneighbors.classifiers.scoring import headline, score_multi_label, score_single_label


def pairs_won(scores: np.ndarray, truth: np.ndarray) -> float:
    """AUROC by its meaning: how often a positive scores above a negative, ties count half."""
    wins = scores[truth][:, None] - scores[~truth][None]
    return float(((wins > 0) + 0.5 * (wins == 0)).mean())


def test_auroc_per_label_is_the_share_of_pairs_in_order() -> None:
    rng = np.random.default_rng(0)
    scores = rng.random((40, 3)).round(1)
    truth = rng.random((40, 3)) < 0.3
    result = score_multi_label(torch.from_numpy(scores), torch.from_numpy(truth), ["a", "b", "c"])
    expected = [pairs_won(scores[:, c], truth[:, c]) for c in range(3)]
    assert list(result["auroc"].values()) == pytest.approx(expected, abs=1e-6)
    assert result["mean_auroc"] == pytest.approx(np.mean(expected), abs=1e-6)
    assert result["positives"] == dict(zip("abc", truth.sum(0).tolist(), strict=True)) and result["n"] == 40


def test_a_label_without_positives_or_negatives_has_no_auroc() -> None:
    truth = torch.tensor([[0, 1, 1], [0, 1, 0]])
    result = score_multi_label(
        torch.tensor([[0.1, 0.2, 0.9], [0.3, 0.4, 0.5]]), truth, ["none", "all", "one"]
    )
    assert result["auroc"] == {"none": None, "all": None, "one": 1.0}
    assert result["mean_auroc"] == 1.0
    assert score_multi_label(torch.zeros(2, 1), torch.zeros(2, 1), ["a"])["mean_auroc"] is None


def test_accuracy_and_one_against_the_rest() -> None:
    probabilities = torch.tensor([[0.7, 0.2, 0.1], [0.1, 0.5, 0.4], [0.2, 0.5, 0.3], [0.3, 0.3, 0.4]])
    result = score_single_label(probabilities, torch.tensor([0, 1, 2, 2]), ["x", "y", "z"])
    assert result["accuracy"] == 0.75
    assert result["positives"] == {"x": 1, "y": 1, "z": 2}
    assert result["auroc"] == pytest.approx({"x": 1.0, "y": 2.5 / 3, "z": 2.5 / 4}, abs=1e-6)
    assert headline(result) == ("accuracy", 0.75)
