"""One panel a method, to be read at the width of a printed column (90 mm).

Target with its prediction, pros in green and cons in red, the heat map (red for, blue against, white zero),
and the neighbours with their findings and distances; after Figures 6 to 8 of "Modifying LIME for Medical
Images" and Figures 5 to 7 of LIME-RAY.
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np

from cxrneighbors.explain.explanation import Explanation
from cxrneighbors.explain.registry import METHODS
from cxrneighbors.explain.rivals.registry import RIVALS
from cxrneighbors.figures import new_figure, to_png

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 3.54  # inches: 90 mm
DPI = 300
TEXT, SMALL = 6.5, 5.5  # points
PRO, CON = (0.10, 0.62, 0.22), (0.84, 0.12, 0.12)
OUTLINE = (0.94, 0.89, 0.26)  # yellow, of no meaning in the heat map
PRO_CON = "pros green, cons red"
# As ColorBrewer's RdBu, but zero is white, not grey.
HEAT = ("#053061", "#2f79b5", "#a7d0e4", "#ffffff", "#f9c3a9", "#c94641", "#67001f")


def draw_panel(explanation: Explanation, top: int = 6) -> Figure:
    """The panel of one explanation; `top`: segments marked as pros and cons, by absolute weight."""
    if explanation.method == "contrast-lime":
        return _contrast(explanation)
    return _side_by_side(explanation, top) if explanation.method == "k-lime" else _panel(explanation, top)


def panel_png(explanation: Explanation, top: int = 6) -> bytes:
    """The panel as the bytes of a PNG at 300 dots an inch."""
    return to_png(draw_panel(explanation, top), DPI)


def overlay(explanation: Explanation, top: int) -> np.ndarray:
    """The film with its `top` segments tinted green (pros) and red (cons) and outlined: float (H, W, 3)."""
    from scipy.ndimage import binary_dilation, binary_erosion

    picture = _grey(explanation.image)
    mask = explanation.mask(top, positive_only=False)
    thickness = max(1, round(max(mask.shape) / 200))
    for sign, colour in ((1, PRO), (-1, CON)):
        region = mask == sign
        picture[region] = 0.72 * picture[region] + 0.28 * np.array(colour)
        edge = binary_dilation(region) & ~binary_erosion(region, iterations=thickness)
        picture[edge] = colour
    return picture


def _panel(explanation: Explanation, top: int) -> Figure:
    side, strip = 0.317 * WIDTH, _Strip(explanation)
    heights = [0.30, side + 0.47]
    page = _Page(sum(heights) + strip.height)
    _headline(explanation, page)
    x = [0.02 * WIDTH + i * 0.3265 * WIDTH for i in range(3)]
    y = heights[0] + 0.13
    axes = [page.axes(left, y, side, side) for left in x]
    _show(axes[0], _grey(explanation.image), "film")
    _show(axes[1], overlay(explanation, top), f"{PRO_CON} (top {top})")
    image = _heat(axes[2], explanation)
    _colour_bar(page.axes(x[2] + 0.14 * side, y + side + 0.05, 0.72 * side, 0.06), image, explanation)
    page.text(x[0], y + side + 0.14, _below(explanation))
    strip.draw(page, sum(heights), "neighbours: findings, distance d (1 = average pair of films)")
    return page.figure


def _contrast(explanation: Explanation) -> Figure:
    """Contrast-LIME: film, evidence on the film, the film at which the decision turns, and the donors."""
    side, strip = 0.317 * WIDTH, _Strip(explanation, ids=True)
    lines = _evidence_lines(explanation)
    heights = [0.30, side + 0.51, 0.1 * len(lines) + 0.06]
    page = _Page(sum(heights) + strip.height)
    _headline(explanation, page)
    x = [0.02 * WIDTH + i * 0.3265 * WIDTH for i in range(3)]
    y = heights[0] + 0.13
    axes = [page.axes(left, y, side, side) for left in x]
    _show(axes[0], _grey(explanation.image), "film")
    image = _heat_on_film(axes[1], explanation)
    _colour_bar(page.axes(x[1] + 0.14 * side, y + side + 0.05, 0.72 * side, 0.06), image, explanation)
    changed = explanation.settings.get("counterfactual")
    if changed is not None and explanation.counterfactual is not None:
        area = np.isin(explanation.segments, changed["segments"])
        _show(
            axes[2],
            _outlined(explanation.counterfactual, area),
            f"changed film: score {changed['score']:.2f}",
        )
    else:
        _show(axes[2], np.ones((1, 1, 3)), "no changed film")
    page.text(x[0], y + side + 0.14, f"fidelity {explanation.fidelity:.2f}")
    for number, line in enumerate(lines):
        page.text(x[0], sum(heights[:2]) + 0.02 + 0.1 * number, line)
    kind = "with" if explanation.settings.get("with_finding") else "without"
    strip.draw(
        page, sum(heights), f"donors {kind} {_readable(explanation.target)}, distance d (1 = average pair)"
    )
    return page.figure


def _evidence_lines(explanation: Explanation) -> list[str]:
    """What was changed in the changed film, and how sure the strongest segments are."""
    lines, settings = [], explanation.settings
    names, changed = settings["segment_names"], settings.get("counterfactual")
    if changed is not None:
        count = len(changed["segments"])
        parts = f"{count} outlined segment{'' if count == 1 else 's'}"
        turned = "turns the decision" if changed["flipped"] else "does not turn it"
        line = f"{parts} as in {changed['donor']}: {explanation.prediction:.2f} to {changed['score']:.2f}"
        lines.append(f"{line}, {turned} (at {changed['threshold']:g})")
    errors, agreement = explanation.standard_error(), explanation.agreement()
    n_donors = len(explanation.neighbours)
    for number, segment in enumerate(_marked(explanation), start=1):
        line = f"{number} ({names[segment]}): {explanation.weights[segment]:+.3f}"
        line += "" if np.isnan(errors[segment]) else f" ± {errors[segment]:.3f}"
        lines.append(f"{line}, {round(agreement[segment] * n_donors)} of {n_donors} donors agree")
    return [textwrap.shorten(line, 82, placeholder=" …") for line in lines]


def _marked(explanation: Explanation) -> np.ndarray:
    """The segments that have a number in the picture: at most three of largest absolute weight, none of 0."""
    order = explanation.order()[:3]
    return np.asarray(order[explanation.weights[order] != 0])


def _innermost(area: np.ndarray) -> tuple[int, int]:
    """Row and column of the pixel of `area` bool (H, W) that is farthest from its edge."""
    from scipy.ndimage import distance_transform_edt

    inside = distance_transform_edt(np.pad(area, 1))[1:-1, 1:-1]
    row, column = np.unravel_index(int(inside.argmax()), area.shape)
    return int(row), int(column)


def _outlined(film: np.ndarray, area: np.ndarray) -> np.ndarray:
    """A film (C, H, W) with the edge of `area` bool (H, W) drawn in yellow: float (H, W, 3)."""
    from scipy.ndimage import binary_erosion

    picture = _grey(film)
    edge = area & ~binary_erosion(area, iterations=max(1, round(max(area.shape) / 200)))
    picture[edge] = OUTLINE
    return picture


def _heat_on_film(axes: Axes, explanation: Explanation) -> Any:
    """Evidence on the film, which shows through where there is little; returns what a colour bar needs."""
    from matplotlib.colors import LinearSegmentedColormap, Normalize
    from matplotlib.patheffects import withStroke

    values = explanation.heatmap()
    limit = float(np.abs(values).max()) or 1.0
    _show(axes, _grey(explanation.image), "evidence, strongest segments numbered")
    for number, segment in enumerate(_marked(explanation), start=1):
        y, x = _innermost(explanation.segments == segment)
        edge = [withStroke(linewidth=1.2, foreground="white")]
        axes.text(x, y, str(number), size=SMALL, ha="center", va="center", path_effects=edge)
    colours = LinearSegmentedColormap.from_list("heat", HEAT)
    share = np.sqrt(np.abs(values) / limit)
    return axes.imshow(values, cmap=colours, norm=Normalize(-limit, limit), alpha=share)


def _side_by_side(explanation: Explanation, top: int) -> Figure:
    """K*LIME: target and neighbours in a grid of three columns, pros and cons above, heat map below."""
    films = (explanation, *explanation.parts)
    rows = [films[i : i + 3] for i in range(0, len(films), 3)]
    captions = [0.1 * (max(len(_wrapped(film.findings, 3)) for film in row) + 1) + 0.06 for row in rows]
    side, head = 0.31 * WIDTH, 0.42
    height = head + sum(captions) + len(rows) * (2 * side + 0.08) + 0.34
    page = _Page(height)
    _headline(explanation, page)
    page.text(0.02 * WIDTH, 0.36, f"above {PRO_CON} (top {top}), below heat map, one scale for all")
    limit = max(float(np.abs(film.weights).max()) for film in films) or 1.0
    image = None
    for n, film in enumerate(films):
        row, left = n // 3, 0.02 * WIDTH + (n % 3) * 0.3265 * WIDTH
        y = head + sum(captions[:row]) + row * (2 * side + 0.08)
        title = "target" if n == 0 else f"{n}: d {explanation.neighbours['distance'].iloc[n - 1]:.2f}"
        page.caption(left, y + 0.1, f"{title}, score {film.prediction:.2f}", _wrapped(film.findings, 3))
        y += captions[row]
        _show(page.axes(left, y, side, side), overlay(film, top))
        image = _heat(page.axes(left, y + side + 0.02, side, side), film, limit, title="")
    _colour_bar(page.axes(0.3 * WIDTH, height - 0.30, 0.4 * WIDTH, 0.06), image, explanation)
    return page.figure


class _Strip:
    """The neighbours' films below the panel, `columns` in a row, with findings and distances."""

    def __init__(self, explanation: Explanation, ids: bool = False) -> None:
        table, self.images = explanation.neighbours, explanation.neighbour_images
        self.columns = min(5, len(table)) or 1
        self.captions = [_wrapped(findings, self.columns) for findings in table["findings"]]
        if ids:
            self.captions = [
                textwrap.wrap(name, _characters(self.columns)) + lines
                for name, lines in zip(table["neighbor_id"], self.captions, strict=True)
            ]
        self.distances = list(table["distance"])
        self.rows = -(-len(table) // self.columns)
        self.strip = 0.96 * WIDTH / max(self.columns, 4)
        self.step = self.strip + 0.1 * (max(map(len, self.captions), default=0) + 1) + 0.06
        self.height = 0.16 * bool(self.rows) + self.step * self.rows

    def draw(self, page: _Page, y: float, title: str) -> None:
        """The films from `y` inches down."""
        if not self.rows:
            return
        page.text(0.02 * WIDTH, y + 0.1, title, TEXT)
        side = self.strip * 0.96
        for n, (lines, distance) in enumerate(zip(self.captions, self.distances, strict=True)):
            left = 0.02 * WIDTH + (n % self.columns) * 0.97 * WIDTH / max(self.columns, 4)
            above = y + 0.16 + (n // self.columns) * self.step
            neighbour = page.axes(left, above, side, side)
            if self.images is not None:
                _show(neighbour, _grey(self.images[n]))
            page.caption(left, above + side + 0.1, f"d {distance:.2f}", lines)


def _headline(explanation: Explanation, page: _Page) -> None:
    name = f" of {explanation.image_id}" if explanation.image_id else ""
    known: dict[str, Any] = {**METHODS, **RIVALS}
    method = known[explanation.method].title if explanation.method in known else explanation.method
    title = f"{method}: {_readable(explanation.target)}{name}"
    page.text(0.02 * WIDTH, 0.13, title, TEXT + 1, bold=True)
    findings = ", ".join(_readable(finding) for finding in explanation.findings) or "not labelled"
    line = f"classifier's score {explanation.prediction:.2f}; labelled: {findings}"
    page.text(0.02 * WIDTH, 0.25, textwrap.shorten(line, 82, placeholder=" …"))


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


def _wrapped(findings: list[str], columns: int) -> list[str]:
    """Findings in lines that fit below a picture, `columns` of which share the column's width."""
    names = [_readable(finding) for finding in findings] or ["not labelled"]
    return [line for name in names for line in textwrap.wrap(name, _characters(columns))]


def _characters(columns: int) -> int:
    return {1: 16, 2: 16, 3: 19, 4: 16}.get(columns, 13)


def _readable(name: str) -> str:
    return name.replace("_", " ")


class _Page:
    """A figure one column wide; axes and text are placed by inches from its upper left corner."""

    def __init__(self, height: float) -> None:
        self.height = height
        self.figure: Figure = new_figure(WIDTH, height)

    def axes(self, left: float, top: float, width: float, height: float) -> Axes:
        """Axes without frame."""
        below = 1 - (top + height) / self.height
        axes = self.figure.add_axes((left / WIDTH, below, width / WIDTH, height / self.height))
        axes.set_axis_off()
        return axes

    def text(self, left: float, top: float, text: str, size: float = SMALL, bold: bool = False) -> None:
        """Text whose first line's baseline is `top` inches down."""
        x, y = left / WIDTH, 1 - (top - size / 72) / self.height
        self.figure.text(x, y, text, size=size, weight="bold" if bold else "normal", va="top", ha="left")

    def caption(self, left: float, top: float, title: str, lines: list[str]) -> None:
        """A title in bold and lines below it."""
        self.text(left, top, title, bold=True)
        for number, line in enumerate(lines, start=1):
            self.text(left, top + 0.1 * number, line)


def _grey(film: np.ndarray) -> np.ndarray:
    """(C, H, W) -> (H, W, 3)."""
    return np.repeat(film.mean(axis=0)[..., None], 3, axis=2)


def _show(axes: Axes, picture: np.ndarray, title: str = "") -> None:
    axes.imshow(np.clip(picture, 0, 1), interpolation="bilinear")
    axes.set_title(title, size=SMALL, pad=2)


def _heat(axes: Axes, explanation: Explanation, limit: float | None = None, title: str = "heat map") -> Any:
    """Heat map over a faint film; returns what a colour bar needs. Σ-LIME's has one colour an integer."""
    from matplotlib.colors import BoundaryNorm, LinearSegmentedColormap, Normalize
    from matplotlib.patches import Rectangle
    from scipy.ndimage import gaussian_filter

    values = explanation.heatmap()
    if _is_sum(explanation):
        k = len(explanation.parts) or int(np.abs(values).max()) or 1
        norm: Normalize = BoundaryNorm(np.arange(-k - 0.5, k + 1), 256)
    else:
        limit = limit or float(np.abs(values).max()) or 1.0
        norm = Normalize(-limit, limit)
    colours = LinearSegmentedColormap.from_list("heat", HEAT)
    image = axes.imshow(values, cmap=colours, norm=norm, interpolation="nearest")
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


def _colour_bar(axes: Axes, image: Any, explanation: Explanation) -> None:
    axes.set_axis_on()
    bar = axes.figure.colorbar(image, cax=axes, orientation="horizontal")
    # The outermost colour of a map of integers ends half a step beyond its integer.
    limit = image.norm.vmax - (0.5 if _is_sum(explanation) else 0)
    bar.set_ticks([-limit, 0, limit], labels=[f"{-limit:.2g}", "0", f"{limit:.2g}"])
    bar.ax.minorticks_off()
    bar.ax.tick_params(labelsize=SMALL, length=1.5, pad=1, width=0.4)
    bar.outline.set_linewidth(0.4)
    bar.ax.set_xlabel("against          for", size=SMALL, labelpad=0.5)
