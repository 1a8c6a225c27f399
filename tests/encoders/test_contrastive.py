"""The contrastive encoder as its users see it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from cxrneighbors.classifiers.starting import starting_model
from cxrneighbors.data.schema import validate_studies
from cxrneighbors.encoders import ContrastiveEncoder, LungFramed
from cxrneighbors.encoders.contrastive import TRAINING
from cxrneighbors.encoders.contrastive_training import ContrastiveTraining
from cxrneighbors.encoders.encode import encode
from cxrneighbors.encoders.registry import load_image_encoder
from cxrneighbors.errors import UserError
from cxrneighbors.index import NeighborIndex
from cxrneighbors.lungs import LungSegmenter

Films = Callable[..., np.ndarray]
SMALL = {"backbone": "small-cnn", "image_size": 32, "view_size": 32, "device": "cpu"}
FIT = {"epochs": 3, "batch_size": 8}


@pytest.fixture(scope="module")
def trained(films: Films, tmp_path_factory: pytest.TempPathFactory) -> tuple[ContrastiveEncoder, Path]:
    out = tmp_path_factory.mktemp("contrastive") / "model"
    return ContrastiveEncoder(**SMALL, dim=4).fit(films(24, 32), out=out, **FIT), out


def families(n: int, each: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Films (N, 1, 32, 32) of n patients and their family, 0 or 1: two bright bars, upright or lying.

    Each film is shifted and exposed at random, under a grating of a direction and fineness of its own.
    """
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:32, 0:32] / 32 - 0.5
    out = np.empty((n * each, 1, 32, 32), np.float32)
    family = np.arange(n * each) // each % 2
    for i, lying in enumerate(family):
        across, along = (x, y)[lying] - rng.uniform(-0.06, 0.06), (y, x)[lying] - rng.uniform(-0.06, 0.06)
        film = np.exp(-(((np.abs(across) - 0.22) / 0.09) ** 2) - (along / 0.3) ** 2)
        angle, waves = rng.uniform(0, np.pi), rng.uniform(20, 60)
        film += 0.75 * np.sin(waves * (x * np.cos(angle) + y * np.sin(angle)) + rng.uniform(0, 6))
        out[i, 0] = np.clip(rng.uniform(0.2, 0.5) * (film + 0.4) + rng.uniform(-0.1, 0.3), 0, 1)
    return out, family


def same_family(vectors: np.ndarray, family: np.ndarray) -> float:
    """Share of the five nearest that are of the same family."""
    distance = np.linalg.norm(vectors[:, None] - vectors[None], axis=-1)
    np.fill_diagonal(distance, np.inf)
    nearest = np.argsort(distance, axis=1)[:, :5]
    return float(np.mean(family[nearest] == family[:, None]))


def test_neighbours_become_those_of_the_same_family(tmp_path: Path) -> None:
    rows = []
    for number, film in enumerate(families(48, 3, seed=0)[0]):
        path = tmp_path / f"{number}.png"
        Image.fromarray((255 * film[0]).astype(np.uint8)).save(path)
        rows.append({"image_id": path.stem, "path": str(path), "patient_id": f"p{number // 3}"})
    table = validate_studies(pd.DataFrame(rows).assign(findings=[[]] * len(rows)))
    films, family = families(40, 2, seed=1)
    encoder = ContrastiveEncoder(**SMALL).fit(table, epochs=0)
    before = same_family(encoder.encode(films), family)
    options = {"epochs": 8, "batch_size": 16, "learning_rate": 1e-3, "momentum": 0.8}
    encoder.fit(table, **options, positives="patient", patient_share=1.0)
    after = same_family(encoder.encode(films), family)
    assert before < 0.75 and after > 0.9, (before, after)


def test_vectors_have_length_one_or_are_principal_components(
    trained: tuple[ContrastiveEncoder, Path], films: Films
) -> None:
    encoder, _ = trained
    plain = ContrastiveEncoder(**SMALL)
    plain.network.backbone.load_state_dict(encoder.network.backbone.state_dict())
    images = films(24, 32)
    vectors, scores = plain.encode(images), encoder.encode(images)
    assert (plain.dim, encoder.dim) == (256, 4) and scores.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    centred = vectors - vectors.mean(0)
    expected = np.linalg.svd(centred, full_matrices=False)[1][:4] ** 2
    np.testing.assert_allclose((scores**2).sum(0), expected, rtol=1e-3)
    assert plain.encode(images[:0]).shape == (0, 256)
    np.testing.assert_allclose(plain.encode(0.4 * images + 0.3), vectors, atol=1e-3)


def test_what_a_training_leaves_behind(trained: tuple[ContrastiveEncoder, Path], films: Films) -> None:
    encoder, out = trained
    assert set(TRAINING.read(out)["files"]) == {"config.json", "model.safetensors", "history.csv"}
    assert len(pd.read_csv(out / "history.csv")) == 3 and not (out / "checkpoints").exists()
    back = load_image_encoder(out, device="cpu")
    assert isinstance(back, ContrastiveEncoder) and back.fitted and back.config() == encoder.config()
    assert back.weights_hash() == encoder.weights_hash()
    images = films(6, 32, seed=2)
    assert np.array_equal(back.encode(images), encoder.encode(images))


class Interruption(Exception):
    pass


def test_interrupted_training_continues_to_the_same_model(
    trained: tuple[ContrastiveEncoder, Path], films: Films, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = ContrastiveTraining.on_train_epoch_start

    def failing(self: ContrastiveTraining) -> None:
        if self.current_epoch == 2:
            raise Interruption
        start(self)

    monkeypatch.setattr(ContrastiveTraining, "on_train_epoch_start", failing)
    with pytest.raises(Interruption):
        ContrastiveEncoder(**SMALL, dim=4).fit(films(24, 32), out=tmp_path, **FIT)
    epochs: list[int] = []

    def noting(self: ContrastiveTraining) -> None:
        epochs.append(self.current_epoch)
        start(self)

    monkeypatch.setattr(ContrastiveTraining, "on_train_epoch_start", noting)
    resumed = ContrastiveEncoder(**SMALL, dim=4).fit(films(24, 32), out=tmp_path, **FIT)
    assert epochs == [2] and resumed.weights_hash() == trained[0].weights_hash()
    again = ContrastiveEncoder(**SMALL, dim=4).fit(films(24, 32), out=tmp_path, **FIT)
    assert epochs == [2] and again.weights_hash() == resumed.weights_hash()


def test_other_settings_films_or_patients_are_refused(
    trained: tuple[ContrastiveEncoder, Path], films: Films, studies: pd.DataFrame
) -> None:
    _, out = trained
    with pytest.raises(UserError, match="made with settings epochs 3, now 4"):
        ContrastiveEncoder(**SMALL, dim=4).fit(films(24, 32), out=out, **{**FIT, "epochs": 4})
    with pytest.raises(UserError, match="model dim 4, now None"):
        ContrastiveEncoder(**SMALL).fit(films(24, 32), out=out, **FIT)
    with pytest.raises(UserError, match="films hash"):
        ContrastiveEncoder(**SMALL, dim=4).fit(films(23, 32), out=out, **FIT)
    encoder = ContrastiveEncoder(**SMALL)
    other = studies.assign(patient_id=studies["patient_id"].replace("p1", "p2"))
    tested = studies.assign(findings=[["Mass"]] * len(studies))
    assert encoder.fit_hash(studies) not in ("", encoder.fit_hash(other))
    assert encoder.fit_hash(studies) == encoder.fit_hash(tested), "labels are never looked at"


def test_seeds_decide_and_no_global_seed_is_touched(films: Films) -> None:
    images, settings = films(16, 32), {"epochs": 1, "batch_size": 8}
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = ContrastiveEncoder(**SMALL).fit(images, **settings)
    assert torch.equal(before, torch.get_rng_state())
    torch.manual_seed(2)
    # A second training of the same encoder starts anew.
    assert first.weights_hash() == first.fit(images, **settings).weights_hash()
    assert first.weights_hash() != first.fit(images, **settings, seed=1).weights_hash()


def test_films_of_a_table_are_trained_on_encoded_and_searched_by(
    studies: pd.DataFrame, tmp_path: Path
) -> None:
    encoder = ContrastiveEncoder(**SMALL)
    embeddings = encode(studies, image=encoder, out=tmp_path / "emb")
    assert encoder.fitted and len(embeddings.ids["image"]) == 21
    patients = ContrastiveEncoder(**SMALL).fit(studies, positives="patient", patient_share=1.0, epochs=2)
    assert np.isfinite(patients.history[-1]["train_loss"])
    index = NeighborIndex.build(embeddings, studies)
    index.save(tmp_path / "idx")
    # A film from outside: the picture of i03, one grey level up.
    pixels = np.asarray(Image.open(studies["path"][3]))
    Image.fromarray(pixels + 1).save(tmp_path / "film.png")
    hits = NeighborIndex.load(tmp_path / "idx").search(image=tmp_path / "film.png", k=1)
    assert hits["neighbor_id"].tolist() == ["i03"] and hits["distance"][0] < 1e-2


def test_it_learns_behind_a_lung_frame(studies: pd.DataFrame, tmp_path: Path) -> None:
    framed = LungFramed(ContrastiveEncoder(**SMALL, frame=1.0), LungSegmenter(image_size=32, device="cpu"))
    framed.fit(studies, out=tmp_path / "framed", epochs=1, batch_size=4)
    back = load_image_encoder(tmp_path / "framed", device="cpu")
    assert isinstance(back, LungFramed) and back.name == "contrastive-lungs"
    assert back.weights_hash() == framed.weights_hash()


def test_a_classifier_starts_from_its_backbone(
    trained: tuple[ContrastiveEncoder, Path], films: Films, studies: pd.DataFrame
) -> None:
    encoder, out = trained
    classifier = starting_model("small-cnn", studies, ["Effusion"], weights=out, image_size=32).eval()
    images = torch.from_numpy(films(3, 32))
    with torch.no_grad():
        torch.testing.assert_close(classifier.features(images), encoder.network.backbone.features(images))


def test_bad_arguments(films: Films, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="unknown backbone 'alexnet'"):
        ContrastiveEncoder(backbone="alexnet")
    for wrong in ({"view_size": 16}, {"frame": 1.2}, {"frame": 0.0}, {"dim": 0}, {"image_size": 0}):
        with pytest.raises(UserError, match="sizes must be at least 1 and 32"):
            ContrastiveEncoder(**{**SMALL, **wrong})
    encoder = ContrastiveEncoder(**SMALL)
    with pytest.raises(UserError, match="no patient has two films"):
        encoder.fit(films(8, 32), out=tmp_path / "out", positives="patient")
    assert not (tmp_path / "out").exists()
    with pytest.raises(ValueError, match=r"\(N, 1, 32, 32\), got"):
        encoder.encode(films(2, 64))
