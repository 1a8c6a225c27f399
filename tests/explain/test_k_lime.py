from __future__ import annotations

import pytest

from cxrneighbors.explain.certificate import StabilityRule
from cxrneighbors.explain.k_lime import KStarLime
from cxrneighbors.explain.lime_image import Lime
from cxrneighbors.explain.sigma_lime import SigmaLime


def test_target_and_neighbours_each_have_classic_lime(world, model, options):
    explanation = KStarLime(model, world.index, seed=5, **options).explain("p0", "Nodule")
    lime = Lime(model, world.index, seed=5, **options)
    assert (explanation.weights == lime.explain("p0", "Nodule").weights).all()
    hits = world.index.search(["p0"], k=4, modality="image")
    assert explanation.neighbours["neighbor_id"].tolist() == hits["neighbor_id"].tolist()
    assert [part.image_id for part in explanation.parts] == hits["neighbor_id"].tolist()
    assert lime.explain("p0", "Nodule").seed == explanation.seed == 5
    for n, part in enumerate(explanation.parts, start=1):
        film = world.index.studies.set_index("image_id").loc[part.image_id]
        assert part.findings == film["findings"]
        assert part.target == "Nodule" and (part.image == explanation.neighbour_images[n - 1]).all()


@pytest.mark.parametrize("method", [KStarLime, SigmaLime])
def test_a_part_is_lime_with_the_seed_that_it_records(method, world, model, options):
    """With rounds of masks and a selection of features: what is recorded gives it again."""
    options |= {"stability": StabilityRule(0.01, top=4, max_rounds=2, n_bootstrap=20), "num_features": 5}
    explanation = method(model, world.index, seed=5, **options).explain("p0", "Nodule")
    assert len({part.seed for part in explanation.parts}) == 4 and explanation.seed == 5
    for part in explanation.parts:
        again = Lime(model, world.index, seed=part.seed, **options).explain(part.image_id, "Nodule")
        assert (part.weights == again.weights).all() and part.settings == again.settings
        assert (part.method, part.intercept, part.fidelity) == ("lime", again.intercept, again.fidelity)


def test_the_nth_neighbours_seed_does_not_depend_on_k(world, model, options):
    few, many = (
        KStarLime(model, world.index, **options | {"k": k}).explain("p0", "Nodule").parts for k in (2, 4)
    )
    assert [part.seed for part in few] == [part.seed for part in many[:2]]
    assert (few[1].weights == many[1].weights).all()


def test_cost_is_k_plus_one_limes(world, model, options):
    explanation = KStarLime(model, world.index, **options).explain("p0", "Nodule")
    assert explanation.settings["classifier_calls"] == 5 * 61
    assert all(part.settings["classifier_calls"] == 61 for part in explanation.parts)
