"""The panel of Contrast-LIME: the film, what speaks for and against it, the changed film, donors.

Read from the left: where is the finding; what of it does the classifier need; what does the film look like
without it; and do the donors agree.
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np

from cxrneighbors.explain.answer import evidence, question, short_name
from cxrneighbors.explain.colours import AGAINST, FOR
from cxrneighbors.explain.explanation import Explanation
from cxrneighbors.explain.full_size import FullSize
from cxrneighbors.explain.page import (
    Page,
    colour_bar,
    enlarged,
    grey,
    innermost,
    outline,
    readable,
    show,
    tints,
    wrapped,
)
from cxrneighbors.figures import COLUMN_WIDTH, PAGE_WIDTH

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE, TEXT, SMALL, TINY = 10.0, 7.5, 6.5, 5.5  # points
MARGIN, GAP, COLUMNS = 0.12, 0.10, 5  # inches, inches, donors in a row
NUMBERED = 4  # segments with a number


def draw_contrast(
    explanation: Explanation, full: FullSize, lesion: np.ndarray | None = None, width: float = PAGE_WIDTH
) -> Figure:
    """The panel; `full`: its films as large as they are; `lesion`: bool (H, W), where the finding is.

    On a page three pictures stand side by side above agreement and donors, in a column two above the rest.
    """
    wide = width >= PAGE_WIDTH
    across = 3 if wide else 2
    side = (width - 2 * MARGIN - (across - 1) * GAP) / across
    title = textwrap.wrap(question(explanation), int(84 * width / PAGE_WIDTH))
    origin = textwrap.wrap(_origin(explanation), int(125 * width / PAGE_WIDTH))
    head = 0.19 * len(title) + 0.13 * len(origin) + (0.29 if wide else 0.43)
    row = side + (0.52 if wide else 0.66)
    below = head + (row if wide else row + side + 0.12)
    strip = _Donors(explanation, full, PAGE_WIDTH * 2 / 3 - MARGIN if wide else width - MARGIN)
    agreement = strip.side if wide else strip.side + 0.3
    top = below if wide else below + 0.3 + agreement + 0.38  # of the donors
    page = Page(width, top + strip.height + 0.06)
    for number, line in enumerate(title, start=1):
        page.text(MARGIN, 0.02 + 0.19 * number, line, TITLE, bold=True)
    for number, line in enumerate(origin, start=1):
        page.text(MARGIN, 0.08 + 0.19 * len(title) + 0.13 * number, line, TEXT)
    left = [MARGIN + i * (side + GAP) for i in range(across)]
    places = [(left[0], head), (left[1], head), (left[2], head) if wide else (left[0], head + row)]
    pictures = [page.axes(x, y, side, side) for x, y in places]
    seen = None if lesion is None else enlarged(lesion, full.film)
    _film(pictures[0], explanation, full, seen)
    image, limit = _evidence(pictures[1], explanation, full, seen)
    _changed(pictures[2], explanation, full)
    under = head + side + 0.14
    if lesion is not None:
        known = "dashed yellow: where the finding is known to be"
        page.text(left[0], under, known if wide else "dashed yellow: the known finding", SMALL)
    colour_bar(page.axes(left[1] + 0.2 * side, under - 0.08, 0.6 * side, 0.07), image, limit, SMALL)
    beside = (left[2], under) if wide else (left[1], head + row + 0.12)
    page.text(*beside, _wrapped(_below_changed(explanation), side), SMALL)
    page.text(left[0], below + 0.09, "Do the donors agree?", TEXT, bold=True)
    page.text(left[0], below + 0.21, "a dot: by one donor; bar: by all", SMALL)
    named = 0.054 * max([10, *(len(short_name(row)) + 3 for row in evidence(explanation, NUMBERED))])
    room = side if wide else width - 2 * MARGIN
    _agreement(page.axes(left[0] + named, below + 0.3, room - named - 0.04, agreement), explanation)
    strip.draw(page, left[1] if wide else left[0], top)
    return page.figure


def _wrapped(text: str, width: float) -> str:
    """Each line of a small text in as many as it needs within `width` inches."""
    letters = int(width / 0.047)
    return "\n".join(part for line in text.split("\n") for part in textwrap.wrap(line, letters))


def _film(axes: Axes, explanation: Explanation, full: FullSize, lesion: np.ndarray | None) -> None:
    title = f"the film: {readable(explanation.target)} {explanation.prediction:.2f}"
    show(axes, grey(full.film), _heading(axes, title), TEXT)
    if lesion is not None:
        outline(axes, lesion, 0.7, lesion=True)


def _evidence(
    axes: Axes, explanation: Explanation, full: FullSize, lesion: np.ndarray | None
) -> tuple[Any, float]:
    """Evidence on the film, which shows through; what a colour bar needs, and the largest value."""
    from matplotlib.colors import Normalize
    from matplotlib.patheffects import withStroke

    values, (height, width) = explanation.heatmap(), full.film.shape[-2:]
    limit = float(np.abs(values).max()) or 1.0
    mirror = explanation.settings.get("with_finding")
    title = "blue: here it would appear" if mirror else "what speaks for it (orange), against it (blue)"
    show(axes, grey(full.film), _heading(axes, title), TEXT)
    frame = (-0.5, width - 0.5, height - 0.5, -0.5)
    image = axes.imshow(
        values, cmap=tints(), norm=Normalize(-limit, limit), extent=frame, interpolation="bilinear"
    )
    if lesion is not None:
        outline(axes, lesion, 0.7, lesion=True)
    for number, row in enumerate(evidence(explanation, NUMBERED), start=1):
        y, x = innermost(enlarged(explanation.segments == row["segment"], full.film))
        edge = [withStroke(linewidth=1.8, foreground="white")]
        axes.text(x, y, str(number), size=TEXT, ha="center", va="center", weight="bold", path_effects=edge)
    return image, limit


def _changed(axes: Axes, explanation: Explanation, full: FullSize) -> None:
    changed = explanation.settings.get("counterfactual")
    if changed is None or full.changed is None:
        axes.text(0.5, 0.5, _nothing_to_turn(explanation), size=TEXT, ha="center", va="center", wrap=True)
        return
    target = readable(explanation.target)
    title = f"the film changed: {target} {changed['score']:.2f}"
    show(axes, grey(full.changed), _heading(axes, title), TEXT)
    outline(axes, enlarged(np.isin(explanation.segments, changed["segments"]), full.changed))


def _heading(axes: Axes, title: str) -> str:
    """A picture's title, in a column in the lines that it needs there."""
    page = axes.figure.bbox.width / axes.figure.dpi
    wide = page > (COLUMN_WIDTH + PAGE_WIDTH) / 2
    return title if wide else textwrap.fill(title, int(axes.get_position().width * page / 0.058))


def _nothing_to_turn(explanation: Explanation) -> str:
    mirror, threshold = explanation.settings["with_finding"], explanation.settings.get("threshold", 0.5)
    if (explanation.prediction >= threshold) == mirror:
        side = "at or above" if mirror else "below"
        return f"no changed film:\nthe score is {side} {threshold:g} already"
    return "no changed film:\nnone was asked for, or no segment moves the score that way"


def _below_changed(explanation: Explanation) -> str:
    changed = explanation.settings.get("counterfactual")
    if changed is None:
        return ""
    turns = "turns" if changed["flipped"] else "does not turn"
    donor = str(changed["donor"])
    donor = donor if len(donor) <= 30 else f"…{donor[-29:]}"
    return f"marked area: from {donor}\nthe decision, at {changed['threshold']:g}, {turns}"


def _agreement(axes: Axes, explanation: Explanation) -> None:
    """A row for each numbered segment: every donor's weight a dot, the segment's own weight a bar."""
    rows = evidence(explanation, NUMBERED)
    if not rows:
        axes.text(0, 0.5, "no segment has a weight", size=SMALL, transform=axes.transAxes)
        return
    axes.set_axis_on()
    own, donors = explanation.donor_weights, len(explanation.neighbours)
    names = []
    for y, row in enumerate(rows):
        weight, name = row["weight"], f"{y + 1}  {short_name(row)}"
        axes.barh(y, weight, height=0.55, color=FOR if weight > 0 else AGAINST, alpha=0.35, linewidth=0)
        if own is not None:
            values = own[:, row["segment"]]
            colours = [FOR if value > 0 else AGAINST for value in values]
            axes.scatter(
                values, np.full(donors, y), s=9, c=colours, linewidths=0.3, edgecolors="black", zorder=3
            )
            name += f"\n{round(row['agreement'] * donors)} of {donors} agree"
        names.append(name)
    axes.axvline(0, color="black", linewidth=0.5)
    axes.set_yticks(range(len(rows)), names)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.tick_params(labelsize=SMALL, length=2, pad=2, width=0.4)
    axes.tick_params(axis="y", length=0)
    axes.locator_params(axis="x", nbins=4)
    unit = "log odds" if explanation.settings.get("link") == "logit" else "score"
    axes.set_xlabel(f"what it adds to the {unit}", size=SMALL, labelpad=1)
    for name in ("top", "right", "left"):
        axes.spines[name].set_visible(False)
    axes.spines["bottom"].set_linewidth(0.4)


class _Donors:
    """The donors' films, five in a row, each with id, distance and findings; the one that is shown framed."""

    def __init__(self, explanation: Explanation, full: FullSize, width: float) -> None:
        self.explanation, self.full, self.width = explanation, full, width
        table = explanation.neighbours
        self.step = width / min(COLUMNS, max(4, len(table)))
        self.side = self.step - 0.07
        characters = int(self.step / 0.056)
        self.names = [textwrap.wrap(str(name), int(self.side / 0.0535)) for name in table["neighbor_id"]]
        self.captions = [
            [f"distance {distance:.2f}", *wrapped(findings, characters)]
            for distance, findings in zip(table["distance"], table["findings"], strict=True)
        ]
        lines = [len(name) + len(rest) for name, rest in zip(self.names, self.captions, strict=True)]
        self.row = self.side + 0.105 * max(lines, default=1) + 0.17
        changed = explanation.settings.get("counterfactual")
        framed = "framed: shown in the marked area; " if changed else ""
        self.note = _wrapped(f"{framed}distance 1: as far as an average pair of films", width - 0.05)
        self.head = 0.29 + 0.1 * self.note.count("\n")
        self.height = self.head + max(self.row * -(-len(table) // COLUMNS), self.side + 0.33)

    def draw(self, page: Page, left: float, top: float) -> None:
        """The films from `top` inches down."""
        changed = self.explanation.settings.get("counterfactual") or {}
        kind = "with" if self.explanation.settings.get("with_finding") else "without"
        target = readable(self.explanation.target)
        title = f"Donors: near films {kind} {target}"
        page.text(left, top + 0.09, title, TEXT, bold=True)
        page.text(left, top + 0.21, self.note, SMALL)
        for n, (names, lines) in enumerate(zip(self.names, self.captions, strict=True)):
            x, y = left + (n % COLUMNS) * self.step, top + self.head + (n // COLUMNS) * self.row
            axes = page.axes(x, y, self.side, self.side)
            if self.full.neighbours is not None:
                show(axes, grey(self.full.neighbours[n]))
            if changed.get("donor") == self.explanation.neighbours["neighbor_id"].iloc[n]:
                _frame(axes)
            for number, line in enumerate(names):
                page.text(x, y + self.side + 0.13 + 0.105 * number, line, TINY, bold=True)
            under = y + self.side + 0.13 + 0.105 * len(names)
            for number, line in enumerate(lines):
                page.text(x, under + 0.105 * number, line, SMALL)


def _frame(axes: Axes) -> None:
    """A white line on a black one around the donor that the changed film shows, as around the marked area."""
    from matplotlib.patches import Rectangle

    for colour, width in (("black", 3.2), ("white", 1.4)):
        frame = Rectangle(
            (0, 0), 1, 1, transform=axes.transAxes, fill=False, linewidth=width, edgecolor=colour
        )
        frame.set_clip_on(False)
        axes.add_patch(frame)


def _origin(explanation: Explanation) -> str:
    """Which film, as what it is labelled, and how the panel came about."""
    labelled = ", ".join(map(readable, explanation.findings)) or "nothing"
    film = explanation.image_id or "a film from outside the index"
    calls, threshold = explanation.settings["classifier_calls"], explanation.settings.get("threshold", 0.5)
    made = f"Contrast-LIME: {calls} films scored, fidelity {explanation.fidelity:.2f}."
    text = f"{film}, labelled {labelled}. Positive from {threshold:g} on. {made}"
    return textwrap.shorten(text, 125, placeholder=" …")
