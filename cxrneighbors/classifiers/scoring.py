"""How good scores are against known findings: AUROC per finding and accuracy, with the counts behind them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor


def score_multi_label(probabilities: Tensor, targets: Tensor, labels: Sequence[str]) -> dict[str, Any]:
    """AUROC of each finding, on its own.

    `probabilities` float (N, C) in [0, 1], `targets` (N, C) in {0, 1}. Returns `n`, `positives` (label:
    count), `auroc` (label: AUROC, None where all or no images are positive: it is undefined there) and
    `mean_auroc` over the defined ones (None if there are none).
    """
    from torchmetrics.functional.classification import binary_auroc

    truth = targets.long()
    positives = truth.sum(0).tolist()
    auroc: dict[str, float | None] = dict.fromkeys(labels)
    for column, label in enumerate(labels):
        if 0 < positives[column] < len(truth):
            auroc[label] = float(binary_auroc(probabilities[:, column].float(), truth[:, column]))
    defined = [value for value in auroc.values() if value is not None]
    mean = sum(defined) / len(defined) if defined else None
    counts = dict(zip(labels, positives, strict=True))
    return {"n": len(truth), "positives": counts, "auroc": auroc, "mean_auroc": mean}


def score_single_label(probabilities: Tensor, targets: Tensor, labels: Sequence[str]) -> dict[str, Any]:
    """Accuracy, and the AUROC of each class against the others.

    `probabilities` float (N, C), `targets` int (N,) in 0..C-1. Returns what `score_multi_label` does, and
    `accuracy` (None without images).
    """
    from torchmetrics.functional.classification import multiclass_accuracy

    one_hot = torch.nn.functional.one_hot(targets.long(), len(labels))
    result = score_multi_label(probabilities, one_hot, labels)
    if not len(targets):
        return {**result, "accuracy": None}
    accuracy = multiclass_accuracy(probabilities, targets.long(), len(labels), average="micro")
    return {**result, "accuracy": float(accuracy)}


def headline(scores: dict[str, Any]) -> tuple[str, float | None]:
    """The one figure that sums up a set of scores: ('accuracy' | 'mean AUROC', value)."""
    if "accuracy" in scores:
        return "accuracy", scores["accuracy"]
    return "mean AUROC", scores["mean_auroc"]
