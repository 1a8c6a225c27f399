"""Encoders behind a lung frame: what they see, learn, save and refuse."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cxrneighbors.encoders import VAE, LungFramed, PCAEncoder, PixelEncoder
from cxrneighbors.encoders.encode import encode
from cxrneighbors.encoders.lung_framed import framed_table
from cxrneighbors.encoders.registry import load_encoder_folder, load_image_encoder
from cxrneighbors.errors import UserError
from cxrneighbors.index import NeighborIndex
from cxrneighbors.lungs import LungSegmenter, lung_edges, registered
from cxrneighbors.lungs.masks import ellipse

SIZE = 32


class KnownLungs(LungSegmenter):
    """Finds what is bright, whatever the network says."""

    def masks(self, images: np.ndarray) -> np.ndarray:
        bright = images[:, 0] > 0.6
        middle = np.array([np.nonzero(film.any(0))[0].mean() for film in bright])
        columns = np.arange(bright.shape[2])[None, None]
        left = bright & (columns > middle[:, None, None])
        return np.stack([bright & ~left, left], axis=1)


def film(rng: np.random.Generator) -> np.ndarray:
    """A film with two bright lungs of one shape, moved and scaled, on a little noise."""
    pixels = rng.uniform(0, 0.2, (96, 96)).astype(np.float32)
    (right, down), scale = rng.uniform(-0.06, 0.06, 2), rng.uniform(0.85, 1.15)
    for x in (0.29, 0.71):
        centre = 0.5 + right + scale * (x - 0.5)
        pixels[ellipse((96, 96), centre, 0.46 + down, 0.16 * scale, 0.31 * scale)] = 1.0
    return pixels


@pytest.fixture
def studies(tmp_path: Path) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    rows = []
    for number in range(12):
        pixels = film(rng)
        path = tmp_path / f"{number}.png"
        Image.fromarray((pixels * 255).astype(np.uint8)).save(path)
        split = "test" if number > 9 else "train"
        rows.append((f"i{number}", str(path), f"p{number}", f"s{number}", split))
    table = pd.DataFrame(rows, columns=["image_id", "path", "patient_id", "study_id", "split"])
    return table.assign(
        view="PA", position="erect", sex="M", age=50.0, report=None, sections=None, dataset="made",
        findings=[["No Finding"]] * 12,
    )  # fmt: skip


def test_a_film_is_cut_to_its_lungs_as_the_frame_functions_do(studies: pd.DataFrame) -> None:
    import torch

    lungs = KnownLungs(image_size=32)
    pixels = np.asarray(Image.open(studies["path"][0]), np.float32) / 255
    mask = lungs.masks(pixels[None, None])[0]
    edges = torch.from_numpy(lung_edges(mask))[None]
    expected = registered(torch.from_numpy(pixels)[None, None], edges, SIZE)[0].numpy()
    found = LungFramed(PixelEncoder(image_size=SIZE), lungs).prepare(pixels)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_films_that_differ_in_place_and_size_alone_become_alike(studies: pd.DataFrame) -> None:
    framed_vectors = encode(studies, image=LungFramed(PixelEncoder(image_size=SIZE), KnownLungs()))
    plain = encode(studies, image=PixelEncoder(image_size=SIZE))

    def spread(vectors: np.ndarray) -> float:
        return float(vectors.var(0).sum() / np.square(vectors).sum(1).mean())

    assert spread(framed_vectors.vectors["image"]) < 0.3 * spread(plain.vectors["image"])


def test_it_is_fitted_on_frames_of_the_training_films(studies: pd.DataFrame, tmp_path: Path) -> None:
    lungs = KnownLungs()
    encoder = LungFramed(PCAEncoder(dim=4, image_size=SIZE), lungs)
    assert not encoder.fitted
    encoder.fit(studies)
    by_hand = PCAEncoder(dim=4, image_size=SIZE)
    train = studies[studies["split"] == "train"]
    frames = [encoder.prepare(np.asarray(Image.open(path), np.float32) / 255) for path in train["path"]]
    by_hand.fit(np.rint(np.stack(frames) * 255).astype(np.float32) / 255)
    images = np.stack(frames)
    np.testing.assert_allclose(encoder.encode(images), by_hand.encode(images), atol=1e-4)


def test_frames_of_test_films_are_not_made(studies: pd.DataFrame, tmp_path: Path) -> None:
    table = framed_table(studies, KnownLungs(), SIZE, tmp_path / "frames")
    assert len(list((tmp_path / "frames").glob("*.png"))) == len(table) == 10


def test_saved_and_read_back_it_encodes_alike(studies: pd.DataFrame, tmp_path: Path) -> None:
    encoder = LungFramed(PCAEncoder(dim=4, image_size=SIZE), LungSegmenter(image_size=32)).fit(studies)
    encoder.save(tmp_path / "saved")
    again = load_encoder_folder(tmp_path / "saved")
    assert isinstance(again, LungFramed)
    assert again.config() == encoder.config() and again.weights_hash() == encoder.weights_hash()
    frame = encoder.prepare(np.asarray(Image.open(studies["path"][0]), np.float32) / 255)[None]
    np.testing.assert_array_equal(again.encode(frame), encoder.encode(frame))


def test_other_lungs_beside_a_saved_encoder_are_refused(studies: pd.DataFrame, tmp_path: Path) -> None:
    encoder = LungFramed(PCAEncoder(dim=4, image_size=SIZE), LungSegmenter(image_size=32)).fit(studies)
    encoder.save(tmp_path / "saved")
    LungSegmenter(image_size=32, seed=1).save(tmp_path / "saved" / "lungs")
    with pytest.raises(UserError, match="does not fit"):
        load_encoder_folder(tmp_path / "saved")


def test_a_vae_is_trained_in_frames_resumably(studies: pd.DataFrame, tmp_path: Path) -> None:
    lungs = LungSegmenter(image_size=32)

    def trained(out: Path) -> LungFramed:
        vae = VAE(latent_dim=4, image_size=SIZE, width=4, device="cpu")
        return LungFramed(vae, lungs).fit(studies, out=out, epochs=2, batch_size=4)

    first = trained(tmp_path / "vae")
    assert (tmp_path / "vae" / "encoder" / "figure3.png").is_file()
    assert not (tmp_path / "vae" / "frames").exists()
    stamp = (tmp_path / "vae" / "encoder" / "model.safetensors").stat().st_mtime_ns
    assert trained(tmp_path / "vae").weights_hash() == first.weights_hash()
    assert (tmp_path / "vae" / "encoder" / "history.csv").is_file()
    assert stamp <= (tmp_path / "vae" / "encoder" / "model.safetensors").stat().st_mtime_ns
    other = LungFramed(
        VAE(latent_dim=4, image_size=SIZE, width=4, device="cpu"), LungSegmenter(image_size=32, seed=1)
    )
    with pytest.raises(UserError, match="fit hash"):
        other.fit(studies, out=tmp_path / "vae", epochs=2, batch_size=4)


def test_a_film_from_outside_finds_its_place(studies: pd.DataFrame) -> None:
    embeddings = encode(studies, image=LungFramed(PCAEncoder(dim=4, image_size=SIZE), KnownLungs()))
    index = NeighborIndex.build(embeddings, studies)
    hits = index.search(image=studies["path"][3], k=3)
    assert list(hits["neighbor_id"]) == list(index.search("i3", k=3)["neighbor_id"])


def test_encoders_of_whole_films_are_not_put_behind_a_frame(tmp_path: Path) -> None:
    LungSegmenter(image_size=32).save(tmp_path / "lungs")
    assert isinstance(load_image_encoder("pca", lungs=tmp_path / "lungs"), LungFramed)
    with pytest.raises(UserError, match="lung frame"):
        load_image_encoder("none", lungs=tmp_path / "lungs")
    fitted = PCAEncoder(dim=2, image_size=SIZE).fit(np.random.default_rng(0).random((8, 1, SIZE, SIZE)))
    with pytest.raises(UserError, match="leave lungs out"):
        load_image_encoder(fitted, lungs=tmp_path / "lungs")
