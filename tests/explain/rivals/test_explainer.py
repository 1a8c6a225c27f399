"""A rival as an explainer; one is added here with one class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from cxrneighbors.errors import UserError
from cxrneighbors.explain.explanation import Explanation
from cxrneighbors.explain.rivals.explainer import RivalExplainer
from cxrneighbors.explain.rivals.occlusion import Occlusion
from cxrneighbors.explain.rivals.registry import RIVALS
from cxrneighbors.explain.rivals.rise import Rise


@dataclass(frozen=True)
class Brightness:
    """Bright places are the evidence, whatever the classifier says."""

    name: ClassVar[str] = "brightness"
    title: ClassVar[str] = "Brightness"
    random: ClassVar[bool] = False

    power: float = 1.0
    answer: str = "map"

    def attribute(self, question):
        if self.answer == "map":
            return question.film.pixels[0] ** self.power
        return {"weights": np.arange(16.0), "wrong": np.zeros(3), "nan": np.full(16, np.nan)}[self.answer]


def explain(world, model, options, rival):
    return RivalExplainer(rival, model, world.index, **options).explain("p0", target="Nodule")


def test_a_map_becomes_the_pixel_map_and_its_means_the_weights(world, model, options):
    found = explain(world, model, options, Brightness(power=2.0))
    assert found.method == "brightness" and found.settings["rival"] == {"power": 2.0, "answer": "map"}
    assert found.heatmap() == pytest.approx(found.image[0] ** 2)
    expected = [found.image[0][found.segments == s].astype(float) ** 2 for s in range(16)]
    assert found.weights == pytest.approx([part.mean() for part in expected])
    assert found.settings["classifier_calls"] == 1 and np.isnan(found.fidelity)
    assert found.intercept + found.weights.sum() == pytest.approx(found.prediction)


def test_weights_become_the_map(world, model, options):
    found = explain(world, model, options, Brightness(answer="weights"))
    assert np.array_equal(found.heatmap(), found.segments.astype(np.float32)) and found.pixel_map is None


@pytest.mark.parametrize(("answer", "message"), [("wrong", r"shape \(3,\); return a map"), ("nan", "NaN")])
def test_other_answers_are_refused(world, model, options, answer, message):
    with pytest.raises(UserError, match=message):
        explain(world, model, options, Brightness(answer=answer))


def test_calls_granted_are_lime_s_and_are_counted(world, model, options):
    found = explain(world, model, options, Rise(grid=3))
    assert found.settings["classifier_calls"] == 61 == options["n_masks"] + 1


def test_saved_and_loaded(world, model, options, tmp_path):
    found = explain(world, model, options, Rise(grid=3))
    found.save(tmp_path / "explanation")
    again = Explanation.load(tmp_path / "explanation")
    assert np.array_equal(again.heatmap(), found.heatmap()) and again.method == "rise"


def test_only_a_random_rival_has_a_seed(model, options):
    assert RivalExplainer(Rise(), model, **options | {"k": None, "seed": 3}).seed == 3
    assert RivalExplainer(Occlusion(), model, **options | {"k": None}).seed is None


def test_every_rival_is_known_by_its_name_and_says_what_it_is():
    for name, rival in RIVALS.items():
        assert rival.name == name and rival.title and rival.__doc__ and isinstance(rival.random, bool)
