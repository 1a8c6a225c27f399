from __future__ import annotations

import numpy as np
import pytest

from cxrneighbors.explain.colours import AGAINST, FOR, LESION
from cxrneighbors.explain.page import (
    Page,
    colour_bar,
    enlarged,
    grey,
    heat_colours,
    outline,
    show,
    tints,
    wrapped,
)


def drawn(page):
    """The page as pixels: float (H, W, 3)."""
    page.figure.canvas.draw()
    return np.asarray(page.figure.canvas.buffer_rgba())[..., :3] / 255


def test_axes_and_text_are_placed_by_inches_from_above():
    page = Page(2.0, 4.0)
    page.axes(0.5, 1.0, 1.0, 0.5).imshow(np.zeros((2, 4)), cmap="gray")
    page.text(0.1, 0.3, "words", 6)
    pixels = drawn(page)
    dark = np.argwhere(pixels[200:].sum(-1) < 0.5) + np.array([200, 0])
    assert dark.min(0) == pytest.approx([200, 100], abs=2) and dark.max(0) == pytest.approx([300, 300], abs=2)
    words = np.argwhere(pixels[:100].sum(-1) < 1.5)
    assert words[:, 0].max() == pytest.approx(60, abs=6) and words[:, 1].min() == pytest.approx(20, abs=4)


def test_enlarged_repeats_pixels():
    values = np.arange(6).reshape(2, 3)
    assert (enlarged(values, np.zeros((1, 4, 9))) == np.repeat(np.repeat(values, 2, 0), 3, 1)).all()
    assert (enlarged(values, np.zeros((2, 3))) == values).all()


def test_grey_of_one_and_three_channels():
    film = np.random.default_rng(0).random((3, 4, 5))
    assert grey(film).shape == (4, 5, 3) and grey(film)[1, 2] == pytest.approx(film[:, 1, 2].mean())
    assert (grey(film[0])[..., 1] == film[0]).all()


@pytest.mark.parametrize("lesion", [False, True])
def test_an_outline_runs_along_the_edge(lesion):
    page, area = Page(1.0, 1.0), np.zeros((20, 20), dtype=bool)
    area[5:15, 5:15] = True
    axes = page.axes(0, 0, 1, 1)
    show(axes, np.full((20, 20, 3), 0.5))
    outline(axes, area, lesion=lesion)
    pixels = drawn(page)
    assert pixels[100, 100] == pytest.approx([0.5] * 3, abs=0.01)  # neither inside
    assert pixels[20, 20] == pytest.approx([0.5] * 3, abs=0.01)  # nor outside
    colour = LESION if lesion else (1, 1, 1)
    assert (np.abs(pixels[100, 40:60] - colour).max(-1) < 0.12).any() or lesion
    assert (np.abs(pixels[30:170, 45:55] - colour).max(-1) < 0.12).any()
    before = len(axes.collections)
    outline(axes, np.ones((20, 20), dtype=bool))
    outline(axes, np.zeros((20, 20), dtype=bool))
    assert len(axes.collections) == before


def test_tints_let_the_film_through_where_nothing_speaks():
    ends = tints()([0.0, 0.5, 1.0])
    assert ends[0, :3] == pytest.approx(AGAINST) and ends[2, :3] == pytest.approx(FOR)
    assert ends[1, 3] == 0 and 0.5 < ends[0, 3] == ends[2, 3] < 1
    assert heat_colours()(0.5)[:3] == pytest.approx([1, 1, 1], abs=0.01)


def test_the_bar_says_which_side_is_which():
    page = Page(2.0, 1.0)
    image = page.axes(0, 0, 1, 0.5).imshow([[-2.0, 2.0]], cmap=tints(), vmin=-2, vmax=2)
    bar = page.axes(0.2, 0.6, 1, 0.1)
    colour_bar(bar, image, 2.0)
    assert [each.get_text() for each in bar.get_xticklabels()] == ["-2", "0", "2"]
    assert bar.get_xlabel().split() == ["against", "for"]


def test_findings_are_wrapped():
    assert wrapped(["Pleural_Thickening", "Mass"], 10) == ["Pleural", "Thickening", "Mass"]
    assert wrapped([], 20) == ["not labelled"]
