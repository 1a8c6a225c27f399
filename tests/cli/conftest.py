"""The command line run in this process, and a folder in which the main job has run once on phantoms."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from cxrneighbors import progress
from cxrneighbors.classifiers.registry import build
from cxrneighbors.cli.main import run


def _call(*arguments: object) -> int:
    with pytest.raises(SystemExit) as stop:
        run([str(argument) for argument in arguments])
    progress.quiet(False)
    return int(stop.value.code or 0)


@pytest.fixture(scope="session")
def call() -> Callable[..., int]:
    """Runs the command line with these arguments; its exit code."""
    return _call


@pytest.fixture
def error_of(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Runs a call that must fail with exit code 2; its one line on standard error."""

    def run_and_read(*arguments: object) -> str:
        capsys.readouterr()
        assert _call(*arguments) == 2
        captured = capsys.readouterr()
        lines = captured.err.strip().splitlines()
        assert captured.out == "" and len(lines) == 1 and lines[0].startswith("error: "), captured
        return lines[0]

    return run_and_read


@pytest.fixture(scope="session")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """studies.parquet, vae, emb, idx and ev of 30 phantom patients: every verb of the main job has run."""
    folder = tmp_path_factory.mktemp("work")
    studies, vae, emb, idx = (folder / name for name in ("studies.parquet", "vae", "emb", "idx"))
    encoders = ("--image-encoder", vae, "--report-encoder", "tfidf")
    steps = [
        ("import", "phantom", folder / "phantom", "--patients", 30, "--image-size", 64, "--out", studies),
        ("train-vae", studies, "--out", vae, "--epochs", 1, "--image-size", 64, "--latent-dim", 12),
        ("encode", studies, "--out", emb, *encoders),
        ("index", emb, "--studies", studies, "--out", idx),
        ("evaluate", idx, "--out", folder / "ev", "--baselines", "random", "--permutations", 99),
    ]
    for step in steps:
        assert _call("-q", *step) == 0, step
    return folder


def content_of(folder: Path) -> dict[str, bytes]:
    """Every file below a folder by its path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="session")
def place(work: Path, call: Callable[..., int], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The main job's folder with a label table, a classifier, an explanation and a file of the user's own."""
    folder = tmp_path_factory.mktemp("outputs") / "work"
    shutil.copytree(work, folder)
    build("small-cnn", labels=["Effusion", "Mass"], image_size=32, width=4).save(folder / "clf")
    assert call("-q", "label-reports", folder / "studies.parquet", "--out", folder / "labels.parquet") == 0
    assert call_explain(call, folder) == 0
    (folder / "notes.txt").write_text("mine")
    return folder


def call_explain(call: Callable[..., int], folder: Path, *more: object) -> int:
    from cxrneighbors.data.tables import read_table

    image_id = read_table(folder / "studies.parquet")["image_id"].iloc[0]
    given = ("explain", folder / "idx", "--classifier", folder / "clf", "--target", "Mass", "-p", 10)
    film = () if "--image-id" in more else ("--image-id", image_id)
    method = () if "--method" in more else ("--method", "lime")
    return call("-q", *given, *film, *method, "--out", folder / "ex", "--segmentation", "slic", *more)
