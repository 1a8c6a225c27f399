from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from cxrneighbors.errors import UserError
from cxrneighbors.lungs.masks import believable, dice, usual_lungs
from cxrneighbors.lungs.rule import find_lungs
from cxrneighbors.lungs.segmenter import LungSegmenter

from .conftest import phantom


@pytest.fixture(scope="module")
def films() -> tuple[np.ndarray, np.ndarray]:
    """Twelve phantoms that no training saw: float32 (12, 1, 128, 128) and lungs bool (12, 2, 128, 128)."""
    pixels, lungs = zip(*(phantom(number) for number in range(100, 112)), strict=True)
    return np.stack(pixels)[:, None].astype(np.float32) / 255, np.stack(lungs)


def test_it_finds_lungs_that_it_has_not_seen(segmenter, films):
    images, lungs = films
    found = segmenter.find(images)
    assert found.masks.shape == lungs.shape and found.masks.dtype == bool
    assert dice(found.masks, lungs).mean() > 0.85
    assert (found.sources == "network").mean() > 0.8
    assert found.summary().startswith("lungs of 12 films by network 1")
    for lung in segmenter.network_masks(images).reshape(-1, 128, 128):
        assert ndimage.label(lung)[1] <= 1 and (ndimage.binary_fill_holes(lung) == lung).all()
    assert not found.masks.all(axis=1).any()


def test_batches_and_oblong_films(segmenter, films):
    images, _ = films
    assert (segmenter.find(images, batch_size=5).masks == segmenter.masks(images)).all()
    assert (segmenter.find_lungs(images[0, 0]) == segmenter.masks(images[:1])[0]).all()
    padded = np.pad(images, ((0, 0), (0, 0), (0, 0), (10, 10)))
    cut = segmenter.masks(images[:, :, 10:-10])
    assert cut.shape == (12, 2, 108, 128)
    assert dice(segmenter.masks(padded)[..., 10:-10], segmenter.masks(images)).mean() > 0.8


@pytest.mark.parametrize("shape", [(1, 128, 128), (2, 3, 64, 64)])
def test_wrong_shapes(segmenter, shape):
    with pytest.raises(ValueError, match=r"\(N, 1, H, W\)"):
        segmenter.masks(np.zeros(shape, np.float32))


def test_no_films(segmenter):
    assert segmenter.masks(np.zeros((0, 1, 40, 40), np.float32)).shape == (0, 2, 40, 40)
    assert segmenter.network_masks(np.zeros((0, 1, 40, 40), np.float32)).shape == (0, 2, 40, 40)


class Says(torch.nn.Module):
    """A network with one answer for all films: logits 9 where bool (2, S, S) is true, else -9."""

    def __init__(self, lungs: np.ndarray) -> None:
        super().__init__()
        self.logits = torch.from_numpy(np.where(lungs, 9.0, -9.0).astype(np.float32))

    def forward(self, films):
        return self.logits.expand(len(films), -1, -1, -1)


def answering(lungs: np.ndarray) -> LungSegmenter:
    segmenter = LungSegmenter(32, 1, device="cpu")
    segmenter.network = Says(lungs)
    return segmenter


def test_what_stands_in_where_the_network_fails(films):
    images, _ = films
    usual = usual_lungs((32, 32))
    assert set(answering(usual).find(images).sources) == {"network"}
    one = usual * np.array([True, False])[:, None, None]
    mirrored = answering(one).find(images)
    assert set(mirrored.sources) == {"mirrored"} and believable(mirrored.masks).all()
    nothing = answering(np.zeros_like(usual)).find(images)
    assert set(nothing.sources) == {"rule"}
    assert (nothing.masks[0] == find_lungs(images[0, 0])).all()
    blank = answering(np.zeros_like(usual)).find(np.zeros((2, 1, 50, 60), np.float32))
    assert blank.summary() == "lungs of 2 films by usual place 2"
    assert (blank.masks == usual_lungs((50, 60))).all()


def test_crumbs_go_and_holes_are_filled():
    lungs = usual_lungs((32, 32))
    spoilt = lungs.copy()
    spoilt[0, 14, 9] = False
    spoilt[0, 30, 30] = spoilt[1, 1, 1] = True
    images = np.random.default_rng(0).random((1, 1, 64, 64)).astype(np.float32)
    clean, found = (answering(given).network_masks(images)[0] for given in (lungs, spoilt))
    assert dice(found, clean).min() > 0.99
    assert [ndimage.label(lung)[1] for lung in found] == [1, 1]


def test_it_comes_back_from_its_folder(segmenter, tmp_path):
    segmenter.save(tmp_path)
    assert LungSegmenter.load(tmp_path).weights_hash() == segmenter.weights_hash()
    assert LungSegmenter(width=2, seed=1).weights_hash() != LungSegmenter(width=2, seed=2).weights_hash()
    with pytest.raises(UserError, match="give a folder that a segmenter was saved to"):
        LungSegmenter.load(tmp_path / "x")
    with pytest.raises(UserError, match=r"image size 100.*multiple of 16"):
        LungSegmenter(100)
