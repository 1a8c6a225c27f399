"""Figure 4: targets and their nearest neighbours, with ids, findings, views and distances."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from cxrneighbors.evaluation.figures.cases import SHOWN, Case, ShownFilm
from cxrneighbors.evaluation.wording import percent
from cxrneighbors.figures import GREY, PAGE_WIDTH, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Inches: between pictures, margin, a header's line and the space around it, below a row, a line of text.
SPACE, MARGIN, HEADER, AROUND, GAP, LINE = 0.065, 0.03, 0.125, 0.13, 0.14, 0.1
WIDE, CHARACTER = 0.066, 0.0545  # of a header's letters and of a text's
SIZE = 6.3  # points
MAX_LINES, ID_LINES = 12, 3  # under a picture, and of them for an id
SHARED = "✓ "
Line = tuple[str, str, bool]  # text, colour, bold


def draw_figure4(shown: list[Case], title: str, width: float = PAGE_WIDTH) -> Figure:
    """A row per example target: the target framed, then its neighbours; two rows each in one column's width.

    `title`: what the neighbours are near by. Findings shared with the target are bold behind a tick. Where no
    image file can be read, the frame says so.
    """
    across = (1 + SHOWN) if width >= PAGE_WIDTH else (1 + SHOWN) // 2
    side = (width - 2 * MARGIN - (across - 1) * SPACE) / across
    rows = [
        (_header(case, title, width) if start == 0 else [], case.films[start : start + across])
        for case in shown
        for start in range(0, len(case.films), across)
    ]
    texts = [[_lines(film, side) for film in films] for _, films in rows]
    heights = [
        _above(head) + side + LINE * max(map(len, lines)) + GAP
        for (head, _), lines in zip(rows, texts, strict=True)
    ]
    figure = new_figure(width, sum(heights))
    top = sum(heights)
    for (head, films), lines, height in zip(rows, texts, heights, strict=True):
        _draw_row(figure, head, films, lines, side, top)
        top -= height
    return figure


def _header(case: Case, title: str, width: float) -> list[str]:
    text = f"{title}, {case.rule}: overlap {percent(case.overlap)}, by chance {percent(case.expected)}"
    return textwrap.wrap(text, int((width - 2 * MARGIN) / WIDE))


def _above(head: list[str]) -> float:
    return AROUND + HEADER * len(head) if head else 0.0


def _draw_row(
    figure: Figure,
    head: list[str],
    films: tuple[ShownFilm, ...],
    texts: list[list[Line]],
    side: float,
    top: float,
) -> None:
    """Draw a row of films below `top` (inches from the figure's bottom)."""
    width, height = figure.get_size_inches()
    if head:
        middle = (top - _above(head) / 2) / height
        figure.text(MARGIN / width, middle, "\n".join(head), size=7.5, weight="bold", va="center")
    bottom = top - _above(head) - side
    for column, (film, lines) in enumerate(zip(films, texts, strict=True)):
        left = MARGIN + column * (side + SPACE)
        axis = figure.add_axes((left / width, bottom / height, side / width, side / height))
        _draw_film(axis, film)
        for number, (text, colour, bold) in enumerate(lines):
            below = (bottom - 0.05 - number * LINE) / height
            weight = "bold" if bold else "normal"
            figure.text(left / width, below, text, size=SIZE, color=colour, weight=weight, va="top")


def _draw_film(axis: Any, film: ShownFilm) -> None:
    axis.set_xticks([])
    axis.set_yticks([])
    axis.spines[:].set_linewidth(0.5 if film.rank else 1.6)
    axis.spines[:].set_color(GREY if film.rank else "black")
    if film.pixels is None:
        axis.set_facecolor("#eeeeee")
        axis.text(0.5, 0.5, "no readable\nimage file", ha="center", va="center", fontsize=6.5, color=GREY)
    else:
        axis.imshow(film.pixels, cmap="gray", vmin=0, vmax=1, interpolation="antialiased")


def _lines(film: ShownFilm, side: float) -> list[Line]:
    """Who it is, how far, and what it has."""
    characters = int(side / CHARACTER)
    who = f"{film.rank}: {film.distance_text}" if film.rank else "Target"
    lines: list[Line] = [(f"{who} · {film.view}", "black", not film.rank)]
    lines += [(part, "black", False) for part in _id_lines(film.image_id, characters)]
    if film.parts:
        lines.append((film.parts_text, GREY, False))
    for name, shared in film.findings:
        text = f"{SHARED if shared else ''}{name.replace('_', ' ')}"
        colour = "black" if shared or not film.rank else GREY
        # Bold letters are wider.
        lines += [(part, colour, shared) for part in textwrap.wrap(text, characters - 2 * shared)]
    if len(lines) > MAX_LINES:
        lines = [*lines[: MAX_LINES - 1], ("…", GREY, False)]
    return lines


def _id_lines(image_id: str, characters: int) -> list[str]:
    """An id in lines, filled to the last letter; one too long ends with '…' (the CSV has all of it)."""
    lines = textwrap.wrap(image_id, characters, break_on_hyphens=False)
    return lines if len(lines) <= ID_LINES else [*lines[: ID_LINES - 1], f"{lines[ID_LINES - 1][:-1]}…"]
