"""A matplotlib figure as PNG bytes, drawn without pyplot: nothing global is touched."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 200
COLUMN_WIDTH = 3.5  # inches, one column of a printed page
PAGE_WIDTH = 7.2
BLUE, RED, GREEN, GREY = "#1f4e9e", "#c8372d", "#1a7f37", "#6b6b6b"


def new_figure(width: float, height: float, constrained: bool = False) -> Figure:
    """An empty figure of `width` x `height` inches on the Agg canvas.

    `constrained`: its parts find room for each other by themselves (matplotlib's constrained layout).
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    size = (width, height)
    figure = Figure(figsize=size, dpi=DPI, facecolor="white", layout="constrained" if constrained else None)
    FigureCanvasAgg(figure)
    return figure


def to_png(figure: Figure, dpi: int = DPI) -> bytes:
    """The figure as PNG bytes (no time stamp in it: equal results are equal files)."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    return buffer.getvalue()
