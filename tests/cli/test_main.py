"""The command line as a user meets it: verbs in order, errors in one line, nothing heavy at start."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from cxrneighbors import progress
from cxrneighbors.cli.main import run
from cxrneighbors.data.tables import read_table, write_table

HEAVY = ("torch", "pandas", "numpy", "transformers", "lightning", "sklearn", "matplotlib", "scipy", "monai")


def call(*arguments: object) -> int:
    """Run the command line in this process; its exit code."""
    with pytest.raises(SystemExit) as stop:
        run([str(argument) for argument in arguments])
    progress.quiet(False)
    return int(stop.value.code or 0)


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which every verb of the main job has run once, on small phantoms."""
    folder = tmp_path_factory.mktemp("work")
    studies = folder / "studies.parquet"
    steps = [
        ("import", "phantom", folder / "phantom", "--patients", 30, "--image-size", 64, "--out", studies),
        ("train-vae", studies, "--out", folder / "vae", "--epochs", 1, "--image-size", 64),
        (
            "encode",
            studies,
            "--out",
            folder / "emb",
            "--image-encoder",
            folder / "vae",
            "--report-encoder",
            "tfidf",
        ),
        ("index", folder / "emb", "--studies", studies, "--out", folder / "idx"),
        ("evaluate", folder / "idx", "--out", folder / "ev", "--baselines", "random", "--permutations", 99),
    ]
    for step in steps:
        assert call("-q", *step) == 0, step
    return folder


def error_of(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """The one line on standard error of a call that must fail with exit code 2."""
    capsys.readouterr()
    assert call(*arguments) == 2
    captured = capsys.readouterr()
    lines = captured.err.strip().splitlines()
    assert captured.out == "" and len(lines) == 1 and lines[0].startswith("error: "), captured
    return lines[0]


def test_start_loads_nothing_heavy() -> None:
    code = f"import sys, cxrneighbors.cli.main; print([m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "verb",
    ["import", "train-vae", "encode", "index", "search", "evaluate", "demo", "train-classifier", "explain"],
)
def test_every_verb_explains_itself(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(verb, "--help") == 0
    assert "Usage: cxrneighbors " + verb in capsys.readouterr().out


def test_main_job_writes_what_the_contract_names(work: Path) -> None:
    for name in (
        "overlap.json",
        "neighbors.parquet",
        "figure4.png",
        "figure5.png",
        "table1.csv",
        "report.html",
    ):
        assert (work / "ev" / name).stat().st_size > 0, name
    assert (work / "vae" / "figure3.png").is_file()
    summary = json.loads((work / "ev" / "overlap.json").read_text())
    assert {"image", "report", "fused", "random"} <= set(summary["methods"])
    row = summary["methods"]["fused"]
    assert len(row["histogram"]) == summary["k"] + 1
    assert sum(row["histogram"]) == pytest.approx(sum(row["random_histogram"]))


def test_search_prints_json(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    image_id = read_table(work / "studies.parquet")["image_id"].iloc[0]
    capsys.readouterr()
    assert call("search", work / "idx", "--image-id", image_id, "-k", 3, "--json") == 0
    hits = json.loads(capsys.readouterr().out)
    assert [hit["rank"] for hit in hits] == [1, 2, 3]
    columns = {"query_id", "rank", "neighbor_id", "distance", "image_distance", "report_distance"}
    assert columns <= set(hits[0])


def test_search_by_file_and_text(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = read_table(work / "studies.parquet")["path"].iloc[0]
    capsys.readouterr()
    arguments = ("--image", path, "--text", "Large right pleural effusion.", "--json")
    assert call("search", work / "idx", *arguments) == 0
    assert len(json.loads(capsys.readouterr().out)) == 5


def test_search_leaves_out_the_patient_that_is_named(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    patient = read_table(work / "studies.parquet")["patient_id"].iloc[0]
    capsys.readouterr()
    arguments = ("search", work / "idx", "--text", "Large right pleural effusion.", "--json", "-k", 15)
    assert call(*arguments, "--patient-id", f"phantom:{patient}") == 0
    assert patient not in {hit["patient_id"] for hit in json.loads(capsys.readouterr().out)}
    assert "no patient of this index" in error_of(capsys, *arguments, "--patient-id", "nobody")


def test_quiet_says_nothing(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call("index", work / "emb", "--studies", work / "studies.parquet", "--out", work / "idx2", "-q")
    assert capsys.readouterr().err == ""
    call("index", work / "emb", "--studies", work / "studies.parquet", "--out", work / "idx2")
    assert "images" in capsys.readouterr().err


def test_missing_root(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = error_of(capsys, "import", "chestxray14", tmp_path / "no", "--out", tmp_path / "s.parquet")
    assert "no such file or folder" in text
    assert not (tmp_path / "s.parquet").exists()


def test_unknown_data_set_lists_the_known(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = error_of(capsys, "import", "nih", tmp_path, "--out", tmp_path / "s.parquet")
    assert "chestxray14" in text and "openi" in text


def test_an_option_of_another_data_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("import", "openi", tmp_path, "--out", tmp_path / "s.parquet", "--csv", "x.csv")
    assert "option of data set openi 'csv'" in error_of(capsys, *arguments)


def test_duplicate_image_id(work: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pd.read_parquet(work / "studies.parquet").assign(image_id="same").to_parquet(tmp_path / "twice.parquet")
    assert "duplicate image_id 'same'" in error_of(
        capsys, "encode", tmp_path / "twice.parquet", "--out", tmp_path / "e"
    )


def test_missing_model(work: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("encode", work / "studies.parquet", "--out", tmp_path / "e", "--report-encoder", "none")
    assert "no-such" in error_of(capsys, *arguments, "--image-encoder", tmp_path / "no-such")


def test_unknown_column_in_a_predicate(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    image_id = read_table(work / "studies.parquet")["image_id"].iloc[0]
    text = error_of(capsys, "search", work / "idx", "--image-id", image_id, "--where", "wiew == 'PA'")
    assert "wiew" in text and "view" in text


def test_k_larger_than_what_passes(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    image_id = read_table(work / "studies.parquet")["image_id"].iloc[0]
    arguments = ("--image-id", image_id, "--where", "view == 'PA'", "-k", 999)
    text = error_of(capsys, "search", work / "idx", *arguments)
    assert "999" in text or "only" in text


def test_embeddings_of_another_encoder(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("--out", work / "emb", "--image-encoder", "pixels", "--report-encoder", "tfidf")
    assert "encoder" in error_of(capsys, "encode", work / "studies.parquet", *arguments)


def test_changed_index_file(work: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import shutil

    shutil.copytree(work / "idx", tmp_path / "idx")
    victim = next(iter(sorted((tmp_path / "idx").rglob("*.npy"))))
    content = bytearray(victim.read_bytes())
    content[-1] ^= 1
    victim.write_bytes(bytes(content))
    text = error_of(capsys, "search", tmp_path / "idx", "--image-id", "x")
    assert victim.name in text and "again" in text


def test_unreadable_images_are_listed_and_the_rest_kept(
    work: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = read_table(work / "studies.parquet")
    broken = tmp_path / "zero.png"
    broken.write_bytes(b"")
    table.loc[0, "path"] = str(broken)
    write_table(table, tmp_path / "s.parquet")
    arguments = ("--out", tmp_path / "e", "--image-encoder", "pixels", "--report-encoder", "none")
    assert call("encode", tmp_path / "s.parquet", *arguments) == 0
    assert "1" in capsys.readouterr().err
    skipped = pd.read_csv(tmp_path / "e" / "skipped.csv")
    assert skipped["item"].tolist() == [table["image_id"].iloc[0]]


def test_no_traceback_without_debug(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("--debug", "search", tmp_path / "no", "--image-id", "x") == 2
    assert "Traceback" in capsys.readouterr().err
    assert "Traceback" not in error_of(capsys, "search", tmp_path / "no", "--image-id", "x")


@pytest.mark.parametrize("weights", ["image", "image=x", "colour=1", "image=-1", "image=0,report=0"])
def test_bad_weights(weights: str, work: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("index", work / "emb", "--studies", work / "studies.parquet", "--out", tmp_path / "i")
    assert weights in error_of(capsys, *arguments, "--weights", weights)
