"""Files, folders and models by name: what is there and of its kind passes, everything else is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from cxrneighbors.cli.places import check_places
from cxrneighbors.errors import UserError

SPELLED = {name: f"--{name.replace('_', '-')}" for name in ("image_encoder", "report_encoder", "weights")}


@pytest.mark.parametrize("name", ["pca", "pca+hog", "none", "rad-dino", "google/siglip", "torch:net.pt"])
def test_image_encoders_that_can_be(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.pt").write_bytes(b"x")
    check_places("encode", {"image_encoder": name}, SPELLED)


def test_a_classifier_as_encoder_with_and_without_a_layer(tmp_path: Path) -> None:
    folder = tmp_path / "clf"
    folder.mkdir()
    (folder / "config.json").write_text('{"classifier": "chexnet"}')
    for name in (f"classifier:{folder}", f"classifier:{folder}:logits"):
        check_places("encode", {"image_encoder": name}, SPELLED)
    for name, said in (
        (f"classifier:{folder}:top", "no layer 'top'"),
        ("classifier:no", "no: no such folder"),
    ):
        with pytest.raises(UserError, match=said):
            check_places("encode", {"image_encoder": name}, SPELLED)


def test_language_models(tmp_path: Path) -> None:
    for name in ("minilm", "all-MiniLM-L6-v2", "owner/model", "minilm+findings"):
        check_places("encode", {"report_encoder": name}, SPELLED)
    with pytest.raises(UserError, match=r"'minilmm': no such file or folder, and none of: minilm, "):
        check_places("encode", {"report_encoder": "tfidf+minilmm"}, SPELLED)
    (tmp_path / "modules.json").write_text("[]")
    check_places("encode", {"report_encoder": str(tmp_path)}, SPELLED)


def test_starting_weights(tmp_path: Path) -> None:
    for weights in (Path("imagenet"), Path("google/mobilenet_v2_1.0_224"), tmp_path):
        check_places("train-classifier", {"weights": weights}, SPELLED)
    with pytest.raises(UserError, match=r"^--weights 'model\.pth': no such file or folder"):
        check_places("train-classifier", {"weights": Path("model.pth")}, SPELLED)
    check_places("search", {"weights": "image=1"}, SPELLED)


def test_an_older_index_is_left_to_its_reader(tmp_path: Path) -> None:
    (tmp_path / "index.json").write_text("{}")
    check_places("search", {"index": tmp_path}, {"index": "IDX"})


def test_outputs(tmp_path: Path) -> None:
    check_places("train-vae", {"out": tmp_path / "new"}, {})
    (tmp_path / "manifest.json").write_text('{"kind": "VAE training"}')
    check_places("train-vae", {"out": tmp_path}, {})
    with pytest.raises(UserError, match="holds VAE training; give a new or empty folder"):
        check_places("encode", {"out": tmp_path}, {})


def test_reports_in_a_zip_are_labelled_without_a_study_table(tmp_path: Path) -> None:
    (tmp_path / "reports.zip").write_bytes(b"PK")
    check_places("label-reports", {"studies": tmp_path / "reports.zip"}, {"studies": "STUDIES"})
    with pytest.raises(UserError, match="no study table"):
        check_places("encode", {"studies": tmp_path / "reports.zip"}, {"studies": "STUDIES"})
