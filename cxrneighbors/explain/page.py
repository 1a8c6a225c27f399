"""The paper that panels are drawn on: axes and text placed by inches, films, outlines, captions."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np

from cxrneighbors.explain.colours import AGAINST, FOR, HEAT, LESION
from cxrneighbors.figures import new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SMALL = 5.5  # points, the smallest text
STRONGEST = 0.8  # opacity of the largest weight on a film


class Page:
    """A figure `width` x `height` inches; axes and text are placed by inches from its upper left corner."""

    def __init__(self, width: float, height: float) -> None:
        self.width, self.height = width, height
        self.figure: Figure = new_figure(width, height)

    def axes(self, left: float, top: float, width: float, height: float) -> Axes:
        """Axes without frame."""
        below = 1 - (top + height) / self.height
        axes = self.figure.add_axes((left / self.width, below, width / self.width, height / self.height))
        axes.set_axis_off()
        return axes

    def text(
        self, left: float, top: float, text: str, size: float = SMALL, bold: bool = False, **style: Any
    ) -> None:
        """Text whose first line's baseline is `top` inches down."""
        x, y = left / self.width, 1 - (top - size / 72) / self.height
        weight = "bold" if bold else "normal"
        self.figure.text(x, y, text, size=size, weight=weight, va="top", **{"ha": "left"} | style)

    def caption(self, left: float, top: float, title: str, lines: list[str]) -> None:
        """A title in bold and lines below it."""
        self.text(left, top, title, bold=True)
        for number, line in enumerate(lines, start=1):
            self.text(left, top + 0.1 * number, line)


def grey(film: np.ndarray) -> np.ndarray:
    """A film (H, W) or (C, H, W) as a picture: float (H, W, 3)."""
    flat = film.mean(axis=0) if film.ndim == 3 else film
    return np.repeat(flat[..., None], 3, axis=2)


def enlarged(values: np.ndarray, like: np.ndarray) -> np.ndarray:
    """An array (H, W) with each pixel repeated to the height and width of a film `like` (..., H', W')."""
    height, width = like.shape[-2:]
    rows = np.arange(height) * values.shape[0] // height
    columns = np.arange(width) * values.shape[1] // width
    return np.asarray(values[rows][:, columns])


def show(axes: Axes, picture: np.ndarray, title: str = "", size: float = SMALL) -> None:
    """A picture (H, W, 3) in [0, 1], and a title above it."""
    axes.imshow(np.clip(picture, 0, 1), interpolation="bilinear")
    axes.set_title(title, size=size, pad=2)


def outline(axes: Axes, area: np.ndarray, width: float = 1.1, lesion: bool = False) -> None:
    """The edge of `area` bool (H, W), in white on black; thin, dashed and yellow for a `lesion`."""
    if not area.any() or area.all():
        return
    # Painted twice: a line of one colour is lost on some part of any film.
    colours: list[tuple[Any, float]] = [("black", width + 0.9), (LESION if lesion else "white", width)]
    for colour, thickness in colours:
        style = "dashed" if lesion and colour != "black" else "solid"
        alpha = 0.55 if colour == "black" else 1.0
        axes.contour(
            area.astype(float),
            levels=[0.5],
            colors=[colour],
            linewidths=thickness,
            linestyles=style,
            alpha=alpha,
        )


def outlined(picture: np.ndarray, lesion: np.ndarray) -> np.ndarray:
    """A picture (H, W, 3) with the edge of `lesion`, bool (H, W), in yellow on black."""
    from scipy.ndimage import binary_dilation, binary_erosion

    if not lesion.any() or lesion.all():
        return picture
    thickness = max(1, round(max(lesion.shape) / 150))
    inner = lesion & ~binary_erosion(lesion, iterations=thickness)
    outer = binary_dilation(lesion, iterations=thickness) & ~lesion
    drawn = picture.copy()
    drawn[outer], drawn[inner] = (0, 0, 0), LESION
    return drawn


def heat_colours() -> Any:
    """The colour map of evidence, blue by way of white to orange."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("heat", HEAT)


def tints() -> Any:
    """The same for evidence that lies on a film: the stronger, the less of the film shows through."""
    from matplotlib.colors import ListedColormap

    share = np.linspace(-1, 1, 255)
    colours = np.where(share[:, None] > 0, FOR, AGAINST)
    return ListedColormap(np.column_stack([colours, STRONGEST * np.abs(share) ** 0.75]))


def colour_bar(axes: Axes, image: Any, limit: float, size: float = SMALL) -> None:
    """A horizontal bar of `image`'s colours from -`limit` to `limit`, 'against' to 'for'."""
    axes.set_axis_on()
    bar = axes.figure.colorbar(image, cax=axes, orientation="horizontal")
    bar.set_ticks([-limit, 0, limit], labels=[f"{-limit:.2g}", "0", f"{limit:.2g}"])
    bar.ax.minorticks_off()
    bar.ax.tick_params(labelsize=size, length=1.5, pad=1, width=0.4)
    bar.outline.set_linewidth(0.4)
    bar.ax.set_xlabel("against          for", size=size, labelpad=0.5)


def innermost(area: np.ndarray) -> tuple[int, int]:
    """Row and column of the pixel of `area` bool (H, W) that is farthest from its edge."""
    from scipy.ndimage import distance_transform_edt

    inside = distance_transform_edt(np.pad(area, 1))[1:-1, 1:-1]
    row, column = np.unravel_index(int(inside.argmax()), area.shape)
    return int(row), int(column)


def readable(name: str) -> str:
    """A finding's name as text.

    >>> readable("Pleural_Thickening")
    'Pleural Thickening'
    """
    return name.replace("_", " ")


def wrapped(findings: list[str], characters: int) -> list[str]:
    """Findings in lines of at most so many characters."""
    names = [readable(finding) for finding in findings] or ["not labelled"]
    return [line for name in names for line in textwrap.wrap(name, characters)]
