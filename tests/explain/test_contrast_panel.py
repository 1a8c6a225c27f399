from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from cxrneighbors.explain.colours import AGAINST, FOR
from cxrneighbors.explain.contrast_panel import NUMBERED, draw_contrast
from cxrneighbors.explain.full_size import FullSize
from cxrneighbors.explain.registry import build_explainer

LESION = 6


@pytest.fixture
def panel(world, model, options):
    def draw(image="p0", lesion=None, **more):
        explainer = build_explainer("contrast-lime", model, world.index, **{**options, **more})
        explanation = explainer.explain(image, "Nodule")
        return explanation, draw_contrast(explanation, FullSize.as_seen(explanation), lesion)

    return draw


def words(figure):
    found = [text.get_text() for text in figure.texts]
    found += [text.get_text() for axes in figure.axes for text in axes.texts]
    return "\n".join([*found, *(axes.get_title() for axes in figure.axes)])


def test_the_changed_film_stands_beside_the_film_with_its_scores(panel):
    explanation, figure = panel(threshold=0.95)
    changed = explanation.settings["counterfactual"]
    film, evidence, other = figure.axes[:3]
    assert film.get_title() == f"the film: Nodule {explanation.prediction:.2f}"
    assert other.get_title() == f"the film changed: Nodule {changed['score']:.2f}"
    assert np.asarray(other.images[0].get_array())[..., 0] == pytest.approx(explanation.counterfactual[0])
    outlined = other.collections[-1].get_paths()[0].get_extents()
    assert (outlined.x0, outlined.y0, outlined.x1, outlined.y1) == pytest.approx((23.5, 11.5, 35.5, 23.5))
    assert f"from {changed['donor']}\nthe decision, at 0.95, turns" in words(figure)
    values = np.asarray(evidence.images[1].get_array())
    assert values == pytest.approx(explanation.heatmap())


def test_the_lesion_is_drawn_where_it_is_known(panel):
    area = np.zeros((48, 48), dtype=bool)
    area[30:40, 5:15] = True
    _, figure = panel(lesion=area)
    assert "dashed yellow" in words(figure)
    for axes in figure.axes[:2]:
        extents = axes.collections[-1].get_paths()[0].get_extents()
        assert (extents.x0, extents.y0) == pytest.approx((4.5, 29.5))
    assert "dashed yellow" not in words(panel()[1])


def test_a_dot_a_donor_and_how_many_agree(panel):
    explanation, figure = panel()
    axes = next(axes for axes in figure.axes if axes.get_xlabel().startswith("what it adds"))
    assert len(axes.collections) == len(axes.patches) == NUMBERED
    for number, segment in enumerate(explanation.order()[:NUMBERED]):
        dots = axes.collections[number]
        assert np.asarray(dots.get_offsets())[:, 0] == pytest.approx(explanation.donor_weights[:, segment])
        for value, colour in zip(np.asarray(dots.get_offsets())[:, 0], dots.get_facecolors(), strict=True):
            assert colour[:3] == pytest.approx(FOR if value > 0 else AGAINST)
        agree = round(explanation.agreement()[segment] * 4)
        assert axes.get_yticklabels()[number].get_text().endswith(f"\n{agree} of 4 agree")
    assert axes.get_xlabel() == "what it adds to the log odds"
    mixed, figure = panel(mixed=True, link="identity")
    axes = next(axes for axes in figure.axes if axes.get_xlabel().startswith("what it adds"))
    assert axes.get_xlabel() == "what it adds to the score"
    assert mixed.donor_weights is None and not axes.collections and len(axes.patches) == NUMBERED


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"threshold": 0.9999}, "the score is below 0.9999 already"),
        ({"mirror": True, "image": "p0"}, "the score is at or above 0.5 already"),
        ({"counterfactual": False}, "none was asked for"),
    ],
)
def test_why_there_is_no_changed_film(panel, more, said):
    _, figure = panel(**more)
    assert said in words(figure)


def test_donors_are_named_and_the_one_shown_is_framed(panel):
    explanation, figure = panel(threshold=0.95)
    text = words(figure)
    assert "near films without Nodule" in text and "framed: shown in the marked area" in text
    donors = figure.axes[-4:]
    framed = [bool(axes.patches) for axes in donors]
    shown = explanation.neighbours["neighbor_id"] == explanation.settings["counterfactual"]["donor"]
    assert framed == shown.tolist()
    _, figure = panel(image="p1", mirror=True, k=5)
    assert "near films with Nodule" in words(figure) and "blue: here it would appear" in words(figure)


def test_long_names_of_segments_stay_on_the_page(panel):
    explanation, _ = panel()
    explanation.settings["segment_names"] = ["right middle lung"] * 16
    figure = draw_contrast(explanation, FullSize.as_seen(explanation))
    figure.draw_without_rendering()
    axes = next(axes for axes in figure.axes if axes.get_xlabel().startswith("what it adds"))
    for label in axes.get_yticklabels():
        assert "right middle lung" in label.get_text() and label.get_window_extent().x0 > figure.bbox.x0


def test_long_ids_of_donors_do_not_run_into_each_other(panel):
    explanation, _ = panel(k=5)
    names = [f"0000339{number}_003.png" for number in range(5)]
    explanation.neighbours["neighbor_id"] = names
    figure = draw_contrast(explanation, FullSize.as_seen(explanation))
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in figure.texts if text.get_text() in names]
    assert len(boxes) == 5
    for left, right in pairwise(boxes):
        assert left.x1 < right.x0
    assert boxes[-1].x1 < figure.bbox.x1
