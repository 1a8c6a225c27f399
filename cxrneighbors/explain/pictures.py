"""One panel a method, to be read at the width of a printed column or page, Contrast-LIME's at a page's.

Target with its prediction, segments that speak for it in orange and against it in blue, the heat map in the
same colours, white at zero, and the neighbours with ids, findings and distances; after Figures 6 to 8 of
"Modifying LIME for Medical Images" and Figures 5 to 7 of LIME-RAY.
"""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cxrneighbors.csv_text import csv_text
from cxrneighbors.explain.answer import evidence, question
from cxrneighbors.explain.colours import AGAINST, FOR
from cxrneighbors.explain.contrast_panel import draw_contrast
from cxrneighbors.explain.explanation import Explanation
from cxrneighbors.explain.full_size import FullSize
from cxrneighbors.explain.page import (
    SMALL,
    Page,
    colour_bar,
    enlarged,
    grey,
    heat_colours,
    readable,
    show,
    wrapped,
)
from cxrneighbors.explain.registry import METHODS
from cxrneighbors.explain.rivals.registry import RIVALS
from cxrneighbors.figures import COLUMN_WIDTH, PAGE_WIDTH, WIDTHS, to_png, to_svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DPI, PAGE_DPI = 300, 200
TEXT, LETTER = 6.5, 0.055  # points; inches a small letter takes
PRO_CON = "for orange, against blue"


def draw_panel(
    explanation: Explanation,
    top: int = 6,
    full: FullSize | None = None,
    lesion: np.ndarray | None = None,
    width: float | None = None,
) -> Figure:
    """The panel of one explanation; `top`: segments marked for and against, by absolute weight.

    `width`: in inches, of a column or a page; None: a page's for Contrast-LIME, a column's for all others.

    `full`: its films as large as they are (`full_size`); without, as the classifier sees them. `lesion`: bool
    (H, W) of the explanation's size, where the finding is known to be, drawn on Contrast-LIME's panel.
    """
    full = full or FullSize.as_seen(explanation)
    if explanation.method == "contrast-lime":
        return draw_contrast(explanation, full, lesion, PAGE_WIDTH if width is None else width)
    width = COLUMN_WIDTH if width is None else width
    if explanation.method == "k-lime":
        return _side_by_side(explanation, top, full, width)
    return _panel(explanation, top, full, width)


def panel_png(
    explanation: Explanation,
    top: int = 6,
    full: FullSize | None = None,
    lesion: np.ndarray | None = None,
) -> bytes:
    """The panel as the bytes of a PNG: 300 dots an inch, 200 where it is a page wide."""
    figure = draw_panel(explanation, top, full, lesion)
    return to_png(figure, DPI if figure.get_figwidth() == COLUMN_WIDTH else PAGE_DPI)


def panel_files(
    explanation: Explanation, full: FullSize | None = None, lesion: np.ndarray | None = None
) -> dict[str, bytes]:
    """The panel as a user keeps it: panel.png, for print panel-1col and panel-2col as PNG and SVG, and
    panel.csv, every segment's weight."""
    files = {"panel.csv": csv_text(pd.DataFrame(evidence(explanation, len(explanation.weights)))).encode()}
    for name, width in WIDTHS.items():
        figure = draw_panel(explanation, full=full, lesion=lesion, width=width)
        files[f"panel-{name}.png"], files[f"panel-{name}.svg"] = to_png(figure, DPI), to_svg(figure)
    usual = "2col" if explanation.method == "contrast-lime" else "1col"
    return {"panel.png": files[f"panel-{usual}.png"], **files}


def save_with_panel(
    explanation: Explanation,
    folder: str | Path,
    full: FullSize | None = None,
    lesion: np.ndarray | None = None,
) -> None:
    """Save the explanation, then once more with its `panel_files`: a panel that fails loses nothing."""
    explanation.save(folder)
    explanation.save(folder, panel_files(explanation, full, lesion))


def overlay(explanation: Explanation, top: int, film: np.ndarray | None = None) -> np.ndarray:
    """The film with its `top` segments tinted and outlined, orange for, blue against: float (H, W, 3).

    `film`: the same film in another size, (C, H, W).
    """
    from scipy.ndimage import binary_dilation, binary_erosion

    film = explanation.image if film is None else film
    picture, mask = grey(film), enlarged(explanation.mask(top, positive_only=False), film)
    thickness = max(1, round(max(mask.shape) / 200))
    for sign, colour in ((1, FOR), (-1, AGAINST)):
        region = mask == sign
        picture[region] = 0.72 * picture[region] + 0.28 * np.array(colour)
        edge = binary_dilation(region) & ~binary_erosion(region, iterations=thickness)
        picture[edge] = colour
    return picture


def _panel(explanation: Explanation, top: int, full: FullSize, width: float) -> Figure:
    film, side, strip = full.film, 0.317 * width, _Strip(explanation, full, width)
    heights = [0.30, side + 0.47]
    page = Page(width, sum(heights) + strip.height)
    _headline(explanation, page)
    x = [0.02 * width + i * 0.3265 * width for i in range(3)]
    y = heights[0] + 0.13
    axes = [page.axes(left, y, side, side) for left in x]
    show(axes[0], grey(film), "film")
    show(axes[1], overlay(explanation, top, film), f"{PRO_CON} (top {top})")
    image = _heat(axes[2], explanation)
    _bar(page.axes(x[2] + 0.14 * side, y + side + 0.05, 0.72 * side, 0.06), image, explanation)
    page.text(x[0], y + side + 0.14, _below(explanation))
    strip.draw(page, sum(heights), "neighbours, distance d (1 = average pair of films)")
    return page.figure


def _side_by_side(explanation: Explanation, top: int, full: FullSize, width: float) -> Figure:
    """K*LIME: target and neighbours, three or six in a row, for and against above, heat map below."""
    films = (explanation, *explanation.parts)
    pictures = (full.film, *(full.neighbours if full.neighbours is not None else ()))
    across = 3 if width == COLUMN_WIDTH else 6
    rows = [films[i : i + across] for i in range(0, len(films), across)]
    step, letters = 0.98 * width / across, _characters(across, width)
    captions = [0.1 * (max(len(_caption(film, letters)) for film in row) + 1) + 0.06 for row in rows]
    side, head = 0.95 * step, 0.42
    height = head + sum(captions) + len(rows) * (2 * side + 0.08) + 0.34
    page = Page(width, height)
    _headline(explanation, page)
    page.text(0.02 * width, 0.36, f"above {PRO_CON} (top {top}), below heat map, one scale for all")
    limit = max(float(np.abs(film.weights).max()) for film in films) or 1.0
    image = None
    for n, film in enumerate(films):
        row, left = n // across, 0.02 * width + (n % across) * step
        y = head + sum(captions[:row]) + row * (2 * side + 0.08)
        title = "target" if n == 0 else f"{n}: d {explanation.neighbours['distance'].iloc[n - 1]:.2f}"
        page.caption(left, y + 0.1, f"{title}, score {film.prediction:.2f}", _caption(film, letters))
        y += captions[row]
        seen = pictures[n] if n < len(pictures) else None
        show(page.axes(left, y, side, side), overlay(film, top, seen))
        image = _heat(page.axes(left, y + side + 0.02, side, side), film, limit, title="")
    _bar(page.axes(0.3 * width, height - 0.30, 0.4 * width, 0.06), image, explanation)
    return page.figure


class _Strip:
    """The neighbours' films below the panel, `columns` in a row, with distances, ids and findings."""

    def __init__(self, explanation: Explanation, full: FullSize, width: float) -> None:
        table, self.images, self.width = explanation.neighbours, full.neighbours, width
        self.columns = min(5 if width == COLUMN_WIDTH else 10, len(table)) or 1
        self.across = max(self.columns, 4 if width == COLUMN_WIDTH else 8)
        letters = _characters(self.across, width)
        self.captions = [
            textwrap.wrap(str(name), letters) + wrapped(findings, letters)
            for name, findings in zip(table["neighbor_id"], table["findings"], strict=True)
        ]
        self.distances = list(table["distance"])
        self.rows = -(-len(table) // self.columns)
        self.strip = 0.96 * width / self.across
        self.step = self.strip + 0.1 * (max(map(len, self.captions), default=0) + 1) + 0.06
        self.height = 0.16 * bool(self.rows) + self.step * self.rows

    def draw(self, page: Page, y: float, title: str) -> None:
        """The films from `y` inches down."""
        if not self.rows:
            return
        page.text(0.02 * self.width, y + 0.1, title, TEXT)
        side = self.strip * 0.96
        for n, (lines, distance) in enumerate(zip(self.captions, self.distances, strict=True)):
            left = 0.02 * self.width + (n % self.columns) * 0.97 * self.width / self.across
            above = y + 0.16 + (n // self.columns) * self.step
            neighbour = page.axes(left, above, side, side)
            if self.images is not None:
                show(neighbour, grey(self.images[n]))
            page.caption(left, above + side + 0.1, f"d {distance:.2f}", lines)


def _headline(explanation: Explanation, page: Page) -> None:
    known: dict[str, Any] = {**METHODS, **RIVALS}
    method = known[explanation.method].title if explanation.method in known else explanation.method
    page.text(0.02 * page.width, 0.13, question(explanation), TEXT + 1, bold=True)
    name = f" of {explanation.image_id}" if explanation.image_id else ""
    findings = ", ".join(readable(finding) for finding in explanation.findings) or "not labelled"
    line = f"{method}{name}; labelled: {findings}"
    letters = int(81 * page.width / COLUMN_WIDTH)
    page.text(0.02 * page.width, 0.25, textwrap.shorten(line, letters, placeholder=" …"))


def _caption(film: Explanation, letters: int) -> list[str]:
    """Id and findings in lines of so many letters."""
    return textwrap.wrap(str(film.image_id or "film"), letters) + wrapped(film.findings, letters)


def _below(explanation: Explanation) -> str:
    """What stands under the first two pictures: fidelity and, where there is one, the certificate."""
    text = f"surrogate's fidelity (weighted R²) {explanation.fidelity:.2f}"
    if np.isnan(explanation.fidelity):
        text = "no surrogate; segments weigh the map's means" if explanation.pixel_map is not None else ""
    if (zero := len(explanation.zero_segments())) and explanation.pixel_map is None:
        text += f"\n{zero} of {len(explanation.weights)} segments weigh 0 (hatched)"
    stability = explanation.settings.get("stability")
    if stability is None:
        return text
    outcome = "order of top segments stable" if stability["stable"] else "order not stable at the cap"
    return f"{text}\n{outcome} (P change {stability['probability']:.2f})"


def _characters(columns: int, width: float) -> int:
    """Letters of a caption that fit into one of so many columns."""
    return int(width / columns / LETTER)


def _heat(axes: Axes, explanation: Explanation, limit: float | None = None, title: str = "heat map") -> Any:
    """Heat map over a faint film; returns what a colour bar needs. Σ-LIME's has one colour an integer."""
    from matplotlib.colors import BoundaryNorm, Normalize
    from matplotlib.patches import Rectangle
    from scipy.ndimage import gaussian_filter

    values = explanation.heatmap()
    if _is_sum(explanation):
        k = len(explanation.parts) or int(np.abs(values).max()) or 1
        norm: Normalize = BoundaryNorm(np.arange(-k - 0.5, k + 1), 256)
    else:
        limit = limit or float(np.abs(values).max()) or 1.0
        norm = Normalize(-limit, limit)
    image = axes.imshow(values, cmap=heat_colours(), norm=norm, interpolation="nearest")
    _hatch_zeros(axes, explanation)
    outline = gaussian_filter(explanation.image.mean(axis=0), max(values.shape) / 90)
    if np.ptp(outline) > 0:
        axes.contour(outline, levels=5, colors="black", linewidths=0.25, alpha=0.4)
    height, width = values.shape
    axes.add_patch(Rectangle((-0.5, -0.5), width, height, fill=False, color="0.6", linewidth=0.5))
    axes.set_title("sum of masks" if _is_sum(explanation) else title, size=SMALL, pad=2)
    return image


def _is_sum(explanation: Explanation) -> bool:
    """Whether the map is Σ-LIME's: integers, sums of masks."""
    values = explanation.pixel_map
    return values is not None and np.issubdtype(values.dtype, np.integer)


def _hatch_zeros(axes: Axes, explanation: Explanation) -> None:
    """Hatch segments that weigh exactly 0, which a colour cannot tell from a small weight."""
    zero = explanation.zero_segments()
    if explanation.pixel_map is None and 0 < len(zero) < len(explanation.weights):
        from matplotlib import rc_context

        inside = np.isin(explanation.segments, zero).astype(float)
        with rc_context({"hatch.linewidth": 0.2, "hatch.color": "0.6"}):
            axes.contourf(inside, levels=[0.5, 1.5], colors="none", hatches=["////"])


def _bar(axes: Axes, image: Any, explanation: Explanation) -> None:
    # The outermost colour of a map of integers ends half a step beyond its integer.
    colour_bar(axes, image, image.norm.vmax - (0.5 if _is_sum(explanation) else 0))
