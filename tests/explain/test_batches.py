from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from cxrneighbors.errors import UserError
from cxrneighbors.explain.batches import Batches
from cxrneighbors.explain.perturb import MaskedFilms
from cxrneighbors.explain.predictor import Predictor


class Recorder:
    """A classifier that keeps the films it saw; the score is a weighted sum of pixels."""

    def __init__(self, limit=10**9, error=None):
        self.films, self.batches, self.limit = [], [], limit
        self.error = error or torch.cuda.OutOfMemoryError("CUDA out of memory")

    def __call__(self, images):
        if len(images) > self.limit:
            raise self.error
        self.films.extend(images.copy())
        self.batches.append(len(images))
        return (images * np.linspace(0, 1, images[0].size).reshape(images[0].shape)).mean((1, 2, 3))


@pytest.fixture
def films():
    rng = np.random.default_rng(0)
    segments = np.arange(20)[:, None] // 7 * 3 + np.arange(24)[None] // 8
    return MaskedFilms(
        sources=rng.random((3, 2, 20, 24)).astype(np.float32),
        segments=segments,
        masks=rng.integers(0, 2, (41, 9)),
        source=rng.integers(0, 3, 41),
    )


def by_hand(films: MaskedFilms) -> np.ndarray:
    """Masked films one by one, segment by segment."""
    from scipy.ndimage import gaussian_filter

    result = []
    for mask, source in zip(films.masks, films.source, strict=True):
        film = films.sources[0 if films.fill == "neighbour" else source].copy()
        blurred = np.stack([gaussian_filter(channel, 24 / 16) for channel in films.sources[source]])
        for s in np.flatnonzero(mask == 0):
            here = films.segments == s
            for c in range(film.shape[0]):
                film[c][here] = {
                    "grey": 0.5,
                    "mean": film[c][here].mean(),
                    "blur": blurred[c][here],
                    "neighbour": films.sources[source, c][here],
                }[films.fill]
        result.append(film)
    return np.stack(result)


@pytest.mark.parametrize("fill", ["grey", "mean", "blur", "neighbour"])
def test_films_are_masked_as_by_hand(films, fill):
    films, model = replace(films, fill=fill), Recorder()
    scores = Predictor(model, ["a"], "cpu", batch_size=7).scores(films, "a")
    assert np.stack(model.films) == pytest.approx(by_hand(films), abs=1e-6)
    assert scores == pytest.approx(Recorder()(by_hand(films)), abs=1e-6)
    assert len(model.films) == 41 and max(model.batches) == 7


@pytest.mark.parametrize("fill", ["grey", "black", 0.3, "mean", "blur", "neighbour", "neighbours"])
def test_films_are_the_same_on_every_device(films, fill):
    """The processor's loop against torch's gathers, which a GPU runs."""
    if fill == "neighbours":  # a neighbour of its own for each segment
        fill, source = "neighbour", np.random.default_rng(1).integers(0, 3, (41, 9))
        films = replace(films, source=source, fill=fill)
    films, batches = replace(films, fill=fill), Batches("cpu", 16)
    for made, gathered in zip(batches.of(films), batches._gathered(films), strict=True):
        assert made.dtype == gathered.dtype == torch.float32 and torch.equal(made, gathered)


def test_one_batch_exists_at_a_time(films):
    shapes = [tuple(images.shape) for images in Batches("cpu", 16).of(films)]
    assert shapes == [(16, 2, 20, 24), (16, 2, 20, 24), (9, 2, 20, 24)]


@pytest.mark.parametrize("batch_size", [1, 3, 40, 41, 1000])
def test_scores_do_not_depend_on_the_batch_size(films, batch_size):
    torch.manual_seed(0)
    model = torch.nn.Sequential(
        torch.nn.Conv2d(2, 6, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.LazyLinear(1)
    )
    expected = Predictor(model, ["a"], "cpu").scores(films, "a")
    scores = Predictor(model, ["a"], "cpu", batch_size=batch_size).scores(films, "a")
    assert expected.std() > 1e-3
    assert scores == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    "error", [None, MemoryError(), RuntimeError("DefaultCPUAllocator: not enough memory: you tried ...")]
)
def test_the_batch_shrinks_when_memory_runs_out(films, error):
    model = Recorder(limit=5, error=error)
    predictor = Predictor(model, ["a"], "cpu")
    scores = predictor.scores(films, "a")
    assert scores == pytest.approx(Recorder()(by_hand(films)), abs=1e-6)
    assert predictor.batches.size == 4 and len(model.films) == 41


def test_no_memory_for_a_single_film(films):
    with pytest.raises(UserError, match="no memory for one film"):
        Predictor(Recorder(limit=0), ["a"], "cpu").scores(films, "a")


def test_other_errors_are_not_swallowed(films):
    with pytest.raises(RuntimeError, match="boom"):
        Predictor(Recorder(limit=0, error=RuntimeError("boom")), ["a"], "cpu").scores(films, "a")


def test_batches_are_at_least_one_film():
    with pytest.raises(UserError, match="batch size 0"):
        Predictor(Recorder(), ["a"], "cpu", batch_size=0)


def softened(area: np.ndarray, sigma: float) -> np.ndarray:
    """A mask (H, W) blurred by scipy, the kernel cut where the engine cuts it."""
    from scipy.ndimage import gaussian_filter

    return gaussian_filter(area.astype(float), sigma, mode="nearest", radius=max(1, round(3 * sigma)))


def composed_by_hand(films: MaskedFilms) -> np.ndarray:
    """Films whose masked segments show a neighbour of their own, segment by segment, shares added up."""
    owners = np.where(films.masks == 1, 0, films.source)  # (N, S): whose pixels each segment shows
    result = np.zeros((len(films), *films.sources.shape[1:]))
    for film, owner in zip(result, owners, strict=True):
        for number, pixels in enumerate(films.sources):
            area = owner[films.segments] == number
            film += (softened(area, films.feather) if films.feather else area) * pixels
    return result


@pytest.mark.parametrize("feather", [0.0, 0.4, 2.0])
def test_segments_of_a_film_may_show_different_neighbours(films, feather):
    source = np.random.default_rng(1).integers(1, 3, films.masks.shape)
    films = replace(films, fill="neighbour", source=source, feather=feather)
    model = Recorder()
    Predictor(model, ["a"], "cpu", batch_size=7).scores(films, "a")
    assert np.stack(model.films) == pytest.approx(composed_by_hand(films), abs=1e-5)


def test_a_feathered_film_is_the_pasted_one_far_from_edges(films):
    segments = np.repeat([0, 1], 12)[None].repeat(20, 0)
    given = {"segments": segments, "masks": np.array([[1, 0], [0, 1], [1, 1]]), "source": np.array([1, 2, 0])}
    sharp = replace(films, fill="neighbour", **given)
    pasted, soft = (
        next(Batches("cpu").of(replace(sharp, feather=feather))).numpy() for feather in (0.0, 1.0)
    )
    near = {"abs": 1e-6}
    assert soft[..., :9] == pytest.approx(pasted[..., :9], **near) and soft[..., 15:] == pytest.approx(
        pasted[..., 15:], **near
    )
    assert np.abs(soft - pasted)[:2, ..., 9:15].max() > 0.05 and soft[2] == pytest.approx(pasted[2], **near)
    share = softened(segments == 0, 1.0)
    assert soft[0] == pytest.approx(share * films.sources[0] + (1 - share) * films.sources[1], abs=1e-5)


def test_feathered_grey_is_half_way_at_an_edge(films):
    segments = np.repeat([0, 1], 12)[None].repeat(20, 0)
    grey = MaskedFilms.of_one(films.sources[0] * 0 + 1, segments, np.array([[1, 0]]))
    image = next(Batches("cpu").of(replace(grey, feather=2.0))).numpy()[0, 0]
    assert image[:, 11:13].mean() == pytest.approx(0.75) and (np.diff(image, axis=1) <= 1e-6).all()
