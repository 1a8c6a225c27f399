from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cxrneighbors.errors import UserError
from cxrneighbors.explain import masks
from cxrneighbors.explain.lime_image import Lime
from cxrneighbors.explain.segments import segment


def nonlinear(images):
    """Scores (N, 2) that depend on all pixels, with interactions: images (N, C, H, W)."""
    height, width = images.shape[2:]
    # Grain counts, which the fill by means takes away as the grey does.
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


FILLS = [("grey", 0.5), ("mean", None), ("black", 0), (0.2, 0.2), (1, 1)]
SELECTIONS = [(5, "auto"), (10, "auto"), (7, "forward_selection"), (3, "highest_weights"), (8, "lasso_path")]
CASES = [
    *((fill, "quickshift", 100000, "auto") for fill in FILLS),
    *((fill, "slic", 4, "none") for fill in FILLS[:3]),
    *((FILLS[0], "slic", *selection) for selection in SELECTIONS),
    *((FILLS[1], "quickshift", *selection) for selection in SELECTIONS),
]


@pytest.mark.parametrize(("fill", "segmentation", "num_features", "selection"), CASES)
def test_same_masks_give_the_coefficients_of_the_lime_package(
    film, fill, segmentation, num_features, selection, monkeypatch
):
    from lime.lime_image import LimeImageExplainer

    fill, hide_color = fill
    segments = segment(film, segmentation)
    n_masks, d = 150, int(segments.max()) + 1
    theirs = LimeImageExplainer(random_state=7, feature_selection=selection).explain_instance(
        np.repeat(film[0][..., None], 3, axis=2).astype(np.float64),
        lambda images: nonlinear(np.moveaxis(images, -1, 1)),
        labels=(1,),
        top_labels=None,
        hide_color=hide_color,
        num_features=num_features,
        num_samples=n_masks + 1,
        segmentation_fn=lambda image: segments,
        random_seed=0,
    )
    # The package draws its masks first of all from a RandomState; its row 0 is overwritten by ones.
    drawn = np.random.RandomState(7).randint(0, 2, (n_masks + 1) * d).reshape(n_masks + 1, d)[1:]
    monkeypatch.setattr(masks, "draw_masks", lambda n, s, rng: drawn.astype(np.uint8))
    options = {"n_masks": n_masks, "segmentation": segmentation, "fill": fill, "labels": ["well", "sick"]}
    options |= {"num_features": num_features, "feature_selection": selection}
    ours = Lime(nonlinear, **options).explain(film, "sick")
    weights = np.zeros(d)
    for number, weight in theirs.local_exp[1]:
        weights[number] = weight
    assert np.abs(weights).max() > 0.01
    assert ours.weights == pytest.approx(weights, abs=1e-4)
    assert ours.intercept == pytest.approx(theirs.intercept[1], abs=1e-4)
    assert ours.fidelity == pytest.approx(theirs.score, abs=1e-4)
    assert ours.intercept + ours.weights.sum() == pytest.approx(theirs.local_pred[0], abs=1e-4)
    left_out = set(range(d)) - {number for number, _ in theirs.local_exp[1]}
    assert set(ours.zero_segments()) == left_out and ours.settings["num_features"] == num_features
    assert [number for number, _ in ours.to_lime().local_exp[1]] == [n for n, _ in theirs.local_exp[1]]
    assert ours.prediction == pytest.approx(nonlinear(film[None])[0, 1], abs=1e-6)
    _, their_mask = theirs.get_image_and_mask(1, positive_only=True, num_features=4, hide_rest=False)
    assert (ours.mask(4) == their_mask).all()


def test_the_target_is_fixed_by_name(film):
    explain = Lime(nonlinear, labels=["well", "sick"], segmentation="slic").explain
    well, sick = explain(film, "well"), explain(film, "sick")
    assert (well.target_index, sick.target_index) == (0, 1)
    assert well.weights == pytest.approx(-sick.weights, abs=1e-6)
    assert well.prediction + sick.prediction == pytest.approx(1)


def test_same_seed_same_explanation_other_seed_another(film):
    def run(seed):
        return Lime(nonlinear, labels=["well", "sick"], seed=seed, segmentation="slic").explain(film, "sick")

    assert (run(3).weights == run(3).weights).all()
    assert not np.allclose(run(3).weights, run(4).weights)
    assert run(3).seed == 3 and run(3).settings["classifier_calls"] == 101


def test_any_batch_size_gives_the_same_weights(film):
    weights = [
        Lime(nonlinear, labels=["w", "s"], segmentation="slic", batch_size=size).explain(film, "s").weights
        for size in (1, 17, 500)
    ]
    assert weights[0] == pytest.approx(weights[1], abs=1e-6) and weights[1] == pytest.approx(
        weights[2], abs=1e-6
    )


def test_an_image_id_a_file_and_an_array_are_the_same_film(world, model, options):
    explainer = Lime(model, world.index, **options)
    by_id = explainer.explain("p0", "Nodule")
    path = world.folder / "p0.png"
    by_file = Lime(model, **options).explain(path, "Nodule")
    by_array = Lime(model, **options).explain(by_id.image, "Nodule")
    assert by_id.image_id == "p0" and by_id.findings == ["Nodule"] and by_file.image_id is None
    assert (by_id.weights == by_file.weights).all() and (by_id.weights == by_array.weights).all()
    assert len(by_id.neighbours) == 0


def test_bad_arguments(world, model, options):
    with pytest.raises(UserError, match="'p77': not in the index"):
        Lime(model, world.index, **options).explain("p77", "Nodule")
    with pytest.raises(UserError, match="an image_id needs an index"):
        Lime(model, **options).explain("p0", "Nodule")
    with pytest.raises(UserError, match="no such image file"):
        Lime(model, **options).explain(Path("nowhere.png"), "Nodule")
    with pytest.raises(UserError, match="must lie in"):
        Lime(model, **options).explain(np.full((48, 48), 200), "Nodule")
    with pytest.raises(UserError, match=r"got shape \(2, 48, 48\)"):
        Lime(model, **options).explain(np.zeros((2, 48, 48)), "Nodule")
    with pytest.raises(UserError, match="fill of method lime 'neighbour'"):
        Lime(model, fill="neighbour", **options)
    with pytest.raises(UserError, match="masks 0"):
        Lime(model, **{**options, "n_masks": 0})
    with pytest.raises(UserError, match=r"fill 1\.5: a grey must lie in \[0, 1\]"):
        Lime(model, fill=1.5, **options)
    with pytest.raises(UserError, match="num_features 0"):
        Lime(model, num_features=0, **options)
    with pytest.raises(UserError, match="above 0"):
        Lime(model, alpha=0, **options)
