"""Figure 4: targets and their nearest neighbours, with findings, views and distances."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np
import pandas as pd

from cxrneighbors.data.schema import NO_FINDING
from cxrneighbors.errors import UserError
from cxrneighbors.evaluation.evaluate import OverlapResult
from cxrneighbors.evaluation.wording import percent
from cxrneighbors.figures import GREEN, GREY, PAGE_WIDTH, new_figure, to_png

SHOWN = 5  # neighbours in a row: more would be too small to read in print
PIXELS = 320
# Inches: a picture's side, the space between pictures, left margin, header above and gap below an example.
SIDE, SPACE, LEFT, HEADER, GAP = 1.135, 0.065, 0.03, 0.26, 0.2
LINE = 0.1  # inches per line of text
MAX_LINES = 8  # lines under a picture
Line = tuple[str, str, bool]  # text, colour, bold


def draw_figure4(result: OverlapResult) -> bytes:
    """PNG bytes: one row per example target (`examples.RULE`) of the first index method.

    Left the target, then its nearest neighbours (at most 5) with view, distance and findings; those shared
    with the target are green and bold. Where no image file can be read, the frame says so.
    """
    method = result.main_methods()[0]
    examples = result.examples[method]
    shown = min(result.summary["k"], SHOWN)
    rows = [_row(result, method, example, shown) for example in examples]
    texts = [[_lines(image, set(row[0]["study"]["findings"]), method) for image in row] for row in rows]
    heights = [HEADER + SIDE + LINE * max(len(lines) for lines in row) + GAP for row in texts]
    figure = new_figure(PAGE_WIDTH, sum(heights))
    top = sum(heights)
    for example, images, lines, height in zip(examples, rows, texts, heights, strict=True):
        _draw_row(figure, example, images, lines, top)
        top -= height
    return to_png(figure)


def read_picture(path: Any, size: int = PIXELS) -> np.ndarray | None:
    """Pixels float32 (size, size) in [0, 1] for showing, or None where the file cannot be read."""
    if not isinstance(path, str):
        return None
    from cxrneighbors.data.pixels import load_image

    try:
        return np.asarray(load_image(path, size=size, aspect="pad")[0])
    except (UserError, OSError, ValueError):
        return None


def _row(result: OverlapResult, method: str, example: dict[str, Any], shown: int) -> list[dict[str, Any]]:
    """The target and its first neighbours as dicts: a study row and the distance."""
    studies = result.studies.set_index("image_id", drop=False)
    table = result.neighbors
    mine = table[(table["method"] == method) & (table["query_id"] == example["image_id"])]
    images = [{"study": studies.loc[example["image_id"]], "hit": None}]
    for _, hit in mine.sort_values("rank").head(shown).iterrows():
        images.append({"study": studies.loc[hit["neighbor_id"]], "hit": hit})
    return images


def _draw_row(
    figure: Any, example: dict[str, Any], images: list[dict[str, Any]], texts: list[list[Line]], top: float
) -> None:
    """Draw one example below `top` (inches from the figure's bottom)."""
    width, height = figure.get_size_inches()
    header = (
        f"{example['rule'].capitalize()}: overlap {percent(example['overlap'])}, "
        f"by chance {percent(example['expected'])}"
    )
    figure.text(LEFT / width, (top - HEADER / 2) / height, header, fontsize=7.5, weight="bold", va="center")
    bottom = top - HEADER - SIDE
    for column, (image, lines) in enumerate(zip(images, texts, strict=True)):
        left = LEFT + column * (SIDE + SPACE)
        axis = figure.add_axes((left / width, bottom / height, SIDE / width, SIDE / height))
        _draw_picture(axis, image["study"], is_target=image["hit"] is None)
        for number, (text, colour, bold) in enumerate(lines):
            figure.text(
                left / width,
                (bottom - 0.05 - number * LINE) / height,
                text,
                fontsize=6.3,
                color=colour,
                weight="bold" if bold else "normal",
                va="top",
            )


def _draw_picture(axis: Any, study: pd.Series, is_target: bool) -> None:
    axis.set_xticks([])
    axis.set_yticks([])
    axis.spines[:].set_linewidth(1.6 if is_target else 0.5)
    axis.spines[:].set_color("black" if is_target else GREY)
    pixels = read_picture(study["path"])
    if pixels is None:
        axis.set_facecolor("#eeeeee")
        axis.text(0.5, 0.5, "no readable\nimage file", ha="center", va="center", fontsize=6.5, color=GREY)
    else:
        axis.imshow(pixels, cmap="gray", vmin=0, vmax=1, interpolation="antialiased")


def _lines(image: dict[str, Any], target: set[str], method: str) -> list[Line]:
    """Who it is, how far, and what it has; shared findings stand out by colour and by weight."""
    study, hit = image["study"], image["hit"]
    who = "Target" if hit is None else f"{hit['rank']}: d = {_distance(hit['distance'])}"
    lines: list[Line] = [(f"{who} · {study['view']}", "black", hit is None)]
    parts = [] if hit is None else [part for part in ("image", "report") if method != part]
    known = [f"{part} {_distance(hit[f'{part}_distance'])}" for part in parts if hit[f"{part}_distance"] >= 0]
    if known:
        lines.append((", ".join(known), GREY, False))
    findings = sorted(study["findings"], key=lambda name: (name not in target, name == NO_FINDING, name))
    for name in findings:
        shared = hit is not None and name in target
        colour = GREEN if shared else "black" if hit is None else GREY
        lines += [(part, colour, shared) for part in textwrap.wrap(name.replace("_", " "), 19)]
    if len(lines) > MAX_LINES:
        lines = [*lines[: MAX_LINES - 1], ("…", GREY, False)]
    return lines


def _distance(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.2f}"
