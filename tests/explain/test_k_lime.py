from __future__ import annotations

import numpy as np

from cxrneighbors.explain.k_lime import KStarLime
from cxrneighbors.explain.lime_image import Lime


def test_target_and_neighbours_each_have_classic_lime(world, model, options):
    explanation = KStarLime(model, world.index, seed=5, **options).explain("p0", "Nodule")
    lime = Lime(model, world.index, seed=5, **options)
    assert (explanation.weights == lime.explain("p0", "Nodule").weights).all()
    hits = world.index.search(["p0"], k=4, modality="image")
    assert explanation.neighbours["neighbor_id"].tolist() == hits["neighbor_id"].tolist()
    assert [part.image_id for part in explanation.parts] == hits["neighbor_id"].tolist()
    for n, part in enumerate(explanation.parts, start=1):
        film = world.index.studies.set_index("image_id").loc[part.image_id]
        alone = lime.lime(lime.reader.read(part.image_id), "Nodule", np.random.default_rng([5, n]))
        assert (part.weights == alone.weights).all() and part.findings == film["findings"]
        assert part.target == "Nodule" and (part.image == explanation.neighbour_images[n - 1]).all()


def test_cost_is_k_plus_one_limes(world, model, options):
    explanation = KStarLime(model, world.index, **options).explain("p0", "Nodule")
    assert explanation.settings["classifier_calls"] == 5 * 61
    assert all(part.settings["classifier_calls"] == 61 for part in explanation.parts)
