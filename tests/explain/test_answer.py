"""Sentences of explanations whose right answer is known: the classifier looks at one cell of the grid."""

from __future__ import annotations

import numpy as np
import pytest

from cxrneighbors.explain.answer import (
    answer,
    donor_words,
    evidence,
    evidence_words,
    question,
    short_name,
)
from cxrneighbors.explain.registry import build_explainer

LESION = 6


@pytest.fixture
def explain(world, model, options):
    def run(name="contrast-lime", image="p0", **more):
        return build_explainer(name, model, world.index, **{**options, **more}).explain(image, "Nodule")

    return run


def test_why(explain):
    explanation = explain(threshold=0.95)
    changed = explanation.settings["counterfactual"]
    before, after = f"{explanation.prediction:.2f}", f"{changed['score']:.2f}"
    assert question(explanation) == (
        f"Why Nodule? {before} → {after} with the marked area from a film without it"
    )
    assert explanation.answer() == answer(explanation)
    assert answer(explanation) == (
        "Nodule is seen at the middle right of the picture (segment 6): with the look of "
        f"{changed['donor']}, a film without it, there the score falls from {before} to {after}, below the "
        "threshold of 0.95."
    )


def test_why_not(explain):
    mirror = {"mirror": True, "k": 5, "threshold": 0.95, "where": "image_id != 'p10'"}
    explanation = explain(image="p1", **mirror)
    after = explanation.settings["counterfactual"]["score"]
    assert question(explanation).startswith("Why not Nodule? ")
    assert question(explanation).endswith("with the marked area from a film with it")
    assert answer(explanation) == (
        "Nodule would appear first at the middle right of the picture (segment 6): with the look of p0, a "
        f"film with it, there the score rises from {explanation.prediction:.2f} to {after:.2f}, to the "
        "threshold of 0.95 or above."
    )
    without = explain(image="p1", **mirror, counterfactual=False)
    adds = -without.weights[LESION]
    assert answer(without) == (
        "Nodule would appear first at the middle right of the picture (segment 6): the look of donors there "
        f"adds {adds:.2f} to the score of {without.prediction:.2f}."
    )
    without.weights[:] = 0.1
    assert answer(without).startswith("Nodule would appear nowhere")


def test_a_decision_that_does_not_turn_is_said_to_stay(explain):
    explanation = explain(threshold=0.01)
    assert not explanation.settings["counterfactual"]["flipped"]
    assert " at least with the marked area " in question(explanation)
    assert answer(explanation).endswith("not below the threshold of 0.01.")
    explanation = explain(threshold=0.9999)
    assert question(explanation).endswith(", below the threshold of 0.9999 already")
    assert answer(explanation).startswith("Nodule scores")


def test_other_methods_name_the_strongest_segment(explain):
    explanation = explain("lime")
    assert question(explanation) == f"Why Nodule? Score {explanation.prediction:.2f}"
    assert answer(explanation) == (
        f"Nodule scores {explanation.prediction:.2f}; segment 6 at the middle right of the picture speaks "
        f"most for it ({explanation.weights[LESION]:+.3f})."
    )
    explanation.weights = -np.abs(explanation.weights)
    assert answer(explanation).endswith("; no segment speaks for it.")


def test_evidence_and_its_words(explain):
    explanation = explain()
    rows = evidence(explanation, 3)
    assert [row["segment"] for row in rows] == explanation.order()[:3].tolist()
    assert rows[0] == {
        "segment": LESION,
        "name": "segment 6",
        "place": "middle right",
        "weight": explanation.weights[LESION],
        "standard_error": explanation.standard_error()[LESION],
        "agreement": 1.0,
    }
    words = f"segment 6 (middle right): {rows[0]['weight']:+.3f} ± {rows[0]['standard_error']:.3f}"
    assert evidence_words(explanation, rows[0]) == f"{words}, 4 of 4 donors agree"
    assert short_name(rows[0]) == "middle, image right"
    assert short_name(rows[0] | {"name": "heart"}) == "heart"
    assert short_name(rows[0] | {"place": "upper centre"}) == "upper centre"
    lime = explain("lime", num_features=2)
    assert len(evidence(lime)) == 2 and evidence(lime)[0]["agreement"] is None
    assert evidence_words(lime, evidence(lime)[0]) == f"segment 6 (middle right): {lime.weights[LESION]:+.3f}"


def test_regions_with_names_and_many_segments(explain):
    explanation = explain(threshold=0.95)
    names = [f"region {number}" for number in range(16)]
    explanation.settings["segment_names"] = names
    assert "is seen at region 6: with" in answer(explanation)
    explanation.settings["segment_names"] = [f"segment {number}" for number in range(16)]
    explanation.settings["counterfactual"]["segments"] = [6, 12, 0, 5, 3]
    where = (
        "at the middle right and lower left and upper left of the picture (segments 6, 12, 0 and 2 more): "
    )
    assert where in answer(explanation)


def test_donors_by_name_distance_and_findings(explain):
    explanation = explain()
    first = explanation.neighbours.iloc[0]
    words = donor_words(explanation)
    assert len(words) == 4
    assert words[0] == f"{first.neighbor_id} (distance {first.distance:.2f}; Effusion, Pleural Thickening)"
