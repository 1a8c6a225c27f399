from __future__ import annotations

import io
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text
from PIL import Image

from cxrneighbors.explain import pictures
from cxrneighbors.explain.colours import AGAINST, FOR
from cxrneighbors.explain.explanation import Explanation
from cxrneighbors.explain.full_size import FullSize
from cxrneighbors.explain.pictures import (
    DPI,
    PAGE_DPI,
    draw_panel,
    overlay,
    panel_files,
    panel_png,
    save_with_panel,
)
from cxrneighbors.explain.registry import METHODS, build_explainer
from cxrneighbors.figures import COLUMN_WIDTH, PAGE_WIDTH, WIDTHS


def texts(figure):
    own = [text.get_text() for text in figure.texts]
    return own + [axes.get_title() for axes in figure.axes]


def drawn_texts(figure):
    """All that is written on it, figure and axes."""
    found = list(figure.texts)
    for axes in figure.axes:
        found += axes.findobj(Text) if axes.axison else [axes.title]
    return [text for text in found if text.get_text().strip() and text.get_visible()]


@pytest.mark.parametrize("name", METHODS)
def test_every_panel_is_a_column_wide_and_names_what_it_shows(name, world, model, options):
    explanation = build_explainer(name, model, world.index, **options).explain("p0", "Nodule")
    figure = draw_panel(explanation)
    shown = "\n".join(texts(figure))
    assert figure.get_figwidth() == (PAGE_WIDTH if name == "contrast-lime" else COLUMN_WIDTH)
    assert shown.startswith("Why Nodule? ") and f"{explanation.prediction:.2f}" in shown
    assert "p0" in shown and METHODS[name].title in shown
    for _, row in explanation.neighbours.iterrows():
        findings, distance = row["findings"], row["distance"]
        assert f"d {distance:.2f}" in shown or f"distance {distance:.2f}" in shown
        assert row["neighbor_id"] in shown.split()
        for finding in findings:
            assert all(word in shown for word in finding.split("_"))
    assert all(text.get_fontsize() >= 5.5 for text in figure.texts)


@pytest.mark.parametrize("name", METHODS)
def test_no_text_leaves_the_page(name, world, model, options):
    explanation = build_explainer(name, model, world.index, **options).explain("p1", "Nodule")
    figure = draw_panel(explanation)
    figure.draw_without_rendering()
    page = figure.bbox
    for text in drawn_texts(figure):
        box = text.get_window_extent()
        assert box.x0 >= page.x0 - 1 and box.x1 <= page.x1 + 1, text.get_text()
        assert box.y0 >= page.y0 - 1 and box.y1 <= page.y1 + 1, text.get_text()


def test_segments_for_are_orange_and_against_blue(world, model, options):
    explanation = build_explainer("lime", model, world.index, **options).explain("p0", "Nodule")
    picture = overlay(explanation, 1)
    assert picture[12, 30] == pytest.approx(FOR) and picture[18, 30, 0] > picture[18, 30, 2]
    assert (picture[40, 5] == explanation.image[0, 40, 5]).all()
    against = build_explainer("lime", model, world.index, **options).explain("p0", "Effusion")
    assert overlay(against, 1)[12, 30] == pytest.approx(AGAINST)


def test_a_film_in_its_own_size_lies_under_the_segments(world, model, options):
    explanation = build_explainer("lime", model, world.index, **options).explain("p0", "Nodule")
    large = np.repeat(np.repeat(explanation.image, 3, axis=1), 3, axis=2)
    picture = overlay(explanation, 1, large)
    assert picture.shape == (144, 144, 3) and picture[36, 90] == pytest.approx(FOR)
    assert (picture[120, 15] == explanation.image[0, 40, 5]).all()
    shown = draw_panel(explanation, full=FullSize(large, None, None)).axes[0].images[0]
    assert shown.get_array().shape == (144, 144, 3)


def test_sigma_has_one_colour_an_integer(world, model, options):
    explanation = build_explainer("sigma-lime", model, world.index, **options).explain("p0", "Nodule")
    heat = draw_panel(explanation).axes[2].images[0]
    assert heat.norm.boundaries.tolist() == [value - 0.5 for value in range(-4, 6)]
    colours = heat.cmap(heat.norm(np.arange(-4, 5)))
    assert len(np.unique(colours, axis=0)) == 9 and colours[4] == pytest.approx([1, 1, 1, 1], abs=0.01)


def test_a_png_of_300_dots_an_inch(world, model, options):
    explanation = build_explainer("kp-lime", model, world.index, **options).explain("p0", "Nodule")
    with Image.open(io.BytesIO(panel_png(explanation))) as picture:
        assert picture.width == int(COLUMN_WIDTH * DPI) and picture.format == "PNG"
    wide = build_explainer("contrast-lime", model, world.index, **options).explain("p0", "Nodule")
    with Image.open(io.BytesIO(panel_png(wide))) as picture:
        assert picture.width == PAGE_WIDTH * PAGE_DPI


def test_segments_that_were_not_selected_are_hatched_and_counted(world, model, options):
    options["num_features"] = 3
    explanation = build_explainer("lime", model, world.index, **options).explain("p0", "Nodule")
    figure = draw_panel(explanation)
    assert "13 of 16 segments weigh 0 (hatched)" in "\n".join(texts(figure))
    found = [each for axes in figure.axes for each in axes.collections]
    sets = [each for each in found if "////" in getattr(each, "hatches", [])]
    assert len(sets) == 1
    inside = sets[0].get_paths()[0]
    for segment in range(16):
        y, x = (index.mean() for index in np.nonzero(explanation.segments == segment))
        assert inside.contains_point((x, y)) == (explanation.weights[segment] == 0), segment
    options["num_features"] = None
    whole = draw_panel(build_explainer("lime", model, world.index, **options).explain("p0", "Nodule"))
    assert "weigh 0" not in "\n".join(texts(whole))


@pytest.mark.parametrize("width", WIDTHS.values())
@pytest.mark.parametrize("name", METHODS)
def test_a_panel_of_either_width_holds_its_texts_and_films(name, width, world, model, options):
    explanation = build_explainer(name, model, world.index, **options).explain("p1", "Nodule")
    figure = draw_panel(explanation, width=width)
    figure.draw_without_rendering()
    assert figure.get_figwidth() == width
    boxes = [text.get_window_extent() for text in drawn_texts(figure)]
    assert all(box.x0 >= -1 and box.x1 <= figure.bbox.x1 + 1 and box.y0 >= -1 for box in boxes)
    for neighbour in explanation.neighbours["neighbor_id"]:
        assert neighbour in "\n".join(texts(figure))


def test_k_lime_shows_films_in_their_own_size_under_the_overlay(world, model, options):
    explanation = build_explainer("k-lime", model, world.index, **options).explain("p0", "Nodule")
    large = [np.kron(part.image, np.ones((1, 2, 2))) for part in (explanation, *explanation.parts)]
    figure = draw_panel(explanation, full=FullSize(large[0], None, large[1:]))
    shown = [axes.images[0].get_array().shape for axes in figure.axes[: 2 * len(large) : 2]]
    assert shown == [(96, 96, 3)] * len(large)


@pytest.mark.parametrize("name", ["kp-lime", "contrast-lime"])
def test_files_of_a_panel_and_names_that_look_like_formulas(name, world, model, options):
    explanation = build_explainer(name, model, world.index, **options).explain("p0", "Nodule")
    explanation.image_id, explanation.findings = "$x_1$ <b> 50 %", [r"$\frac{$", "<b>%</b>"]
    explanation.neighbours["neighbor_id"] = [f"$n_{n}$" for n in range(len(explanation.neighbours))]
    files = panel_files(explanation)
    wanted = {f"panel-{width}.{kind}" for width in WIDTHS for kind in ("png", "svg")}
    assert set(files) == wanted | {"panel.png", "panel.csv"}
    rows = pd.read_csv(io.BytesIO(files["panel.csv"])).set_index("segment")["weight"]
    for segment, weight in enumerate(explanation.weights):
        assert rows.get(segment, 0.0) == pytest.approx(weight)
    svg = ElementTree.fromstring(files["panel-2col.svg"])
    assert svg.get("width") == f"{72 * PAGE_WIDTH:g}pt"


def test_a_panel_that_fails_loses_no_explanation(world, model, options, tmp_path, monkeypatch):
    explanation = build_explainer("lime", model, world.index, **options).explain("p0", "Nodule")

    def fail(*_):
        raise RuntimeError("no ink")

    monkeypatch.setattr(pictures, "panel_files", fail)
    with pytest.raises(RuntimeError, match="no ink"):
        save_with_panel(explanation, tmp_path / "out")
    assert Explanation.load(tmp_path / "out").weights == pytest.approx(explanation.weights)


def test_a_flat_explanation_draws_too(world, options):
    explanation = build_explainer(
        "lime", lambda images: np.full((len(images), 2), 0.5), world.index, **options
    )
    assert draw_panel(explanation.explain(np.zeros((48, 48)), "Nodule"))
