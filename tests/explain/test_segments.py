from __future__ import annotations

import numpy as np
import pytest

from cxrneighbors.errors import UserError
from cxrneighbors.explain import segments as module
from cxrneighbors.explain.masking import Masking
from cxrneighbors.explain.segments import SegmentCache, segment, segment_names
from cxrneighbors.lungs.regions import lung_regions


@pytest.fixture(scope="module")
def film():
    from scipy.ndimage import gaussian_filter

    noise = gaussian_filter(np.random.default_rng(0).normal(size=(96, 96)), 5)
    return ((noise - noise.min()) / np.ptp(noise)).astype(np.float32)[None]


def test_quickshift_is_that_of_the_lime_package(film):
    from lime.wrappers.scikit_image import SegmentationAlgorithm

    lime = SegmentationAlgorithm("quickshift", kernel_size=4, max_dist=200, ratio=0.2, random_seed=42)
    theirs = lime(np.repeat(film[0][..., None], 3, axis=2).astype(np.float64))
    ours = segment(film, "quickshift")
    pairs = np.unique(np.stack([ours.ravel(), theirs.ravel()]), axis=1)
    assert pairs.shape[1] == ours.max() + 1 == len(np.unique(theirs))


@pytest.mark.parametrize("name", module.SEGMENTATIONS)
def test_labels_are_contiguous_and_repeatable(film, name):
    labels = segment(film, name)
    assert labels.shape == (96, 96) and labels.dtype == np.int32
    assert (np.unique(labels) == np.arange(labels.max() + 1)).all() and labels.max() >= 3
    assert (labels == segment(film, name)).all()


def test_a_function_and_a_colour_film(film):
    labels = segment(film, lambda pixels: np.where(pixels[0] > 0.5, 70, 7))
    assert set(np.unique(labels)) == {0, 1} and (labels == (film[0] > 0.5)).all()
    assert segment(np.repeat(film, 3, axis=0), "slic").max() > 3


def test_one_segment_wrong_shape_unknown_name(film):
    with pytest.raises(UserError, match=r"'whole'.*one segment.*slic"):

        def whole(pixels):
            return np.zeros(pixels.shape[1:])

        segment(film, whole)
    with pytest.raises(UserError, match=r"'felzenszwalb'.*one segment"):
        segment(np.full((1, 40, 40), 0.3, np.float32), "felzenszwalb")
    with pytest.raises(UserError, match=r"labels of shape \(3,\)"):
        segment(film, lambda pixels: np.zeros(3))
    with pytest.raises(UserError, match="segmentation 'watershed'; choose one of: quickshift"):
        segment(film, "watershed")


def test_cache_cuts_a_film_once_in_memory_and_in_a_folder(film, tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(module, "segment", lambda *given: calls.append(given) or segment(*given))
    cache = SegmentCache(tmp_path / "maps", capacity=2)
    first = cache(film, "slic")
    assert cache(film.copy(), "slic") is first and len(calls) == 1
    assert (SegmentCache(tmp_path / "maps")(film, "slic") == first).all() and len(calls) == 1
    cache(film, "felzenszwalb")
    cache(film[:, :80], "slic")
    assert len(calls) == 3 and len(cache._maps) == 2
    with pytest.raises(ValueError, match="read-only"):
        first[0, 0] = 3


class Halves:
    """A segmenter whose lungs are the film's upper quarters, wherever `shift` moves them."""

    def __init__(self, shift=0):
        self.shift = shift

    def find_lungs(self, picture):
        height, width = picture.shape
        lungs = np.zeros((2, height, width), dtype=bool)
        lungs[0, : height // 2, : width // 4] = lungs[1, : height // 2, -width // 4 :] = True
        return np.roll(lungs, self.shift, axis=1)

    def weights_hash(self):
        return f"halves {self.shift}"


def test_lungs_by_a_segmenter_each_kept_under_its_own_name(film, tmp_path):
    expected = lung_regions(Halves().find_lungs(film[0]))
    assert (segment(film, "lungs", Halves()) == expected).all()
    for shift in (0, 7):
        cache = SegmentCache(tmp_path, lungs=Halves(shift))
        assert (cache(film, "lungs") == np.roll(expected, shift, axis=0)).all()
        assert cache.lung_finder == f"halves {shift}"
    assert (SegmentCache(tmp_path)(film, "lungs") == segment(film, "lungs")).all()
    assert len(list(tmp_path.iterdir())) == 3
    assert Masking(segmentation="lungs", segments=cache).settings(9)["lungs"] == "halves 7"
    assert Masking(segmentation="lungs").settings(9)["lungs"] == "rule"


def test_names():
    assert segment_names("slic", 2) == ["segment 0", "segment 1"]
    assert segment_names("lungs", 9)[8] == "heart"


def test_few_segments_are_warned_of_once(film, capsys):
    cache = SegmentCache()

    def thirds(pixels):
        return np.digitize(np.arange(96), [10, 20])[:, None].repeat(96, axis=1)

    for _ in range(2):
        cache(film, thirds)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and "'given' cuts the film into 3 segments, the largest 79% of it" in lines[0]
    cache(film, lambda pixels: np.arange(96)[:, None].repeat(96, axis=1) // 24)
    cache(film, "slic")
    assert capsys.readouterr().err == ""
