from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from cxrneighbors.explain import sheet
from cxrneighbors.explain.colours import FOR
from cxrneighbors.explain.registry import METHODS, build_explainer
from cxrneighbors.explain.sheet import DPI, STRONGEST, contact_sheet, heat_over_film
from cxrneighbors.figures import PAGE_WIDTH


@pytest.fixture
def explain(world, model, options):
    def run(name="lime", image="p0", target="Nodule", **more):
        return build_explainer(name, model, world.index, **{**options, **more}).explain(image, target)

    return run


def test_orange_for_blue_against_and_the_bare_film_where_a_segment_weighs_nothing(explain):
    explanation = explain(num_features=1)
    picture = heat_over_film(explanation)
    lesion = explanation.segments == 6
    grey = np.repeat(explanation.image[0][..., None], 3, axis=2)
    assert (picture[~lesion] == grey[~lesion]).all()
    mixed = (1 - STRONGEST) * grey[lesion] + STRONGEST * np.array(FOR)
    assert picture[lesion] == pytest.approx(mixed, abs=1e-6)
    against = heat_over_film(explain(num_features=1, target="Effusion"))
    assert against[16, 28, 2] > against[16, 28, 0]


def test_opacity_grows_with_the_weight(explain):
    explanation = explain()
    explanation.weights = np.zeros(16)
    explanation.weights[[0, 1, 6]] = 0.1, -0.2, 0.4
    change = np.abs(heat_over_film(explanation) - explanation.image.transpose(1, 2, 0)).mean(2)
    by_segment = [change[explanation.segments == segment].mean() for segment in (2, 0, 1)]
    assert by_segment[0] == 0 < by_segment[1] < by_segment[2]
    explanation.weights[:] = 0
    assert (heat_over_film(explanation) == explanation.image.transpose(1, 2, 0)).all()


@pytest.mark.parametrize("name", METHODS)
def test_every_method_has_its_place(name, explain):
    explanation = explain(name)
    with Image.open(io.BytesIO(contact_sheet([explanation], ["p0"], ["true-positive"], "One"))) as picture:
        assert picture.width == round(PAGE_WIDTH * DPI)


def test_texts_name_each_film_its_score_outcome_and_findings_and_stay_on_the_page(explain, monkeypatch):
    figures = []
    monkeypatch.setattr(sheet, "to_png", lambda figure, dpi: figures.append(figure) or b"")
    explanations = [explain(image=f"p{number}") for number in range(4)]
    explanations[2].findings = [f"Pleural_Thickening_{number}" for number in range(9)]
    explanations[3].findings = []
    names = ["p0", "a_name_that_is_far_too_long_for_its_place" * 3, "p2", "film.png"]
    outcomes = ["true-positive", "false-positive", "false-negative", ""]
    contact_sheet(explanations, names, outcomes, "LIME: false-positives of Nodule")
    figure = figures[0]
    figure.draw_without_rendering()
    shown = [text.get_text() for text in figure.texts]
    assert shown[0] == "LIME: false-positives of Nodule" and "orange for, blue against" in shown[1]
    for explanation, outcome in zip(explanations, outcomes, strict=True):
        line = f"Nodule {explanation.prediction:.2f} {outcome.replace('-', ' ')}".strip()
        assert (f"✗ {line}" if outcome.startswith("false") else line) in shown
    assert "labelled: Effusion, Pleural Thickening" in shown and "not labelled" in shown
    assert shown[5] == names[1][:41] + "…"
    assert {text.get_color() for text in figure.texts} == {"black"}  # colours belong to the evidence
    boxes = [text.get_window_extent() for text in figure.texts]
    page = figure.bbox
    assert all(box.x0 >= page.x0 and box.x1 <= page.x1 and box.y0 >= page.y0 for box in boxes)
    tile = page.width / 3
    assert all(box.width <= tile for box in boxes[2:])
    films = [axes for axes in figure.axes if axes.images]
    assert len(films) == 8
    spans = [axes.get_window_extent() for axes in films]
    for box in boxes:
        assert not any(box.overlaps(span) for span in spans)
