from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from cxrneighbors.explain.contrast_lime import ContrastLime
from cxrneighbors.explain.films import Film, FilmReader
from cxrneighbors.explain.full_size import FullSize, full_size


def halves(film):
    """Segmentation: the left and the right half."""
    return (np.mgrid[: film.shape[1], : film.shape[2]][1] >= film.shape[2] // 2).astype(int)


def bright(images):
    """Scores (N, 2) that rise with the brightness of rows 6 to 11, columns 12 to 17 of 24 x 24 films."""
    score = 1 / (1 + np.exp(-12 * (images[:, 0, 6:12, 12:18].mean((1, 2)) - 0.85)))
    return np.stack([score, 1 - score], axis=1)


@pytest.fixture
def small(options):
    """Options of a classifier that sees the films of 48 pixels at 24."""
    return options | {"image_size": 24, "segmentation": halves}


def explained(world, options, image="p0"):
    explainer = ContrastLime(bright, world.index, **options)
    film = explainer.reader.read(image)
    explanation = explainer.explain_film(film, "Nodule")
    return explanation, full_size(explanation, film, explainer.reader)


def pixels(world, name):
    return np.asarray(Image.open(world.folder / f"{name}.png"), dtype=np.float32) / 255


def test_film_and_changed_film_are_as_large_as_their_files(world, small):
    explanation, full = explained(world, small)
    assert explanation.image.shape == (1, 24, 24) and full.film.shape == (1, 48, 48)
    assert full.film[0] == pytest.approx(pixels(world, "p0"))
    changed = explanation.settings["counterfactual"]
    area = np.isin(halves(full.film), changed["segments"])
    expected = np.where(area, pixels(world, changed["donor"]), pixels(world, "p0"))
    assert full.changed[0] == pytest.approx(expected) and 0 < area.mean() < 1
    names = explanation.neighbours["neighbor_id"]
    for film, name in zip(full.neighbours, names, strict=True):
        assert film[0] == pytest.approx(pixels(world, name))


def test_a_donor_that_was_matched_stays_as_the_classifier_saw_it(world, small):
    explanation, full = explained(world, small | {"intensity": "mean-std"})
    assert full.film.shape == (1, 48, 48) and full.changed is explanation.counterfactual


def test_files_from_outside_and_arrays(world, small, tmp_path):
    Image.fromarray(np.full((60, 60), 220, np.uint8)).save(tmp_path / "new.png")
    _, full = explained(world, small, tmp_path / "new.png")
    assert full.film.shape == (1, 60, 60)
    explanation, full = explained(world, small, np.full((24, 24), 0.9, np.float32))
    assert full.film is explanation.image and full.changed is explanation.counterfactual
    assert [film.shape for film in full.neighbours] == [(1, 48, 48)] * 4
    none = full_size(explanation, Film(explanation.image), FilmReader(None, None))
    assert none == FullSize.as_seen(explanation)
    explanation, full = explained(world, small | {"image_size": 48})
    assert full.film is explanation.image


def test_films_are_framed_as_the_classifier_sees_them(world, small, tmp_path):
    Image.fromarray(np.full((40, 80), 220, np.uint8)).save(tmp_path / "wide.png")
    explainer = ContrastLime(bright, world.index, **small)
    film = FilmReader(None, 24, "pad").read(tmp_path / "wide.png")
    explanation = explainer.explain_film(film, "Nodule")
    full = full_size(explanation, film, explainer.reader)
    assert (
        full.film.shape == (1, 80, 80)
        and (full.film[0, :20] == 0).all()
        and (full.film[0, 21:59] > 0.8).all()
    )
