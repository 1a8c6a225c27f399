from __future__ import annotations

import inspect

import numpy as np
import pytest
from lime.lime_image import LimeImageExplainer

from cxrneighbors.errors import UserError
from cxrneighbors.explain import masks
from cxrneighbors.explain.published import LIME, PAPER, published_options
from cxrneighbors.explain.registry import METHODS, build_explainer
from cxrneighbors.explain.segments import OPTIONS


def rough(images):
    """Scores (N, 2) that depend on all pixels, with interactions: images (N, C, H, W)."""
    height, width = images.shape[2:]
    a = images[:, 0, : height // 2].mean((1, 2))
    b = np.abs(np.diff(images[:, 0, :, width // 3 :], axis=2)).mean((1, 2))
    score = 1 / (1 + np.exp(-60 * (a * b + 0.5 * b - 0.05)))
    return np.stack([1 - score, score], axis=1)


@pytest.fixture(scope="module")
def film():
    from scipy.ndimage import gaussian_filter

    noise = gaussian_filter(np.random.default_rng(5).normal(size=(64, 64)), 4)
    film = (noise - noise.min()) / np.ptp(noise) + np.random.default_rng(6).uniform(-0.15, 0.15, (64, 64))
    return np.clip(film, 0, 1).astype(np.float32)[None]


def test_lime_is_the_package_with_nothing_but_its_defaults(film, monkeypatch):
    """Only the image and the random state are handed to it: segments, fill, samples, kernel are its own."""
    theirs = LimeImageExplainer(random_state=3).explain_instance(
        np.repeat(film[0][..., None], 3, axis=2).astype(np.float64),
        lambda images: rough(np.moveaxis(images, -1, 1)),
        labels=(1,),
        top_labels=None,
        random_seed=0,
    )
    d = int(theirs.segments.max()) + 1
    drawn = np.random.RandomState(3).randint(0, 2, 1000 * d).reshape(1000, d)[1:]
    monkeypatch.setattr(masks, "draw_masks", lambda n, s, rng: drawn[:n].astype(np.uint8))
    ours = build_explainer("lime", rough, labels=["well", "sick"], as_published="lime").explain(film, "sick")
    assert (ours.segments == theirs.segments).all() and ours.settings["classifier_calls"] == 1000
    weights = np.array([weight for _, weight in sorted(theirs.local_exp[1])])
    assert np.abs(weights).max() > 0.03 and ours.weights == pytest.approx(weights, abs=1e-4)
    assert ours.intercept == pytest.approx(theirs.intercept[1], abs=1e-4)
    assert ours.fidelity == pytest.approx(theirs.score, abs=1e-4)
    assert ours.intercept + ours.weights.sum() == pytest.approx(theirs.local_pred[0], abs=1e-4)


def test_the_settings_are_the_packages_signature():
    made = inspect.signature(LimeImageExplainer.__init__).parameters
    asked = inspect.signature(LimeImageExplainer.explain_instance).parameters
    assert LIME["n_masks"] + 1 == asked["num_samples"].default
    assert LIME["num_features"] == asked["num_features"].default
    assert LIME["kernel_width"] == made["kernel_width"].default
    assert LIME["feature_selection"] == made["feature_selection"].default
    assert asked["hide_color"].default is None and LIME["fill"] == "mean"
    assert asked["distance_metric"].default == "cosine"
    assert OPTIONS["quickshift"] == {"kernel_size": 4, "max_dist": 200, "ratio": 0.2}


@pytest.mark.parametrize("name", PAPER)
def test_the_paper_takes_five_nearest_films_of_anyone_and_masks_in_grey(name, world, model, options):
    options = {key: options[key] for key in ("labels", "image_size", "device")}
    explainer = build_explainer(name, model, world.index, as_published="paper", **options)
    assert explainer.masking.fill == "grey" and explainer.masking.segmentation == "quickshift"
    assert explainer.masking.n_masks == (100 if name == "kp-lime" else 999)
    if METHODS[name].uses_neighbours:
        place = explainer.neighbourhood
        assert (place.k, place.policy, place.one_per, place.include_same_patient) == (
            5,
            "nearest",
            "image",
            True,
        )


def test_what_is_open_may_be_given_and_what_is_set_may_not_be_contradicted(world, model, options):
    given = {key: options[key] for key in ("labels", "image_size", "device")}

    def build(**more):
        return build_explainer("kp-lime", model, world.index, as_published="paper", **given, **more)

    assert build(seed=7, where="sex == 'F'").masking.seed == 7
    assert build(k=5, fill=None).neighbourhood.k == 5
    with pytest.raises(UserError, match=r"'paper': sets k to 5, not to 3; leave one of the two out"):
        build(k=3)
    with pytest.raises(UserError, match="sets masking itself"):
        build(masking=build().masking)
    with pytest.raises(UserError, match=r"no settings for method 'alime', only for lime, k-lime"):
        published_options("paper", "alime")
    with pytest.raises(
        UserError, match=r"source of published settings 'ribeiro'; choose one of: lime, paper"
    ):
        published_options("ribeiro", "lime")
    published_options("lime", "lime")["fill"] = "black"
    assert LIME["fill"] == "mean"
