"""AUROC of the findings by the classifiers that an encoder is made of."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from cxrneighbors.classifiers.chexnet import CHESTXRAY14_LABELS
from cxrneighbors.classifiers.registry import build
from cxrneighbors.data.imports import read_studies
from cxrneighbors.data.pixels import load_images
from cxrneighbors.encoders.classifier import ClassifierEncoder
from cxrneighbors.encoders.pixels import PixelEncoder
from cxrneighbors.encoders.side_by_side import SideBySide
from encoder_auroc import auroc_of_findings


@pytest.fixture
def films(data_sets):
    return read_studies("chestxray14", data_sets / "chestxray14-256")


def network(seed: int):
    return build("small-cnn", labels=("No Finding", *CHESTXRAY14_LABELS), seed=seed, image_size=32)


def test_of_two_networks_side_by_side_it_is_that_of_their_mean_probability(films):
    parts = [
        ClassifierEncoder(network(seed), layer, device="cpu")
        for seed, layer in ((0, "features"), (1, "logits"))
    ]
    found = auroc_of_findings(SideBySide(parts), films)
    assert list(found) == list(CHESTXRAY14_LABELS) and found["Hernia"] is None
    images, _ = load_images(films["path"].tolist(), 32)
    likely = np.mean(
        [ClassifierEncoder(part.classifier, "probabilities", device="cpu").encode(images) for part in parts],
        axis=0,
    )
    truth = ["Nodule" in findings for findings in films["findings"]]
    column = parts[0].classifier.labels.index("Nodule")
    assert found["Nodule"] == pytest.approx(roc_auc_score(truth, likely[:, column]), abs=1e-6)


def test_what_holds_anything_else_has_none(films):
    classifier = ClassifierEncoder(network(0), device="cpu")
    assert auroc_of_findings(SideBySide([classifier, PixelEncoder()]), films) == {}
    assert auroc_of_findings(PixelEncoder(), films) == {}
    assert auroc_of_findings(classifier, films.assign(dataset="other")) == {}
    other = build("small-cnn", labels=("Tuberculosis",), image_size=32)
    assert auroc_of_findings(ClassifierEncoder(other, device="cpu"), films) == {}


def test_a_finding_that_a_classifier_does_not_know_has_none(films):
    knows_one = build("small-cnn", labels=("Nodule",), image_size=32, seed=1)
    found = auroc_of_findings(ClassifierEncoder(knows_one, device="cpu"), films)
    assert list(found) == list(CHESTXRAY14_LABELS)
    assert [name for name, value in found.items() if value is not None] == ["Nodule"]
