"""The section parser against texts whose sections are known: how much lies in none, how much in a wrong one.

    python eval/sections.py ROOT [--reports 20000] [--seed 0]

ROOT is the Open-i folder or archive: its XML has the sections, the parser reads the text alone. Beside them
generated reports of MIMIC-CXR's shape, with its headings as often as its own parser's list counts them, and
looser ones (one line, small letters, no colons). Writes eval/results/sections.json and sections.md.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Any

import numpy as np

from common.markdown import document, table
from common.options import options, run
from common.results import write_results
from cxrneighbors.data.imports import import_dataset
from cxrneighbors.phantom.patients import sample_patient
from cxrneighbors.phantom.report_grammar import write_report
from cxrneighbors.reports.sections import find_stretches, parse_sections
from cxrneighbors.reports.summary import count_sources
from cxrneighbors.testing.mimic_style import styled_report

Truth = tuple[str, list[tuple[str, int, int]]]
SAME = {"body": "findings"}  # findings without a heading


def main(arguments: Sequence[str] | None = None) -> None:
    parser = options(__doc__, "root", "--seed", "--results")
    parser.add_argument("--reports", type=int, default=20_000, help="generated, of each kind")
    given = parser.parse_args(arguments)
    kinds = {
        "Open-i": list(openi_reports(given.root)),
        "MIMIC-CXR's shape, generated": list(islice(mimic_reports(given.seed, False), given.reports)),
        "looser shape, generated": list(islice(mimic_reports(given.seed + 1, True), given.reports)),
    }
    rows = [{"reports": name} | score(reports) for name, reports in kinds.items()]
    write_results(given.results, "sections", {"rows": rows, "seed": given.seed}, markdown(rows))


def openi_reports(root: Any) -> Iterator[Truth]:
    """Texts of Open-i, and where the sections of the XML stand in them."""
    studies = import_dataset("openi", root).studies
    told = studies[studies["report"].notna()].drop_duplicates("study_id")
    for text, sections in zip(told["report"], told["sections"], strict=True):
        starts = {name: text.index(f"{name.upper()}: ") + len(name) + 2 for name in sections or {}}
        yield text, [(name, start, start + len(sections[name])) for name, start in starts.items()]


def mimic_reports(seed: int, loose: bool) -> Iterator[Truth]:
    """Reports of phantom patients, headed as MIMIC-CXR's, without end."""
    rng = np.random.default_rng([seed, int(loose)])
    for sections in phantom_sections(seed):
        report = styled_report(sections, rng, loose)
        yield report.text, report.truth


def phantom_sections(seed: int) -> Iterator[dict[str, str]]:
    """The sections of one phantom study's report after the other."""
    index = 0
    while True:
        patient = sample_patient(index, seed)
        for study in patient.studies:
            report = write_report(patient, study, np.random.default_rng([study.seed, 11]))
            yield {"examination": "CHEST (PORTABLE AP)"} | report.sections
        index += 1


def score(reports: Sequence[Truth]) -> dict[str, Any]:
    """Shares of the letters and digits below headings, and of the reports."""
    started = time.process_time()
    parsed = [parse_sections(text) for text, _ in reports]
    seconds = time.process_time() - started
    letters = unplaced = misplaced = right = 0
    for text, truth in reports:
        found = letters_by_section(text)
        off = 0
        for section, start, end in truth:
            known = [found[n] for n in range(start, end) if text[n].isalnum()]
            letters += len(known)
            unplaced += known.count("")
            off += sum(name not in ("", section) for name in known)
        misplaced += off
        right += off == 0
    return {
        "n": len(reports),
        "unplaced": unplaced / letters,
        "misplaced": misplaced / letters,
        "reports_all_right": right / len(reports),
        "read_by": count_sources([text for text, _ in reports], parsed),
        "reports_per_cpu_second": round(len(reports) / seconds),
    }


def letters_by_section(text: str) -> list[str]:
    """The section of every character of `text`; '' for none."""
    sections = [""] * len(text)
    for section, _, start, end in find_stretches(text):
        sections[start:end] = [SAME.get(section, section)] * (end - start)
    return sections


def markdown(rows: Sequence[dict[str, Any]]) -> str:
    columns = {
        "reports": "{reports}",
        "number:": "{n:,}",
        "text in no section:": "{unplaced:.2%}",
        "text in a wrong section:": "{misplaced:.2%}",
        "reports without such text:": "{reports_all_right:.1%}",
        "parsed a CPU second:": "{reports_per_cpu_second:,}",
    }
    intro = (
        "Letters and digits below headings that the section parser puts into no section, or into another\n"
        "than they stand in. Open-i: against its XML, a few parts of which hold text of another section.\n"
        "Generated: headings as often as MIMIC-CXR's own list counts them; looser: one line, small letters,\n"
        "or no colons, too. The headings of views, the share of titles and that of findings without a\n"
        "heading are assumed; generator and parser share an author."
    )
    return document(intro, table(columns, rows), read_by(rows))


def read_by(rows: Iterable[dict[str, Any]]) -> str:
    """Which sections are read, a line for each kind of reports."""
    lines = (
        f"{row['reports']} are read by: "
        + ", ".join(f"{name} ({count:,})" for name, count in row["read_by"].items())
        + "."
        for row in rows
    )
    return "\n\n".join(chain(lines))


if __name__ == "__main__":
    run(main)
