"""How well the classifiers among the encoders of `encoders.py` tell the 14 findings of ChestX-ray14 apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch

from cxrneighbors.classifiers.chexnet import CHESTXRAY14_LABELS
from cxrneighbors.classifiers.scoring import score_multi_label
from cxrneighbors.encoders.base import ImageEncoder
from cxrneighbors.encoders.classifier import ClassifierEncoder
from cxrneighbors.encoders.encode import encode
from cxrneighbors.encoders.side_by_side import SideBySide

CHESTXRAY14 = "chestxray14"  # what its reader calls the data set


def auroc_of_findings(encoder: ImageEncoder, films: pd.DataFrame) -> dict[str, float | None]:
    """AUROC of each of the 14 findings, of the mean probability of the classifiers in `encoder`.

    None for a finding that no film has or that a classifier does not know (too few films taught it); {} where
    `encoder` is not of classifiers of such findings, or the films are not of ChestX-ray14.
    """
    networks = classifiers_in(encoder)
    known = [
        finding
        for finding in CHESTXRAY14_LABELS
        if networks and all(finding in each.classifier.labels for each in networks)
    ]
    if not known or set(films["dataset"]) != {CHESTXRAY14}:
        return {}
    truth = [[finding in findings for finding in known] for findings in films["findings"]]
    likely = np.mean([probabilities(each, films, known) for each in networks], axis=0)
    scores = score_multi_label(torch.from_numpy(likely), torch.tensor(truth), known)
    found: dict[str, float | None] = scores["auroc"]
    return dict.fromkeys(CHESTXRAY14_LABELS) | found


def classifiers_in(encoder: ImageEncoder) -> list[ClassifierEncoder]:
    """The classifiers that `encoder` is made of; none where it is made of anything else too."""
    parts = encoder.encoders if isinstance(encoder, SideBySide) else [encoder]
    found = [part for part in parts if isinstance(part, ClassifierEncoder)]
    return found if len(found) == len(parts) else []


def probabilities(encoder: ClassifierEncoder, films: pd.DataFrame, findings: Sequence[str]) -> np.ndarray:
    """Of the findings: float32 (N, C)."""
    likely = ClassifierEncoder(encoder.classifier, "probabilities", device=encoder.device)
    vectors = encode(films, image=likely, device=encoder.device).vectors["image"]
    columns = [encoder.classifier.labels.index(finding) for finding in findings]
    return vectors[:, columns]
