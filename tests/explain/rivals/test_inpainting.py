"""Inpainting: one segment after the other, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from cxrneighbors.errors import UserError
from cxrneighbors.explain.films import FilmReader
from cxrneighbors.explain.rivals.explainer import RivalExplainer
from cxrneighbors.explain.rivals.inpainting import Inpainting

from ..conftest import LESION, grid, looks_at_lesion


def test_segments_show_the_mean_of_neighbours_without_the_target(world, options):
    explanation = RivalExplainer(Inpainting(), looks_at_lesion, world.index, **options).explain(
        "p0", target="Nodule"
    )
    reader = FilmReader(world.studies, 48)
    hits = world.index.search("p0", k=4, where="not findings.has('Nodule')", one_per="patient")
    assert all(int(name[1:]) % 2 for name in hits["neighbor_id"])  # films of odd number have no nodule
    mean = np.mean([reader.read(name).pixels for name in hits["neighbor_id"]], axis=0)
    film = reader.read("p0").pixels
    score = looks_at_lesion(film[None])[0, 0]
    expected = [score - looks_at_lesion(np.where(grid(film) == s, mean, film)[None])[0, 0] for s in range(16)]
    assert explanation.weights == pytest.approx(expected, abs=1e-6)
    assert explanation.weights.argmax() == LESION and explanation.settings["classifier_calls"] == 17


def test_the_neighbourhoods_own_condition_holds_too(world, options):
    given = {**options, "k": 2, "where": "image_id in ['p1', 'p3', 'p2']"}
    explanation = RivalExplainer(Inpainting(), looks_at_lesion, world.index, **given).explain(
        "p0", target="Nodule"
    )
    mean = np.mean([FilmReader(world.studies, 48).read(f"p{n}").pixels for n in (1, 3)], axis=0)
    film = explanation.image
    changed = looks_at_lesion(np.where(grid(film) == LESION, mean, film)[None])[0, 0]
    assert explanation.weights[LESION] == pytest.approx(explanation.prediction - changed, abs=1e-6)


def test_biharmonic_continues_a_plane(ask):
    """A film whose grey rises evenly is continued exactly: nothing changes, and no segment has weight."""
    plane = np.tile(np.linspace(0.2, 0.8, 32, dtype=np.float32), (32, 1))[None]
    question = ask(pixels=plane)
    inner = [5, 6, 9, 10]
    found = Inpainting(source="biharmonic").attribute(question)
    assert found[inner] == pytest.approx(0, abs=1e-3) and question.used == 16


def test_of_more_segments_than_calls_the_largest_are_asked(ask):
    question = ask(calls=1)
    question.segments = np.where(question.segments < 8, 0, question.segments - 7)
    weights = Inpainting(source="biharmonic").attribute(question)
    assert weights[0] != 0 and not weights[1:].any()


def test_bad_source():
    with pytest.raises(UserError, match="unknown source of method inpainting 'gan'"):
        Inpainting(source="gan")
