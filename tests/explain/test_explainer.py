from __future__ import annotations

import numpy as np
import pytest

from cxrneighbors.errors import UserError
from cxrneighbors.explain.certificate import Certificate, Fit
from cxrneighbors.explain.explainer import Explainer
from cxrneighbors.explain.masking import Masking
from cxrneighbors.explain.neighbours import Neighbourhood
from cxrneighbors.explain.surrogate import Surrogate

CERTIFICATE = Certificate(True, 0.01, 0.05, 3, 2, 10, 200, 120)


class Ramp(Explainer):
    """Weights 0, 1, 2, ... whatever the classifier says."""

    name, title = "ramp", "Ramp"
    uses_neighbours = False
    usual_policy = "diverse"

    def explain_film(self, film, target):
        segments = self.segments(film)
        surrogate = Surrogate(np.arange(segments.max() + 1.0), 0.25, 0.5)
        fit = Fit(surrogate, 0.75, 9, CERTIFICATE)
        return self.result(film, target, segments, fit, settings={"own": 1})


class Near(Ramp):
    """The same with the neighbours written down."""

    name, uses_neighbours = "near", True

    def explain_film(self, film, target):
        fit = Fit(Surrogate(np.zeros(16), 0.0, 1.0), 0.5, 1)
        return self.result(film, target, self.segments(film), fit, self.neighbours(film))


def test_a_fit_becomes_an_explanation(world, model, options):
    explanation = Ramp(model, world.index, **options).explain("p3", "Effusion")
    assert (explanation.method, explanation.target, explanation.target_index) == ("ramp", "Effusion", 1)
    assert (explanation.image_id, explanation.findings) == ("p3", ["Effusion", "Pleural_Thickening"])
    assert explanation.weights.tolist() == list(range(16)) and explanation.intercept == 0.25
    assert (explanation.prediction, explanation.fidelity, explanation.seed) == (0.75, 0.5, 0)
    settings = explanation.settings
    assert settings["own"] == 1 and settings["classifier_calls"] == 9 and settings["image_size"] == 48
    assert Certificate(**settings["stability"]) == CERTIFICATE
    assert len(explanation.neighbours) == 0 and "policy" not in settings


def test_neighbours_are_found_by_the_methods_usual_policy_or_another(world, model, options):
    for policy, used in ((None, "diverse"), ("nearest", "nearest")):
        explainer = Near(model, world.index, policy=policy, **options)
        assert explainer.neighbourhood.policy == used
        explanation = explainer.explain("p0", "Nodule")
        assert explanation.settings["policy"] == used and "stability" not in explanation.settings
        assert explanation.neighbour_images.shape == (4, 1, 48, 48) and len(explanation.neighbours) == 4
    whole = Neighbourhood(world.index, 2)
    assert Near(model, neighbourhood=whole, labels=options["labels"]).neighbourhood.policy == "diverse"
    assert whole.policy is None


def test_the_label_is_looked_up_before_any_film_is_read(model, options):
    with pytest.raises(UserError, match="target 'Mass'"):
        Ramp(model, **options).explain("an image that nobody has", "Mass")


def test_options_go_to_the_part_that_has_them_and_none_is_the_parts_own_default(model, world, options):
    explainer = Ramp(model, world.index, **options | {"seed": 3, "alpha": None, "where": "sex == 'F'"})
    assert (explainer.masking.n_masks, explainer.masking.seed, explainer.seed) == (60, 3, 3)
    assert explainer.masking.alpha == Masking().alpha and explainer.neighbourhood.where == "sex == 'F'"
    assert explainer.predictor.labels == options["labels"] and explainer.reader.size == 48
    for wrong in ("index", "model", "batches", "n_mask"):
        with pytest.raises((UserError, TypeError), match=wrong):
            Ramp(model, world.index, **{wrong: 1})
    with pytest.raises(UserError, match="fill of method ramp 'neighbour'; choose one of: grey, black, mean"):
        Ramp(model, masking=Masking(fill="neighbour"), labels=["a"])
