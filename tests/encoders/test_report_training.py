from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import typer
from typer.testing import CliRunner

from cxrneighbors.cli import train_report_encoder as verb
from cxrneighbors.data.schema import validate_studies
from cxrneighbors.data.tables import write_table
from cxrneighbors.encoders import report_training
from cxrneighbors.encoders.encode import encode
from cxrneighbors.encoders.registry import load_report_encoder
from cxrneighbors.encoders.report_encoder import ReportEncoder
from cxrneighbors.encoders.report_losses import TSDAE
from cxrneighbors.encoders.report_training import (
    TRAINING,
    ReportTraining,
    learning_rate_at,
    train_report_encoder,
)
from cxrneighbors.errors import UserError

SIDES = ("left", "right", "basilar", "apical")
THINGS = ("effusion", "mass", "edema", "fracture", "nodule", "tube")
WORDS = [*SIDES, *THINGS, "there", "is", "a", "seen", "on", "the", "side", ".", "no", "other", "finding"]
LIMIT = 24


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random BERT of 2 layers and 16 dimensions: no pooling of its own."""
    from transformers import BertConfig, BertModel, BertTokenizer

    folder = tmp_path_factory.mktemp("models") / "tiny"
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
    folder.mkdir()
    (folder / "vocab.txt").write_text("\n".join(vocabulary))
    tokenizer = BertTokenizer.from_pretrained(str(folder), model_max_length=LIMIT)
    config = BertConfig(
        vocab_size=len(vocabulary), hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=32, max_position_embeddings=LIMIT,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(0)
        BertModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def studies() -> pd.DataFrame:
    """24 reports of another side and thing each, half of them for training."""
    rows = []
    for i, (side, thing) in enumerate((side, thing) for side in SIDES for thing in THINGS):
        findings, impression = f"there is a {thing} seen on the {side} side .", f"{side} {thing} ."
        rows.append(
            {
                "image_id": f"i{i:02d}", "patient_id": f"p{i}", "findings": [thing],
                "report": f"FINDINGS: {findings} IMPRESSION: {impression}",
                "sections": {"findings": findings, "impression": impression},
                "split": "train" if i % 2 else "test",
            }
        )  # fmt: skip
    return validate_studies(pd.DataFrame(rows))


def train(studies: pd.DataFrame, base: Path, out: Path, **options: Any) -> ReportEncoder:
    settings = {"epochs": 2, "batch_size": 6, "learning_rate": 1e-3, "device": "cpu", **options}
    return train_report_encoder(studies, str(base), out, **settings)


def mean_rank(encoder: ReportEncoder, studies: pd.DataFrame) -> float:
    """Mean place (0 is first) of a report's impression among all, seen from its findings."""
    parts = [
        encoder.encode([sections[name] for sections in studies["sections"]])
        for name in ("findings", "impression")
    ]
    a, b = (part / np.linalg.norm(part, axis=1, keepdims=True) for part in parts)
    scores = a @ b.T
    return float((scores > scores.diagonal()[:, None]).sum(1).mean())


def test_findings_come_to_lie_near_their_impression(studies: pd.DataFrame, base: Path, tmp_path: Path):
    before = mean_rank(ReportEncoder(str(base), device="cpu"), studies[studies["split"] == "train"])
    after = train(studies, base, tmp_path / "m", epochs=25, learning_rate=3e-3)
    assert mean_rank(after, studies[studies["split"] == "train"]) < 0.4 * before
    history = pd.read_csv(tmp_path / "m" / "history.csv")
    assert history["epoch"].tolist() == list(range(1, 26))
    assert history["train_loss"].iloc[-1] < 0.5 * history["train_loss"].iloc[0]


@pytest.mark.parametrize("objective", ["simcse", "tsdae", "statements"])
def test_the_other_objectives_learn(studies: pd.DataFrame, base: Path, tmp_path: Path, objective: str):
    encoder = train(studies, base, tmp_path / "m", objective=objective, epochs=6)
    losses = pd.read_csv(tmp_path / "m" / "history.csv")["train_loss"]
    assert losses.iloc[-1] < losses.iloc[0]
    assert encoder.weights_hash() != ReportEncoder(str(base)).weights_hash()


def test_tsdae_damages_the_first_text_anew_each_epoch(
    studies: pd.DataFrame, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    seen: list[list[tuple[str, str]]] = []
    step = TSDAE.forward
    monkeypatch.setattr(TSDAE, "forward", lambda self, pairs: seen.append(pairs) or step(self, pairs))
    train(studies, base, tmp_path / "m", objective="tsdae", batch_size=99)
    one, two = (dict(reversed(pair) for pair in pairs) for pairs in seen)
    assert set(one) == set(two) and one != two
    assert all(set(damaged.split()) < set(text.split()) for text, damaged in one.items())


def test_the_folder_is_a_model_that_encode_takes(studies: pd.DataFrame, base: Path, tmp_path: Path):
    from sentence_transformers import SentenceTransformer

    trained = train(studies, base, tmp_path / "m")
    assert (
        not (tmp_path / "m" / "checkpoints").exists()
        and "modules.json" in TRAINING.read(tmp_path / "m")["files"]
    )
    assert all(path.stat().st_mode & 0o044 for path in (tmp_path / "m").rglob("*"))
    loaded = load_report_encoder(str(tmp_path / "m"), "cpu")
    texts = ["left effusion .", "there is a mass"]
    np.testing.assert_array_equal(loaded.encode(texts), trained.encode(texts))
    plain = SentenceTransformer(str(tmp_path / "m"), device="cpu")
    np.testing.assert_allclose(plain.encode(texts), trained.encode(texts), atol=1e-5)
    assert plain.max_seq_length == LIMIT  # the base's own, not that of the training
    embeddings = encode(studies, report=str(tmp_path / "m"), out=tmp_path / "e", device="cpu")
    assert embeddings.vectors["report"].shape == (24, 16)
    assert embeddings.manifest["modalities"]["report"]["weights_hash"] == trained.weights_hash()


def test_rows_left_out_of_training_have_no_say(studies: pd.DataFrame, base: Path, tmp_path: Path):
    first = train(studies, base, tmp_path / "a", epochs=1)
    only = studies[studies["split"] == "train"]
    second = train(only, base, tmp_path / "b", epochs=1)
    assert first.weights_hash() == second.weights_hash()


def test_labels_have_no_say(studies: pd.DataFrame, base: Path, tmp_path: Path):
    first = train(studies, base, tmp_path / "a", epochs=1)
    second = train(studies.assign(findings=[[]] * len(studies)), base, tmp_path / "b", epochs=1)
    assert first.weights_hash() == second.weights_hash()


def test_the_seed_decides_and_the_global_generator_does_not(
    studies: pd.DataFrame, base: Path, tmp_path: Path
):
    hashes = []
    for i, (seed, stray) in enumerate([(0, 1), (0, 2), (1, 1)]):
        torch.manual_seed(stray)
        state = torch.random.get_rng_state()
        hashes.append(train(studies, base, tmp_path / str(i), epochs=1, seed=seed).weights_hash())
        assert torch.equal(torch.random.get_rng_state(), state)
    assert hashes[0] == hashes[1] != hashes[2]


@pytest.mark.parametrize("objective", ["sections", "tsdae"])
def test_an_interrupted_training_ends_with_the_same_weights(
    studies: pd.DataFrame, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, objective: str
):
    whole = train(studies, base, tmp_path / "whole", objective=objective, epochs=3)
    step = ReportTraining.training_step
    calls = []

    def fails(self: ReportTraining, batch: Any, index: int) -> torch.Tensor:
        calls.append(1)
        if len(calls) == 4:  # in the second epoch of two batches
            raise KeyboardInterrupt
        return step(self, batch, index)

    monkeypatch.setattr(ReportTraining, "training_step", fails)
    with pytest.raises(KeyboardInterrupt):
        train(studies, base, tmp_path / "cut", objective=objective, epochs=3)
    assert (tmp_path / "cut" / "checkpoints" / "epoch-00001.ckpt").exists()
    resumed = train(studies, base, tmp_path / "cut", objective=objective, epochs=3)
    assert len(calls) == 4 + 4  # epochs 2 and 3 again, not 1
    assert resumed.weights_hash() == whole.weights_hash()
    texts = ["left effusion .", "no other finding"]
    np.testing.assert_array_equal(resumed.encode(texts), whole.encode(texts))


def test_a_training_that_only_had_to_be_saved_ends_with_the_same_files(
    studies: pd.DataFrame, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    train(studies, base, tmp_path / "whole", epochs=1)
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(report_training, "_save", lambda *arguments: (_ for _ in ()).throw(KeyboardInterrupt))
        train(studies, base, tmp_path / "cut", epochs=1)
    train(studies, base, tmp_path / "cut", epochs=1)
    paths = [path.relative_to(tmp_path / "whole") for path in (tmp_path / "whole").rglob("*.json")]
    same = [path for path in paths if path.name != "manifest.json"]
    assert Path("tokenizer.json") in same
    for path in same:
        assert (tmp_path / "cut" / path).read_bytes() == (tmp_path / "whole" / path).read_bytes(), path


def test_checkpoints_of_a_run_killed_at_its_very_end_go(studies: pd.DataFrame, base: Path, tmp_path: Path):
    train(studies, base, tmp_path, epochs=1)
    (tmp_path / "checkpoints").mkdir()
    train(studies, base, tmp_path, epochs=1)
    assert not (tmp_path / "checkpoints").exists()


def test_a_broken_checkpoint_gives_way_to_the_older_one(
    studies: pd.DataFrame, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    whole = train(studies, base, tmp_path / "whole", epochs=3)
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(report_training, "_save", lambda *arguments: (_ for _ in ()).throw(KeyboardInterrupt))
        train(studies, base, tmp_path / "cut", epochs=3)
    path = tmp_path / "cut" / "checkpoints" / "epoch-00003.ckpt"
    path.write_bytes(path.read_bytes()[:500])
    step, epochs = ReportTraining.training_step, []

    def noting(self: ReportTraining, batch: Any, index: int) -> torch.Tensor:
        epochs.append(self.current_epoch)
        return step(self, batch, index)

    monkeypatch.setattr(ReportTraining, "training_step", noting)
    assert train(studies, base, tmp_path / "cut", epochs=3).weights_hash() == whole.weights_hash()
    assert set(epochs) == {2}


def test_a_finished_training_is_read_back(
    studies: pd.DataFrame, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    first = train(studies, base, tmp_path / "m", epochs=1)
    monkeypatch.setattr(report_training, "fit", lambda *arguments: pytest.fail("trained again"))
    assert train(studies, base, tmp_path / "m", epochs=1).weights_hash() == first.weights_hash()
    with pytest.raises(
        UserError, match="report encoder training made with settings epochs 1, now 2; give another folder"
    ):
        train(studies, base, tmp_path / "m", epochs=2)


def test_an_adapted_model_can_be_a_base(studies: pd.DataFrame, base: Path, tmp_path: Path):
    train(studies, base, tmp_path / "one", epochs=1)
    second = train(studies, tmp_path / "one", tmp_path / "two", epochs=1, objective="simcse")
    assert TRAINING.read(tmp_path / "two")["base"] == "one"
    assert second.dim == 16


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": 0}, "epochs 0: must be at least 1"),
        ({"batch_size": 1}, "batch size 1: must be at least 2"),
        ({"max_tokens": 3}, "max tokens 3: must be at least 8"),
        ({"learning_rate": 0.0}, "learning rate 0.0: must be above 0"),
        ({"learning_rate": -1.0}, "learning rate -1.0: must be above 0"),
        ({"objective": "mlm"}, "unknown objective 'mlm'"),
        ({"device": "tpu"}, "device 'tpu'"),
    ],
)
def test_settings_out_of_range(
    studies: pd.DataFrame, base: Path, tmp_path: Path, options: dict[str, Any], message: str
):
    with pytest.raises(UserError) as caught:
        train(studies, base, tmp_path / "m", **options)
    assert message in str(caught.value) and not (tmp_path / "m").exists()


def test_a_folder_of_something_else_is_left_alone(studies: pd.DataFrame, base: Path, tmp_path: Path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match="holds other files, not report encoder training"):
        train(studies, base, tmp_path)
    assert (tmp_path / "notes.txt").read_text() == "mine"
    with pytest.raises(UserError, match="no such folder"):
        train(studies, tmp_path / "none", tmp_path / "m")


def test_a_diverging_training_says_so(studies: pd.DataFrame, base: Path, tmp_path: Path):
    broken = tmp_path / "broken"
    shutil.copytree(base, broken)
    from safetensors.torch import load_file, save_file

    tensors = load_file(broken / "model.safetensors")
    tensors["embeddings.word_embeddings.weight"][:] = float("nan")
    save_file(tensors, broken / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UserError, match="training diverged in epoch 1"):
        train(studies, broken, tmp_path / "m", objective="simcse")


def test_learning_rate_rises_and_falls():
    rates = [learning_rate_at(step, 50, 2.0) for step in range(50)]
    assert rates.index(max(rates)) in (4, 5) and max(rates) == 2.0
    assert rates[0] == pytest.approx(0.4) and rates[-1] == pytest.approx(2.0 / 45)
    assert learning_rate_at(0, 1, 1.0) == 1.0


def test_command_line(studies: pd.DataFrame, base: Path, tmp_path: Path):
    app = typer.Typer()
    app.command()(verb.command)
    write_table(studies, tmp_path / "studies.parquet")
    arguments = ["--base", str(base), "--out", str(tmp_path / "m"), "--epochs", "1", "--batch-size", "6"]
    arguments += ["--lr", "1e-3", "--device", "cpu"]
    result = CliRunner().invoke(app, [str(tmp_path / "studies.parquet"), *arguments])
    assert result.exit_code == 0, result.output
    same = train(studies, base, tmp_path / "python", epochs=1)
    assert load_report_encoder(str(tmp_path / "m"), "cpu").weights_hash() == same.weights_hash()
    wider = CliRunner().invoke(
        app,
        [
            str(tmp_path / "studies.parquet"),
            "--all-splits",
            *arguments[:3],
            str(tmp_path / "all"),
            *arguments[4:],
        ],
    )
    assert wider.exit_code == 0, wider.output
    hashes = {TRAINING.read(tmp_path / name)["reports_hash"] for name in ("all", "m")}
    assert len(hashes) == 2
