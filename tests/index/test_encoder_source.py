from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cxrneighbors.encoders.base import NOUN
from cxrneighbors.encoders.image_processor import read_processor
from cxrneighbors.encoders.pixels import PixelEncoder
from cxrneighbors.encoders.store import Embeddings
from cxrneighbors.encoders.vision_network import load_vision_network
from cxrneighbors.errors import UserError
from cxrneighbors.hub import may_fetch, stay_offline
from cxrneighbors.index.encoder_source import EncoderSource
from cxrneighbors.models import save_config


def embeddings_of(encoder: PixelEncoder) -> Embeddings:
    """Embeddings whose manifest says that `encoder` made them."""
    made = Embeddings.from_arrays(["a", "b"], np.eye(2))
    entry = {"encoder": encoder.name, "config": encoder.config(), "weights_hash": encoder.weights_hash()}
    made.manifest["modalities"]["image"] |= entry
    made.encoders["image"] = encoder
    return made


def test_the_encoder_comes_from_the_embeddings_and_then_from_the_folder(tmp_path: Path) -> None:
    encoder = PixelEncoder(16)
    source = EncoderSource(embeddings_of(encoder).manifest, embeddings_of(encoder))
    assert source.get("image").config() == encoder.config()
    source.save(tmp_path / "encoders")
    loaded = EncoderSource(source.manifest, folder=tmp_path / "encoders")
    assert loaded.get("image").config() == encoder.config() and loaded.get("image") is loaded.get("image")
    loaded.save(tmp_path / "copy")
    moved = EncoderSource(source.manifest, embeddings_of(encoder))
    moved.moved_to(tmp_path / "copy")
    assert moved.get("image") is not encoder and moved.get("image").image_size == 16


def test_another_encoder_is_refused(tmp_path: Path) -> None:
    source = EncoderSource(embeddings_of(PixelEncoder(16)).manifest)
    given = PixelEncoder(16)
    source.use("image", given)
    assert source.get("image") is given
    with pytest.raises(UserError, match="image encoder 'pixels': its settings differ from those of 'pixels'"):
        source.use("image", PixelEncoder(8))
    given.name = "other"
    with pytest.raises(UserError, match="'other': its name differ"):
        source.use("image", given)
    assert source.get("image") is given
    PixelEncoder(8).save(tmp_path / "image")  # a folder whose encoder was changed since
    with pytest.raises(UserError, match="settings differ"):
        EncoderSource(source.manifest, folder=tmp_path).get("image")


def test_nothing_to_encode_with(tmp_path: Path) -> None:
    source = EncoderSource(embeddings_of(PixelEncoder()).manifest, folder=tmp_path)
    with pytest.raises(UserError, match="report: the index has no report vectors"):
        source.get("report")
    with pytest.raises(UserError, match="image encoder: none is stored with this index"):
        source.get("image")
    EncoderSource(source.manifest, folder=tmp_path / "none").save(tmp_path / "nothing")
    assert not (tmp_path / "nothing").exists()


def test_a_hub_model_that_the_index_names_is_fetched_only_where_it_is_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sentence_transformers

    asked = []

    def fake(name: str, **options: object) -> None:
        asked.append((name, options["local_files_only"]))
        raise OSError("not here")

    monkeypatch.setattr(sentence_transformers, "SentenceTransformer", fake)
    save_config(tmp_path / "report", NOUN, "report", {"model": "someone/model"}, "hash")
    manifest = {"modalities": {"report": {"encoder": "someone/model"}}}
    with pytest.raises(UserError, match=r"nothing was fetched.*--allow-download"):
        EncoderSource(manifest, folder=tmp_path).get("report")
    with pytest.raises(UserError, match="cannot be loaded"):
        EncoderSource(manifest, folder=tmp_path, fetch=True).get("report")
    assert asked == [("someone/model", True), ("someone/model", False)]


def test_nor_is_a_vision_model(monkeypatch: pytest.MonkeyPatch) -> None:
    import transformers

    asked = []

    def fake(name: str, **options: object) -> object:
        asked.append((name, options["local_files_only"]))
        if len(asked) > 1:
            raise OSError("not here")
        return transformers.ViTConfig()

    monkeypatch.setattr(transformers.AutoConfig, "from_pretrained", fake)
    monkeypatch.setattr(transformers.AutoModel, "from_pretrained", fake)
    with stay_offline(), pytest.raises(OSError):
        load_vision_network("someone/model", "encoder", "cls", 224)
    with stay_offline(), pytest.raises(OSError):
        read_processor("someone/model", "encoder")
    assert asked == 3 * [("someone/model", True)] and may_fetch()
