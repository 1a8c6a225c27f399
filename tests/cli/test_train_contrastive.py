"""The verb `train-contrastive`: an encoder in a folder, trained as was asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cxrneighbors.encoders import ContrastiveEncoder, LungFramed
from cxrneighbors.lungs import LungSegmenter

QUICK = ("--backbone", "small-cnn", "--image-size", 32, "--view-size", 32)


def test_what_it_writes_encodes(work: Path, call: Callable[..., int], tmp_path: Path) -> None:
    out, emb = tmp_path / "encoder", tmp_path / "emb"
    table = work / "studies.parquet"
    assert call("-q", "train-contrastive", table, "--out", out, *QUICK, "--epochs", 1, "--dim", 5) == 0
    encoder = ContrastiveEncoder.load(out)
    assert (encoder.dim, encoder.frame, encoder.backbone) == (5, 0.9, "small-cnn")
    assert call("-q", "encode", table, "--out", emb, "--image-encoder", out, "--report-encoder", "none") == 0


def test_options_reach_the_training(
    work: Path, monkeypatch: pytest.MonkeyPatch, call: Callable[..., int], tmp_path: Path
) -> None:
    given = []
    for cls in (ContrastiveEncoder, LungFramed):
        monkeypatch.setattr(cls, "fit", lambda self, table, **options: given.append((self, table, options)))
    LungSegmenter(image_size=32, device="cpu").save(tmp_path / "lungs")
    start = ("train-contrastive", work / "studies.parquet", "--out", tmp_path / "out", *QUICK)
    assert call(*start, "--positives", "patient", "--seed", 3, "--batch-size", 9) == 0
    assert call(*start, "--all-splits", "--lungs", tmp_path / "lungs") == 0
    (_, own, first), (framed, every, _) = given
    assert (first["positives"], first["seed"], first["batch_size"]) == ("patient", 3, 9)
    assert set(every["split"]) == {"train"} != set(own["split"])
    assert isinstance(framed, LungFramed) and framed.encoder.frame == 1


@pytest.mark.parametrize(
    ("option", "said"),
    [(("--positives", "x"), "film"), (("--backbone", "x"), "small-cnn"), (("--view-size", 8), "32")],
)
def test_mistakes_leave_no_folder(
    option: tuple, said: str, work: Path, tmp_path: Path, error_of: Callable[..., str]
) -> None:
    arguments = ("train-contrastive", work / "studies.parquet", "--out", tmp_path / "out", *QUICK, *option)
    assert said in error_of(*arguments)
    assert not (tmp_path / "out").exists()
