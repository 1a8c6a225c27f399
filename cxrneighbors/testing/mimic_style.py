"""Reports with headings as MIMIC-CXR's radiologists write them: which, how often, and where none."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

import numpy as np

from cxrneighbors.reports.heading_names import published_headings

REPORTS = 227_885  # of the published counts
# How findings are headed; the first is the published share of 'FINDINGS', the others are assumed.
FINDINGS_FORMS = {"named": 149_842 / REPORTS, "view": 0.17, "none": 1 - 149_842 / REPORTS - 0.17}
# Assumed shares of what stands around the sections.
TITLE, WET_READ, ADDENDUM, AS_ABOVE = 0.15, 0.04, 0.01, 0.05
VIEW_HEADINGS = (
    "CHEST, TWO VIEWS", "PORTABLE CHEST", "CHEST, PORTABLE AP", "PA AND LATERAL VIEWS OF THE CHEST",
    "PA AND LATERAL CHEST RADIOGRAPHS", "SINGLE AP PORTABLE CHEST RADIOGRAPH", "PORTABLE AP CHEST X-RAY",
    "FRONTAL AND LATERAL VIEWS OF THE CHEST", "AP AND LATERAL CHEST", "UPRIGHT PORTABLE CHEST",
    "SINGLE FRONTAL VIEW OF THE CHEST", "CHEST, ONE VIEW", "SEMI-UPRIGHT PORTABLE CHEST", "RIBS, TWO VIEWS",
    "TWO VIEWS OF THE CHEST", "AP VIEW OF THE CHEST", "CHEST RADIOGRAPH", "CHEST (PA AND LAT)",
)  # fmt: skip
_ORDER = ("examination", "indication", "history", "technique", "comparison", "findings", "impression")
_ASIDE = {
    "recommendations": "CT is recommended to exclude tuberculosis.",
    "notification": "The result was telephoned to Dr. ___ by Dr. ___ at ___.",
}
_WIDTH = 76


@dataclass
class StyledReport:
    """A report's text, and of each part of it that is no heading (section, start, end)."""

    text: str = ""
    truth: list[tuple[str, int, int]] = field(default_factory=list)

    def write(self, words: str, section: str = "") -> None:
        """Append `words`, of `section` if it is one."""
        if section:
            self.truth.append((section, len(self.text), len(self.text) + len(words)))
        self.text += words


def styled_report(sections: Mapping[str, str], rng: np.random.Generator, loose: bool = False) -> StyledReport:
    """The sections (their texts by name) of one report, headed and set as in MIMIC-CXR.

    Headings are drawn by how often the published list counts them; findings stand below 'FINDINGS', a
    heading that names the views, or none. Titles, wet reads, addenda, recommendations, notifications and
    'IMPRESSION: As above' come as they may.

    `loose`: as other houses write, too: all on one line, headings in small letters, or without a colon.
    """
    form = str(rng.choice(["page", "line", "small", "bare"] if loose else ["page"]))
    drawn = dict(sections)
    if drawn.get("findings") and rng.random() < AS_ABOVE:
        drawn["impression"] = "As above."
    published = published_headings()
    for name, words in _ASIDE.items():
        if rng.random() < sum(count for section, count in published.values() if section == name) / REPORTS:
            drawn[name] = words
    report = StyledReport()
    line = " " if form == "line" else "\n "
    if rng.random() < WET_READ:
        report.write(_cased("WET READ:", form) + " ")
        report.write("No pneumothorax. ___ ___ 9:14 PM", "wet read")
        report.write(line + "_" * 78)
    if rng.random() < ADDENDUM:
        report.write("FINAL ADDENDUM" + line)
        report.write("The line ends in the superior vena cava.", "addendum")
        report.write(line + "_" * 78)
    report.write(("" if form == "line" and not report.text else "\n") + " " * 33 + "FINAL REPORT" + line)
    if form != "line" and rng.random() < TITLE:
        report.write(str(rng.choice(VIEW_HEADINGS)) + str(rng.choice(["", ":"])), "examination")
        report.write("\n \n ")
    for name in (*_ORDER, *_ASIDE):
        if drawn.get(name):
            _write_section(report, name, drawn[name], form, rng)
    return report


def _write_section(report: StyledReport, name: str, body: str, form: str, rng: np.random.Generator) -> None:
    """The heading and the text of one section."""
    heading = _draw_heading(name, rng)
    if name == "findings":
        how = rng.choice(list(FINDINGS_FORMS), p=list(FINDINGS_FORMS.values()))
        heading = {"view": str(rng.choice(VIEW_HEADINGS)), "none": ""}.get(str(how), heading)
    if form == "line":
        report.write(f"{heading}: " if heading else "")
        report.write(" ".join(body.split()), name)
        report.write(" ")
        return
    below = bool(heading) and name in ("findings", "impression") and rng.random() < 0.6
    if form == "bare":
        report.write(f"{heading}\n \n " if heading else "")
    elif heading:
        report.write(_cased(f"{heading}:", form) + ("\n \n " if below else "  "))
    report.write(_set(body), name)
    report.write("\n \n ")


def _set(body: str) -> str:
    paragraphs = [part for part in re.split(r"\n\s*\n", body) if part.strip()]
    return "\n \n ".join(
        "\n ".join(textwrap.wrap(" ".join(part.split()), _WIDTH, break_on_hyphens=False))
        for part in paragraphs
    )


def _cased(heading: str, form: str) -> str:
    return heading.lower() if form == "small" else heading


def _draw_heading(section: str, rng: np.random.Generator) -> str:
    headings, shares = _headings(section)
    return headings[int(np.searchsorted(shares, rng.random(), side="right"))].upper()


@cache
def _headings(section: str) -> tuple[list[str], np.ndarray]:
    """Headings that open `section` and the running sum of their shares; views are drawn apart."""
    counts = {
        heading: max(count, 0.5)
        for heading, (opened, count) in published_headings().items()
        if opened == section and not heading.startswith(("chest", "findings and", "findings/"))
    }
    shares = np.cumsum(list(counts.values()))
    return list(counts), shares / shares[-1]
