"""Halves of the reports, and how answers compare with codes: for the scripts about the report labeler."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from cxrneighbors.reports.labeler.spans import read_spans


def has_text(report: str | None) -> bool:
    """Whether the report has a word in the parts that describe the image."""
    return isinstance(report, str) and any(report[start:end].strip() for start, end in read_spans(report))


def in_development(study_id: str) -> bool:
    """The half of the reports on which the rules were written: an even SHA-256 of the id."""
    return hashlib.sha256(study_id.encode()).digest()[-1] % 2 == 0


def scores(
    truth: dict[str, np.ndarray], predicted: dict[str, np.ndarray], rows: np.ndarray
) -> dict[str, Any]:
    """Counts, precision, recall and F1 per class over the chosen rows, and pooled ('micro')."""
    pairs = {name: (truth[name][rows], predicted[name][rows]) for name in truth}
    findings = [pair for name, pair in pairs.items() if name != "normal"]
    found = {"micro": ratios(*pairs.values()), "micro without normal": ratios(*findings)}
    found |= {name: ratios(pair) for name, pair in pairs.items()}
    swapped = tuple(~values for values in pairs["normal"])
    return {"n": int(rows.sum()), **found, "abnormal (not in micro)": ratios(swapped)}


def ratios(*pairs: tuple[np.ndarray, ...]) -> dict[str, float]:
    """Of (truth, predicted), each bool (N,), pooled: counts, precision, recall, F1."""
    truth, predicted = (np.concatenate(values) for values in zip(*pairs, strict=True))
    hits, false = int((truth & predicted).sum()), int((~truth & predicted).sum())
    missed = int((truth & ~predicted).sum())
    precision, recall = hits / max(hits + false, 1), hits / max(hits + missed, 1)
    f1 = 2 * hits / max(2 * hits + false + missed, 1)
    return {"true_positive": hits, "false_positive": false, "false_negative": missed,
            "precision": round(precision, 4), "recall": round(recall, 4), "f1": round(f1, 4)}  # fmt: skip
