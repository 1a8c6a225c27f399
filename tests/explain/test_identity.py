from __future__ import annotations

import hashlib

import numpy as np
import torch

from cxrneighbors.explain.identity import index_hash, model_hash


def test_an_index_by_ids_and_vectors_of_what_is_searched(world):
    vectors = np.ascontiguousarray(world.index.vectors["image"])
    digest = hashlib.sha256("\n".join(f"p{number}" for number in range(12)).encode() + vectors.tobytes())
    assert index_hash(world.index) == digest.hexdigest()
    assert index_hash(world.index, "fused") != index_hash(world.index) != index_hash(world.index, "report")


def test_weights_tell_classifiers_apart_and_functions_have_their_name(model):
    from cxrneighbors.classifiers.registry import build

    network = build("small-cnn", labels=["a", "b"], image_size=32, width=4)
    assert model_hash(network) == network.weights_hash() and len(model_hash(network)) == 64
    layers = [torch.nn.Linear(2, 1) for _ in range(2)]
    assert model_hash(layers[0]) == model_hash(layers[0]) != model_hash(layers[1])
    assert model_hash(model) == "function looks_at_lesion"
