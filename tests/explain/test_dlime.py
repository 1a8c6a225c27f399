from __future__ import annotations

import numpy as np
import pytest

from cxrneighbors.explain.certificate import StabilityRule
from cxrneighbors.explain.dlime import DLime
from cxrneighbors.index.policies.cluster import cluster_neighbours


def test_two_runs_are_bit_identical_whatever_the_seed(world, model, options):
    runs = [DLime(model, world.index, seed=seed, **options).explain("p0", "Nodule") for seed in (0, 1, 99)]
    for run in runs[1:]:
        assert run.weights.tobytes() == runs[0].weights.tobytes()
        assert (run.intercept, run.fidelity) == (runs[0].intercept, runs[0].fidelity)
        assert run.neighbours.equals(runs[0].neighbours) and run.seed is None


def test_neighbours_come_from_the_targets_cluster(world, model, options):
    vectors = world.index.vectors["image"]
    found = DLime(model, world.index, **options).explain("p5", "Nodule").neighbours
    order = [5, *[row for row in range(12) if row != 5]]
    expected = [f"p{order[i]}" for i in cluster_neighbours(vectors[order], 4)]
    assert found["neighbor_id"].tolist() == expected
    rows = [int(name[1:]) for name in expected]
    distance = np.linalg.norm(vectors[rows] - vectors[5], axis=1) / np.sqrt(world.index.scale["image"])
    assert found["distance"].to_numpy(float) == pytest.approx(distance, rel=1e-4)


def test_the_design_covers_every_source_and_is_written_down(world, model, options):
    explanation = DLime(model, world.index, **options).explain("p0", "Nodule")
    # 16 segments: order 32, with its fold-over 64 masks >= the 60 asked for, on target and 4 neighbours.
    assert explanation.settings["n_masks"] == 64
    assert explanation.settings["classifier_calls"] == 5 * 64 + 1
    assert explanation.settings["policy"] == "cluster"


def test_another_policy_may_be_given(world, model, options):
    explainer = DLime(model, world.index, policy="nearest", **options)
    assert explainer.neighbourhood.policy == "nearest" and explainer.neighbourhood.k == 4
    hits = world.index.search(["p0"], k=4, modality="image")
    found = explainer.explain("p0", "Nodule")
    assert found.neighbours["neighbor_id"].tolist() == hits["neighbor_id"].tolist()
    assert found.settings["policy"] == "nearest"
    assert DLime(model, world.index, **options).neighbourhood.policy == "cluster"


def test_rounds_of_a_stability_rule_have_no_seed_either(world, model, options):
    rule = StabilityRule(0.001, top=16, max_rounds=2, n_bootstrap=20)
    runs = [
        DLime(model, world.index, seed=seed, stability=rule, **options).explain("p0", "Nodule")
        for seed in (0, 7)
    ]
    assert runs[0].weights.tobytes() == runs[1].weights.tobytes() and runs[0].settings == runs[1].settings
    assert runs[0].settings["stability"]["rounds"] == 2 and runs[0].settings["n_masks"] == 64
