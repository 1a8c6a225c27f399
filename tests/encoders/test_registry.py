from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cxrneighbors.devices import resolve_device
from cxrneighbors.encoders import registry
from cxrneighbors.encoders.base import ImageEncoder, TextEncoder
from cxrneighbors.encoders.pca import PCAEncoder
from cxrneighbors.encoders.pixels import PixelEncoder
from cxrneighbors.encoders.report_encoder import ReportEncoder
from cxrneighbors.encoders.tfidf import TfidfEncoder
from cxrneighbors.errors import UserError

Films = Callable[..., np.ndarray]


def test_names():
    assert registry.load_image_encoder(None) is None and registry.load_image_encoder("none") is None
    assert registry.load_report_encoder(None) is None and registry.load_report_encoder("none") is None
    assert registry.load_image_encoder("pca").name == "pca"
    assert registry.load_image_encoder("pca-whitened").whiten == 1
    centre = registry.load_image_encoder("pca-centre")
    assert (centre.whiten, centre.crop) == (0.5, 0.75)
    assert registry.load_image_encoder("hog").name == "hog"
    assert isinstance(registry.load_image_encoder("pixels"), ImageEncoder)
    assert isinstance(registry.load_report_encoder("tfidf"), TextEncoder)
    assert registry.load_report_encoder("minilm").name == "minilm"


def test_folders(tmp_path: Path, films: Films):
    PCAEncoder(dim=3, image_size=8).fit(films(9, 8)).save(tmp_path / "pca")
    PixelEncoder(image_size=8).save(tmp_path / "pixels")
    TfidfEncoder().fit(["some words"]).save(tmp_path / "tfidf")
    ReportEncoder("minilm").save(tmp_path / "minilm")
    assert registry.load_image_encoder(tmp_path / "pca").dim == 3
    assert registry.load_image_encoder(str(tmp_path / "pixels")).image_size == 8
    assert registry.load_report_encoder(tmp_path / "tfidf").dim == 2
    assert registry.load_report_encoder(tmp_path / "minilm").model == "minilm"


def test_errors(tmp_path: Path):
    with pytest.raises(UserError, match=r"image encoder 'vgg': no such folder; give a folder.*pca-whitened"):
        registry.load_image_encoder("vgg")
    with pytest.raises(UserError, match=r"config\.json: no such file"):
        registry.load_image_encoder(tmp_path)
    with pytest.raises(UserError, match="no such folder"):
        registry.load_report_encoder(tmp_path / "absent")
    PixelEncoder().save(tmp_path / "pixels")
    with pytest.raises(UserError, match="holds image encoder 'pixels'"):
        registry.load_report_encoder(tmp_path / "pixels")
    TfidfEncoder().fit(["some words"]).save(tmp_path / "tfidf")
    with pytest.raises(UserError, match="holds report encoder 'tfidf'"):
        registry.load_image_encoder(tmp_path / "tfidf")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "cannot be read as JSON"),
        ('{"hidden_size": 5}', "not an encoder of this package"),
        ('{"format": 9, "encoder": "pca", "config": {}}', "format 9"),
        ('{"format": 1, "encoder": "gan", "config": {}}', "unknown encoder kind 'gan'"),
        (
            '{"format": 1, "encoder": "pixels", "config": {"colour": 1}}',
            "unexpected keyword argument 'colour'",
        ),
    ],
)
def test_bad_config(tmp_path: Path, content: str, says: str):
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(UserError, match=says):
        registry.load_encoder_folder(tmp_path)


def test_config_is_plain_json(tmp_path: Path):
    PixelEncoder(image_size=8, aspect="crop").save(tmp_path)
    settings = json.loads((tmp_path / "config.json").read_text())
    assert settings["config"] == {"image_size": 8, "aspect": "crop"} and settings["encoder"] == "pixels"


def test_devices():
    assert resolve_device("cpu") == "cpu" and resolve_device("auto") in ("cpu", "cuda")
    with pytest.raises(UserError, match="device 'gpu7': unknown"):
        resolve_device("gpu7")


def test_cuda_device_where_there_is_none():
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has CUDA")
    with pytest.raises(UserError, match="no CUDA device"):
        resolve_device("cuda")


def test_what_is_no_encoder_of_its_kind():
    for load, given, said in (
        (
            registry.load_image_encoder,
            PCAEncoder,
            r"image encoder: the class PCAEncoder; give an encoder, PCAEncoder\(\)",
        ),
        (registry.load_image_encoder, 3, "image encoder: an int; give an encoder, its name or its folder"),
        (registry.load_image_encoder, TfidfEncoder(), "image encoder 'tfidf': is one of reports; give"),
        (registry.load_report_encoder, PCAEncoder(), "report encoder 'pca': is one of images; give"),
        (registry.load_report_encoder, ["tfidf"], "report encoder: a list; give an encoder"),
    ):
        with pytest.raises(UserError, match=f"^{said}"):
            load(given)
