"""The panel of Contrast-LIME, a page wide: the film, what speaks for and against, the changed film, donors.

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
from cxrneighbors.figures import PAGE_WIDTH

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE, TEXT, SMALL, TINY = 10.0, 7.5, 6.5, 5.5  # points
MARGIN, GAP, COLUMNS = 0.12, 0.10, 5  # inches, inches, donors in a row
NUMBERED = 4  # segments with a number


def draw_contrast(explanation: Explanation, full: FullSize, lesion: np.ndarray | None = None) -> Figure:
    """The panel; `full`: its films as large as they are; `lesion`: bool (H, W), where the finding is."""
    side = (PAGE_WIDTH - 2 * MARGIN - 2 * GAP) / 3
    title = textwrap.wrap(question(explanation), 84)
    head = 0.19 * len(title) + 0.42
    below, strip = head + side + 0.52, _Donors(explanation, full)
    page = Page(PAGE_WIDTH, below + strip.height + 0.06)
    for number, line in enumerate(title, start=1):
        page.text(MARGIN, 0.02 + 0.19 * number, line, TITLE, bold=True)
    page.text(MARGIN, head - 0.21, _origin(explanation), TEXT)
    left = [MARGIN + i * (side + GAP) for i in range(3)]
    pictures = [page.axes(x, head, side, side) for x in left]
    seen = None if lesion is None else enlarged(lesion, full.film)
    _film(pictures[0], explanation, full, seen)
    image, limit = _evidence(pictures[1], explanation, full, seen)
    _changed(pictures[2], explanation, full)
    under = head + side + 0.14
    if lesion is not None:
        page.text(left[0], under, "dashed yellow: where the finding is known to be", SMALL)
    colour_bar(page.axes(left[1] + 0.2 * side, under - 0.08, 0.6 * side, 0.07), image, limit, SMALL)
    page.text(left[2], under, _below_changed(explanation), SMALL)
    page.text(left[0], below + 0.09, "Do the donors agree?", TEXT, bold=True)
    page.text(left[0], below + 0.21, "a dot: by one donor; bar: by all", SMALL)
    named = 0.054 * max([10, *(len(short_name(row)) + 3 for row in evidence(explanation, NUMBERED))])
    _agreement(page.axes(left[0] + named, below + 0.3, side - named - 0.04, strip.side), explanation)
    strip.draw(page, left[1], below)
    return page.figure


def _film(axes: Axes, explanation: Explanation, full: FullSize, lesion: np.ndarray | None) -> None:
    show(
        axes, grey(full.film), f"the film: {readable(explanation.target)} {explanation.prediction:.2f}", TEXT
    )
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
    show(axes, grey(full.film), title, TEXT)
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
    show(axes, grey(full.changed), f"the film changed: {target} {changed['score']:.2f}", TEXT)
    outline(axes, enlarged(np.isin(explanation.segments, changed["segments"]), full.changed))


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

    def __init__(self, explanation: Explanation, full: FullSize) -> None:
        self.explanation, self.full = explanation, full
        table = explanation.neighbours
        width = PAGE_WIDTH * 2 / 3 - MARGIN
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
        self.height = 0.29 + max(self.row * -(-len(table) // COLUMNS), self.side + 0.33)

    def draw(self, page: Page, left: float, top: float) -> None:
        """The films from `top` inches down."""
        changed = self.explanation.settings.get("counterfactual") or {}
        kind = "with" if self.explanation.settings.get("with_finding") else "without"
        target = readable(self.explanation.target)
        title = f"Donors: near films {kind} {target}"
        page.text(left, top + 0.09, title, TEXT, bold=True)
        framed = "framed: shown in the marked area; " if changed else ""
        page.text(left, top + 0.21, f"{framed}distance 1: as far as an average pair of films", SMALL)
        for n, (names, lines) in enumerate(zip(self.names, self.captions, strict=True)):
            x, y = left + (n % COLUMNS) * self.step, top + 0.29 + (n // COLUMNS) * self.row
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
