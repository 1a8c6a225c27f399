"""How a method is put together: options go to the part that has them, wrong ones are named."""

from __future__ import annotations

import pytest

from cxrneighbors.errors import UserError
from cxrneighbors.explain.explainer import Explainer
from cxrneighbors.explain.kp_lime import KPLime
from cxrneighbors.explain.lime_image import Lime
from cxrneighbors.explain.masking import Masking
from cxrneighbors.explain.neighbours import Neighbourhood
from cxrneighbors.explain.predictor import Predictor


def test_whole_parts_and_their_fields_by_name_are_the_same(world, model, options):
    by_name = KPLime(model, world.index, **options | {"fill": None})
    masking = Masking(n_masks=60, segmentation=options["segmentation"])
    own = {name: options[name] for name in ("labels", "image_size", "device")}
    whole = KPLime(Predictor(model, **own), masking=masking, neighbourhood=Neighbourhood(world.index, k=4))
    for explainer in (by_name, whole):
        assert (explainer.masking.n_masks, explainer.masking.fill) == (60, "grey")
        assert (explainer.neighbourhood.k, explainer.neighbourhood.policy) == (4, "nearest")
        assert (explainer.predictor.image_size, explainer.reader.size, explainer.seed) == (48, 48, 0)
    first, second = (explainer.explain("p0", "Nodule") for explainer in (by_name, whole))
    assert (first.weights == second.weights).all() and first.settings == second.settings
    assert first.settings["n_masks"] == 60 and first.settings["k"] == 4


def test_fields_change_a_predictor_that_is_given_whole(world, model, options):
    predictor = Predictor(model, labels=options["labels"], image_size=48, device="cpu")
    assert KPLime(predictor, world.index, batch_size=7).predictor.batch_size == 7
    assert KPLime(predictor, world.index).predictor is predictor


def test_mistakes_name_the_method_and_what_it_takes(world, model, options):
    with pytest.raises(UserError, match=r"unknown option of method kp-lime 'masks'; .*\bn_masks\b"):
        KPLime(model, world.index, masks=50, labels=options["labels"])
    with pytest.raises(UserError, match="option of method kp-lime 'k'"):  # given with the whole part
        KPLime(model, neighbourhood=Neighbourhood(world.index), k=3, labels=options["labels"])
    with pytest.raises(UserError, match="'kp-lime': takes neighbours from an index; give one"):
        KPLime(model, labels=options["labels"])
    with pytest.raises(UserError, match="fill of method lime 'neighbour'"):
        Lime(model, fill="neighbour", labels=options["labels"])
    with pytest.raises(TypeError, match="abstract"):
        Explainer(model)
