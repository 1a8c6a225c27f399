"""matplotlib figures as PNG and SVG, drawn without pyplot.

Widths are those of a journal's one and two columns, 89 and 183 mm (Nature's guide to figures; IEEE's and
Elsevier's differ by a millimetre or few). Colours are Okabe and Ito's (2008), told apart with any colour
vision.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 200
PRINT_DPI = 300  # what journals ask of pictures
COLUMN_WIDTH = 3.5  # inches: 89 mm
PAGE_WIDTH = 7.2  # inches: 183 mm
WIDTHS = {"1col": COLUMN_WIDTH, "2col": PAGE_WIDTH}
BLUE, ORANGE, TEAL, PURPLE, GREY = "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#6b6b6b"
SERIES = (BLUE, ORANGE, TEAL, "#e69f00", PURPLE, GREY)
_SVG: dict[Any, str] = {"svg.fonttype": "path", "svg.hashsalt": "cxrneighbors"}
_SVG_LOCK = threading.Lock()


def new_figure(width: float, height: float, constrained: bool = False) -> Figure:
    """An empty figure of `width` x `height` inches on the Agg canvas, whose texts are drawn as they stand.

    A `$` in an id or a finding begins no formula. `constrained`: its parts find room for each other by
    themselves (matplotlib's constrained layout).
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    size = (width, height)
    figure = _figure_of_plain_texts()(figsize=size, dpi=DPI, facecolor="white")
    if constrained:
        figure.set_layout_engine("constrained")
    FigureCanvasAgg(figure)
    return figure


@cache
def _figure_of_plain_texts() -> type[Figure]:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure
    from matplotlib.text import Text

    def plain_texts(artist: Any) -> None:
        if isinstance(artist, Text):
            artist.set_parse_math(False)
        without = isinstance(artist, Axes) and not artist.axison
        for part in artist.get_children():
            if not (without and isinstance(part, Axis)):  # asked for its parts, it would make its ticks
                plain_texts(part)

    class PlainTexts(Figure):
        def draw(self, renderer: Any) -> None:
            plain_texts(self)
            super().draw(renderer)

    return PlainTexts


def to_png(figure: Figure, dpi: int = DPI) -> bytes:
    """The figure as PNG bytes (no time stamp in it: equal results are equal files)."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    return buffer.getvalue()


def to_svg(figure: Figure, dpi: int = PRINT_DPI) -> bytes:
    """The figure as SVG bytes, equal for equal results; films in it are PNG at `dpi`.

    Letters are outlines, so that no font has to be there and every reader sees the same; what they say stands
    beside them as comments, and a figure's numbers in its CSV.
    """
    from matplotlib import rcParams

    buffer = io.BytesIO()
    with _SVG_LOCK:
        before: dict[Any, Any] = {name: rcParams[name] for name in _SVG}
        rcParams.update(_SVG)
        try:
            figure.savefig(buffer, format="svg", dpi=dpi, metadata={"Date": None, "Creator": None})
        finally:
            rcParams.update(before)
    return buffer.getvalue()


def figure_files(stem: str, draw: Callable[[float], Figure], data: str) -> dict[str, bytes]:
    """A figure for print: {'STEM-1col.png': ..., 'STEM-1col.svg': ..., 'STEM-2col...': ..., 'STEM.csv': ...}.

    `draw`: takes one of `WIDTHS` in inches; `data`: the figure's numbers as CSV.
    """
    files = {f"{stem}.csv": data.encode("utf-8")}
    for name, width in WIDTHS.items():
        figure = draw(width)
        files[f"{stem}-{name}.png"] = to_png(figure, PRINT_DPI)
        files[f"{stem}-{name}.svg"] = to_svg(figure)
    return files
