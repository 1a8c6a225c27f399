"""A contact sheet: many explanations at a glance, each as its film and its heat map on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cxrneighbors.explain.colours import AGAINST, FOR
from cxrneighbors.explain.explanation import Explanation
from cxrneighbors.explain.page import readable
from cxrneighbors.figures import PAGE_WIDTH, new_figure, to_png

COLUMNS = 3
MAX_FILMS = 150  # on one sheet; more go on to the next
DPI = 150
SIDE, GAP, CAPTION, HEAD = 1.14, 0.08, 0.44, 0.52  # inches
TEXT, SMALL = 7.5, 6.0  # points
STRONGEST = 0.65  # opacity of the largest weight
ERRORS = ("false-positive", "false-negative")  # marked by a cross: colours belong to the evidence


def heat_over_film(explanation: Explanation) -> np.ndarray:
    """The film in grey with its heat map on it, see `heat_over`."""
    return heat_over(explanation.image.mean(axis=0), explanation.heatmap())


def heat_over(film: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """A film (H, W) with a heat map (H, W) on it, orange for and blue against the target: float (H, W, 3).

    A pixel's opacity grows with its absolute weight, up to `STRONGEST` at the film's largest: what weighs 0
    is the bare film, and one film's colours do not compare with another's.
    """
    opacity = (STRONGEST * np.abs(heat) / (np.abs(heat).max() or 1.0))[..., None]
    colour = np.where(heat[..., None] > 0, FOR, AGAINST)
    grey = np.repeat(film[..., None], 3, axis=2)
    return np.asarray(np.clip((1 - opacity) * grey + opacity * colour, 0, 1))


def contact_sheet(
    explanations: Sequence[Explanation], names: Sequence[str], outcomes: Sequence[str], title: str
) -> bytes:
    """The sheet as the bytes of a PNG: for each film the film, its heat map, name, score and findings.

    `names`: what to call the films; `outcomes`: see `classifier_errors.outcome`, '' for none. At least one.
    """
    rows = -(-len(explanations) // COLUMNS)
    height = HEAD + rows * (SIDE + CAPTION)
    figure = new_figure(PAGE_WIDTH, height)
    tile = (PAGE_WIDTH - GAP) / COLUMNS
    side = (tile - 2 * GAP) / 2

    def text(left: float, top: float, words: str, size: float = SMALL, **style: Any) -> None:
        figure.text(left / PAGE_WIDTH, 1 - top / height, words, size=size, va="top", ha="left", **style)

    text(GAP, 0.08, _short(title, 95), TEXT + 1, weight="bold")
    text(
        GAP, 0.27, "left the film, right its heat map: orange for, blue against; each film has its own scale"
    )
    for number, explanation in enumerate(explanations):
        left, top = GAP + (number % COLUMNS) * tile, HEAD + (number // COLUMNS) * (SIDE + CAPTION)
        grey = np.repeat(explanation.image.mean(axis=0)[..., None], 3, axis=2)
        for place, picture in enumerate((grey, heat_over_film(explanation))):
            x, below = (left + place * (side + GAP / 2)) / PAGE_WIDTH, 1 - (top + side) / height
            axes = figure.add_axes((x, below, side / PAGE_WIDTH, side / height))
            axes.imshow(np.clip(picture, 0, 1), interpolation="bilinear")
            axes.set_axis_off()
        kind = outcomes[number]
        line = f"{readable(explanation.target)} {explanation.prediction:.2f} {kind.replace('-', ' ')}".strip()
        found = ", ".join(readable(finding) for finding in explanation.findings)
        text(left, top + side + 0.03, _short(names[number], 42))
        text(left, top + side + 0.13, _short(f"✗ {line}" if kind in ERRORS else line, 40), weight="bold")
        text(left, top + side + 0.23, _short(f"labelled: {found}" if found else "not labelled", 44))
    return to_png(figure, DPI)


def _short(text: str, width: int) -> str:
    """The text, or its beginning, in at most `width` characters."""
    return text if len(text) <= width else f"{text[: width - 1].rstrip()}…"
