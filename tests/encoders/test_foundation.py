"""Vectors of published architectures, compared with the model run by hand; no network is needed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from cxrneighbors.data.pixels import read_pixels
from cxrneighbors.encoders.encode import encode
from cxrneighbors.encoders.foundation import FoundationEncoder
from cxrneighbors.encoders.registry import load_encoder_folder, load_image_encoder
from cxrneighbors.encoders.vision_network import load_vision_network
from cxrneighbors.errors import UserError
from cxrneighbors.index.neighbor_index import NeighborIndex

from . import tiny_vision_models as tiny

FILMS = np.random.default_rng(0).random((3, 1, tiny.SIZE, tiny.SIZE)).astype(np.float32)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A saved model of each architecture."""
    return {name: tiny.write(name, tmp_path_factory.mktemp(name)) for name in tiny.NAMES}


def by_hand(name: str, pooling: str, images: torch.Tensor) -> torch.Tensor:
    """What the model itself gives, with the transformers calls that its documentation names."""
    model: Any = tiny.make(name).eval()
    if pooling == "projection":
        if name == "clip-tower":
            return model(pixel_values=images).image_embeds
        found = model.get_image_features(pixel_values=images)
        return getattr(found, "pooler_output", found)
    output = getattr(model, "vision_model", model)(pixel_values=images)
    if pooling == "pooler":
        return output.pooler_output.flatten(1)
    states = output.last_hidden_state
    if pooling == "class":
        return states[:, 0]
    if states.ndim == 4:
        return states.flatten(2).mean(2)
    return (
        states[:, -((tiny.SIZE // (4 if name == "swin" else 8)) ** 2) :].mean(1)
        if name != "swin"
        else states.mean(1)
    )


AUTO = {"vit": "class", "clip": "projection", "clip-tower": "projection", "biomedclip": "projection"}
CASES = [(name, "auto") for name in tiny.NAMES] + [
    (name, "mean") for name in ("dinov3", "siglip", "resnet", "swin")
]


@pytest.mark.parametrize(
    ("name", "pooling"), [*CASES, ("clip", "class"), ("clip", "pooler"), ("dinov2", "class")]
)
def test_vectors_are_those_of_the_model(folders: dict[str, Path], name: str, pooling: str) -> None:
    encoder = FoundationEncoder(str(folders[name]), pooling, normalise=False, device="cpu")
    taken = AUTO.get(name, "pooler") if pooling == "auto" else pooling
    assert encoder.config()["pooling"] == taken
    with torch.inference_mode():
        wanted = by_hand(name, taken, encoder._processor.standardise(torch.from_numpy(FILMS)))
    found = encoder.encode(FILMS)
    np.testing.assert_allclose(found, wanted, atol=2e-5)
    assert encoder.dim == found.shape[1] and found.dtype == np.float32
    assert encoder.encode(FILMS[:0]).shape == (0, encoder.dim)


def test_unit_length_is_the_default(folders: dict[str, Path]) -> None:
    raw = FoundationEncoder(str(folders["vit"]), normalise=False).encode(FILMS)
    unit = FoundationEncoder(str(folders["vit"])).encode(FILMS)
    np.testing.assert_allclose(unit, raw / np.linalg.norm(raw, axis=1, keepdims=True), atol=1e-6)


def test_a_folder_by_name_encodes_films_of_any_shape_and_answers_a_film(
    folders: dict[str, Path], studies: pd.DataFrame, tmp_path: Path
) -> None:
    for name in ("dinov2", "siglip"):
        embeddings = encode(studies, image=str(folders[name]), out=tmp_path / name, device="cpu")
        NeighborIndex.build(embeddings, studies).save(tmp_path / f"{name}-index")
        index = NeighborIndex.load(tmp_path / f"{name}-index")
        path = studies["path"][3]
        assert index.search(image=path, k=1, include_same_patient=True)["neighbor_id"][0] != "i03"
        wide = np.pad(read_pixels(path), ((0, 0), (9, 9)))
        for film in (path, wide):
            assert len(index.search(image=film, k=4, include_same_patient=True)) == 4
        encoder = load_encoder_folder(tmp_path / name / "encoders" / "image")
        again = encoder.encode(encoder.prepare(read_pixels(path))[None])
        row = embeddings.ids["image"].index("i03")
        np.testing.assert_allclose(again[0], embeddings.vectors["image"][row], atol=1e-5)


def test_saved_reference_is_refused_when_a_file_has_changed(folders: dict[str, Path], tmp_path: Path) -> None:
    folder = tiny.write("vit", tmp_path / "vit")
    encoder = load_image_encoder(folder)
    encoder.save(tmp_path / "saved")
    back = load_encoder_folder(tmp_path / "saved")
    assert back.config() == encoder.config() and back.weights_hash() == encoder.weights_hash()
    path = folder / "preprocessor_config.json"
    path.write_text(path.read_text().replace("0.5", "0.4"))
    with pytest.raises(UserError, match=r"its files are not those that .* was saved with"):
        load_encoder_folder(tmp_path / "saved")


def test_what_cannot_be_had_is_said_in_one_line(folders: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"^image encoder 'nobody/nothing': .*neither a folder nor in the local cache"
    ):
        _ = load_image_encoder("nobody/nothing").image_size
    with pytest.raises(UserError, match=r"'rad-dino'.*the hub cannot be reached"):
        _ = load_image_encoder("rad-dino").image_size
    with pytest.raises(UserError, match="no such folder"):
        FoundationEncoder(str(tmp_path / "gone"))
    with pytest.raises(UserError, match="unknown pooling 'max'"):
        FoundationEncoder("dinov2", pooling="max")
    with pytest.raises(UserError, match="choose one of: auto, pooler, mean"):
        FoundationEncoder(str(folders["siglip"]), "class").config()
    with pytest.raises(ValueError, match=r"images must be \(N, 1, 32, 32\)"):
        FoundationEncoder(str(folders["vit"])).encode(FILMS[..., :16])


def test_weights_that_the_files_lack_are_refused(tmp_path: Path) -> None:
    from transformers import BertConfig, BertModel, ViTConfig, ViTForImageClassification

    ViTForImageClassification(ViTConfig(**tiny.VIT)).save_pretrained(tmp_path)
    tiny.processor("vit").save_pretrained(tmp_path)
    assert FoundationEncoder(str(tmp_path)).dim == 16  # 'class' needs no pooler
    with pytest.raises(UserError, match=r"its files lack 2 weights \(pooler\.dense\.bias, \.\.\.\)"):
        FoundationEncoder(str(tmp_path), "pooler").config()
    BertModel(BertConfig(**tiny.TEXT)).save_pretrained(tmp_path / "bert")
    with pytest.raises(UserError, match="BertModel has no image tower"):
        load_vision_network(tmp_path / "bert", "encoder", "auto", 32)
