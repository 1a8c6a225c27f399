from __future__ import annotations

import io
import re
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from cxrneighbors.figures import (
    DPI,
    PRINT_DPI,
    SERIES,
    WIDTHS,
    figure_files,
    new_figure,
    to_png,
    to_svg,
)

EVIL = [r"$x_1$", "<b>Mass</b>", "50 % & more", r"a$\frac{b$", r"\$1"]
# Linear RGB as a protanope and a deuteranope see it: Viénot, Brettel and Mollon (1999), Table 1.
BLIND = {
    "protan": [[0.11238, 0.88762, 0.0], [0.11238, 0.88762, 0.0], [0.00401, -0.00401, 1.0]],
    "deutan": [[0.29275, 0.70725, 0.0], [0.29275, 0.70725, 0.0], [-0.02234, 0.02234, 1.0]],
}


def drawn(constrained: bool = False, words: str = "words", width: float = 2):
    figure = new_figure(width, 1.5, constrained)
    figure.add_subplot().plot([0, 1])
    figure.axes[0].set_title(words)
    return figure


def test_equal_figures_are_equal_files_of_the_size_asked_for() -> None:
    for written in (to_png, to_svg):
        assert written(drawn(True)) == written(drawn(True)) != written(drawn(False))
    assert Image.open(io.BytesIO(to_png(drawn()))).size == (2 * DPI, 1.5 * DPI)


def test_an_svg_needs_no_font_and_leaves_matplotlib_as_it_was() -> None:
    before = dict(matplotlib.rcParams)
    svg = ElementTree.fromstring(to_svg(drawn()))
    assert dict(matplotlib.rcParams) == before
    assert svg.get("width") == "144pt" and svg.get("height") == "108pt"
    assert not list(svg.iter("{http://www.w3.org/2000/svg}text"))
    assert len(list(svg.iter("{http://www.w3.org/2000/svg}path"))) > 10


def with_text(figure, words):
    """Everywhere that a figure can say something."""
    figure.text(0.1, 0.1, words)
    axes = figure.add_subplot()
    axes.set_title(words)
    axes.set_yticks([0, 1], [words, "plain"])
    axes.plot([0, 1], label=words)
    figure.legend()
    axes.text(0.1, 0.1, words)
    return figure


@pytest.mark.parametrize("words", EVIL)
def test_a_text_is_drawn_as_it_stands(words: str) -> None:
    """As matplotlib itself draws it with formulas switched off; with them on it would differ or fail."""
    ours = with_text(new_figure(3, 2), words)
    with matplotlib.rc_context({"text.parse_math": False}):
        literal = to_png(with_text(Figure((3, 2), facecolor="white"), words), DPI)
    assert to_png(ours) == literal
    ElementTree.fromstring(to_svg(ours))


def test_constrained_layout_meets_no_formula_either() -> None:
    assert to_png(drawn(True, r"$\nothing$")).startswith(b"\x89PNG")


def test_a_figure_for_print_comes_in_two_widths_two_formats_and_with_its_numbers() -> None:
    files = figure_files("shares", lambda width: drawn(width=width), "a,b\n1,2\n")
    assert set(files) == {
        "shares.csv", "shares-1col.png", "shares-1col.svg", "shares-2col.png", "shares-2col.svg",
    }  # fmt: skip
    assert files["shares.csv"] == b"a,b\n1,2\n"
    for name, width in WIDTHS.items():
        pixels = Image.open(io.BytesIO(files[f"shares-{name}.png"])).size[0]
        assert pixels == round(width * PRINT_DPI)
        assert re.search(rf'width="{72 * width:g}pt"', files[f"shares-{name}.svg"].decode())
        assert round(25.4 * width) == {"1col": 89, "2col": 183}[name]


@pytest.mark.parametrize("blind", BLIND)
def test_neighbouring_colours_of_a_series_are_told_apart(blind: str) -> None:
    rgb = [np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]) for colour in SERIES[:4]]
    seen = [np.array(BLIND[blind]) @ colour**2.2 for colour in rgb]
    for number, one in enumerate(seen):
        for other in seen[:number]:
            assert np.abs(one - other).max() > 0.1
