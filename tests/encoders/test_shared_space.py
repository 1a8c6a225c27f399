"""Two heads that bring a film to its own report: the loss by hand, what is learned, on whom, and stored."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.special import log_softmax

from cxrneighbors.data.schema import validate_studies
from cxrneighbors.encoders.base import is_image_encoder
from cxrneighbors.encoders.encode import encode
from cxrneighbors.encoders.projected import Head, ProjectedImageEncoder, ProjectedReportEncoder
from cxrneighbors.encoders.registry import load_encoder_folder
from cxrneighbors.encoders.shared_space import TEMPERATURE, project, share_space, study_contrastive_loss
from cxrneighbors.encoders.store import Embeddings
from cxrneighbors.errors import UserError
from cxrneighbors.index.neighbor_index import NeighborIndex


def made(n: int = 300, seed: int = 0) -> tuple[Embeddings, pd.DataFrame]:
    """Films and reports that show the same four hidden values, each in dimensions of its own, with noise."""
    rng = np.random.default_rng(seed)
    hidden = rng.standard_normal((n // 2, 4)).repeat(2, axis=0)  # two films a study
    films = hidden @ rng.standard_normal((4, 12)) + 0.3 * rng.standard_normal((n, 12)) + 5
    texts = hidden @ rng.standard_normal((4, 9)) * 3
    ids = [f"i{row}" for row in range(n)]
    studies = pd.DataFrame({"image_id": ids, "patient_id": [f"p{row // 2}" for row in range(n)]})
    studies = studies.assign(findings=[[]] * n, study_id=studies["patient_id"])
    splits = rng.choice(["train", "val", "test"], n // 2, p=[0.6, 0.2, 0.2]).repeat(2)
    return Embeddings.from_arrays(ids, films, texts), validate_studies(studies.assign(split=splits))


def test_the_loss_by_hand() -> None:
    rng = np.random.default_rng(1)
    first, second = (side / np.linalg.norm(side, axis=1)[:, None] for side in rng.standard_normal((2, 4, 3)))
    logits = first @ second.T / TEMPERATURE
    there, back = log_softmax(logits, axis=1), log_softmax(logits.T, axis=1)
    expected = 0.0
    for row, right in enumerate([[0, 2], [1], [0, 2], [3]]):  # films 0 and 2 are of one study
        expected -= (there[row, right].mean() + back[row, right].mean()) / 8
    found = study_contrastive_loss(
        torch.tensor(2 * first), torch.tensor(3 * second), torch.tensor([7, 1, 7, 0])
    )
    assert float(found) == pytest.approx(expected)


def test_a_film_finds_the_report_of_its_study() -> None:
    embeddings, studies = made()
    shared = share_space(embeddings, studies, dim=8)
    films, texts = shared.vectors["image"], shared.vectors["report"]
    np.testing.assert_allclose(np.linalg.norm(films, axis=1), 1, rtol=1e-5)
    unseen = (studies["split"] == "test").to_numpy()
    nearest = (films[unseen] @ texts[unseen].T).argmax(axis=1)
    assert (nearest // 2 == np.arange(unseen.sum()) // 2).mean() > 0.5


def test_only_train_and_val_have_a_say() -> None:
    embeddings, studies = made(200)
    test = (studies["split"] == "test").to_numpy()
    first = share_space(embeddings, studies)
    embeddings.vectors["report"] = embeddings.vectors["report"].copy()
    embeddings.vectors["report"][test] = 7.0
    again = share_space(embeddings, studies)
    np.testing.assert_array_equal(again.vectors["image"], first.vectors["image"])
    assert again.manifest["shared_space"] == first.manifest["shared_space"]
    assert share_space(embeddings, studies, seed=1).manifest["shared_space"] != first.manifest["shared_space"]


def test_searches_across_in_an_index() -> None:
    embeddings, studies = made()
    index = NeighborIndex.build(share_space(embeddings, studies, dim=8), studies, backend="exact")
    hits = index.search("i0", k=3, modality="image-to-report", include_same_patient=True)
    distance = np.linalg.norm(index.vectors["report"] - index.vectors["image"][0], axis=1)
    distance[0] = np.inf
    expected = index.studies["image_id"].to_numpy()[np.argsort(distance)[:3]]
    assert hits["neighbor_id"].tolist() == expected.tolist() and hits["image_distance"].isna().all()
    assert "i1" not in index.search("i0", k=3, modality="report-to-image")["neighbor_id"].tolist()
    plain = NeighborIndex.build(embeddings, studies, backend="exact")
    with pytest.raises(UserError, match="share no space; index --shared-space"):
        plain.search("i0", modality="image-to-report")


def test_encoders_are_stored_and_encode_queries_alike(archive_like: pd.DataFrame, tmp_path: Path) -> None:
    embeddings = encode(archive_like, image="pixels", report="tfidf")
    shared = share_space(embeddings, archive_like, dim=4)
    index = NeighborIndex.build(shared, archive_like, backend="exact")
    index.save(tmp_path / "idx")
    again = NeighborIndex.load(tmp_path / "idx")
    kinds = ("image", ProjectedImageEncoder), ("report", ProjectedReportEncoder)
    for modality, kind in kinds:
        encoder = load_encoder_folder(tmp_path / "idx" / "encoders" / modality)
        assert isinstance(encoder, kind) and encoder.dim == 4
        assert is_image_encoder(encoder) == (modality == "image")
        assert encoder.weights_hash() == shared.encoders[modality].weights_hash()
    film, text = archive_like["path"][3], archive_like["report"][3]
    hits = again.search(image=film, k=2, modality="image-to-report")
    assert (
        hits["neighbor_id"].tolist()
        == index.search("f3", k=2, modality="image-to-report")["neighbor_id"].tolist()
    )
    by_text = again.search(text=text, k=1, include_same_patient=True)
    assert by_text["distance"].iloc[0] == pytest.approx(0, abs=1e-4)
    (tmp_path / "idx/encoders/image/base/config.json").unlink()
    with pytest.raises(UserError, match=r"config\.json"):
        load_encoder_folder(tmp_path / "idx" / "encoders" / "image")


@pytest.fixture
def archive_like(tmp_path: Path) -> pd.DataFrame:
    """30 small films on disk with reports."""
    from PIL import Image

    rng, rows = np.random.default_rng(0), []
    for row in range(30):
        path = tmp_path / f"{row}.png"
        Image.fromarray(rng.integers(0, 255, (32, 32), dtype=np.uint8)).save(path)
        words = " ".join(rng.choice(["left", "right", "effusion", "nodule", "clear", "heart", "large"], 4))
        rows.append({"image_id": f"f{row}", "patient_id": f"p{row}", "path": str(path), "report": words})
    return validate_studies(pd.DataFrame(rows).assign(findings=[[]] * 30))


def test_mistakes_and_heads() -> None:
    embeddings, studies = made(30)
    with pytest.raises(UserError, match="2 films with image and report to learn from, 20 are needed"):
        share_space(embeddings, studies.assign(split=["train"] * 2 + ["test"] * 28))
    head = Head(np.ones(3, np.float32), np.array([[2.0], [0.0], [0.0]], np.float32))
    np.testing.assert_allclose(head(np.array([[3.0, 9, 9], [-4, 0, 0], [1, 1, 1]])), [[1], [-1], [0]])
    other = Head(np.zeros(9, np.float32), np.ones((9, 1), np.float32))
    moved = project(embeddings, Head(np.zeros(12, np.float32), np.ones((12, 1), np.float32)), other)
    assert moved.manifest["modalities"]["image"]["dim"] == 1 and "shared_space" not in embeddings.manifest
