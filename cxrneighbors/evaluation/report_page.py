"""report.html of an evaluation: the answer in a sentence, films, figure, tables, method."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from cxrneighbors.evaluation import wording
from cxrneighbors.evaluation.disagreement import disagreements, paired_reason, reason
from cxrneighbors.evaluation.evaluate import OverlapResult
from cxrneighbors.evaluation.examples import RULE
from cxrneighbors.evaluation.figures.cases import Case
from cxrneighbors.pages.page import film_uri, render, svg_uri

TEMPLATE = Path(__file__).parent / "templates" / "report.html"
REPORT_SHOWN = 900  # characters of a report in Table 1 on the page; table1.csv has all of it


def render_page(
    result: OverlapResult,
    shown: dict[str, list[Case]],
    figure5: tuple[bytes, bytes],
    reports: pd.DataFrame,
    show_reports: bool = True,
) -> str:
    """The page as HTML. shown: Figure 4's films by index method; figure5: SVG, two columns wide and one;
    reports: `table1`'s frame, without texts where not `show_reports`.

    Every text from the data (findings, ids, reports) is escaped by the template engine.
    """
    summary, main = result.summary, result.main_methods()
    methods = [{"name": name, **row} for name, row in summary["methods"].items()]
    words = (wording.percent, wording.points, wording.interval, wording.p_cell)
    return render(
        TEMPLATE,
        filters={word.__name__: word for word in words},
        s=summary,
        headlines=[headline(summary, name) for name in main],
        verdicts=[verdict(summary, name) for name in main],
        methods=sorted(methods, key=lambda row: ("index", "encoder", "random").index(row["kind"])),
        main=main,
        title=lambda name: wording.title_of(name, summary),
        by=lambda name: wording.by(name, summary),
        names=wording.TITLES,
        galleries={name: [_gallery(case) for case in shown[name]] for name in main},
        figure5=dict(zip(("wide", "narrow"), map(svg_uri, figure5), strict=True)),
        reason=reason,
        paired_reason=paired_reason,
        reasons=_reasons(summary, main),
        examples=_example_blocks(reports),
        show_reports=show_reports,
        has_report="report" in summary["settings"]["encoders"],
        settings=_settings(summary),
        rule=RULE,
    )


def headline(summary: dict[str, Any], name: str) -> str:
    """A method's result as one sentence for a reader who knows no statistics."""
    row, k, definition = summary["methods"][name], summary["k"], summary["definition"]
    by = {"image": "by image", "report": "by report", "fused": "by image and report together"}[name]
    start = "Between a target and its" if definition == "jaccard" else "Of the"
    # What is left of a lift when findings change hands: the mean of the permutation test.
    between = {"patient": "patients with equally many images", "image": "single images"}
    unit = between[row["tests"]["permutation"]["unit"]]
    return (
        f"{start} {k} nearest neighbours {by}, {wording.percent(row['mean_overlap'])} "
        f"{wording.unit_of_overlap(definition)}; "
        f"random neighbours: {wording.percent(row['random_overlap'])}; "
        f"lift {wording.points(row['lift'])} points (95\u00a0% CI {wording.interval(row['lift_ci95'])}), "
        f"corrected {wording.p_text(row['p_value_adjusted'])}. "
        f"Findings exchanged between {unit} leave {wording.points(row['null_mean_lift'])} points."
    )


def verdict(summary: dict[str, Any], name: str) -> str:
    """Whether the lift stands, and whether it remains against images of the same view, sex and age.

    Every answer rests on p-values corrected by Holm.
    """
    row, words = summary["methods"][name], {"view": "view", "view-sex-age": "view, sex and age band"}
    if not _stands(row):
        return "A lift beyond what film counts explain could not be shown."
    matched = row["tests"]["matched"]
    held = [label for label, test in matched.items() if _stands(test)]
    if len(held) == len(matched):
        return (
            "The lift remains against random images of the same view, and of the same view, sex and age band."
        )
    if not held:
        return (
            "Against random images of the same view, or of the same view, sex and age band, "
            "no lift could be shown: the neighbours may share the view rather than the disease."
        )
    lost = [words[label] for label in matched if label not in held]
    return (
        f"It remains against random images of the same {words[held[0]]}; against random images of the same "
        f"{lost[0]} it could not be shown."
    )


def _stands(test: dict[str, Any]) -> bool:
    p = test["p_value_adjusted"] if test.get("lift") is not None else None
    return p is not None and p < 0.05 and test["lift"] > 0


def _gallery(case: Case) -> dict[str, Any]:
    """A case as the page shows it: its films with a data URI each, None where there is no picture."""
    films = [
        {
            "rank": film.rank,
            "image_id": film.image_id,
            "view": film.view,
            "findings": film.findings,
            "distance": film.distance_text,
            "parts": film.parts_text,
            "uri": None if film.pixels is None else film_uri(film.pixels),
        }
        for film in case.films
    ]
    return {"rule": case.rule, "overlap": case.overlap, "expected": case.expected, "films": films}


def _reasons(summary: dict[str, Any], main: list[str]) -> dict[str, Any]:
    """Below which table which (row, reason) stand."""
    methods = summary["methods"]

    def lines(part: str, column: str) -> dict[str, list[tuple[str, str]]]:
        return {
            name: disagreements({row[column].replace("_", " "): row for row in methods[name][part]})
            for name in main
        }

    pairs = [
        (
            f"{wording.title_of(row['first'], summary)} – {wording.title_of(row['second'], summary)}",
            paired_reason(row["difference_ci95"], row["p_value"], row["p_value_adjusted"]),
        )
        for row in summary["comparisons"]
    ]
    return {
        "methods": disagreements({wording.title_of(name, summary): methods[name] for name in methods}),
        "comparisons": [(name, text) for name, text in pairs if text],
        "findings": lines("per_finding", "finding"),
        "views": lines("per_view", "view"),
    }


def _settings(summary: dict[str, Any]) -> list[tuple[str, str]]:
    """(name, value) of all that decided the result."""
    run = summary["settings"]
    encoders = ", ".join(f"{part}: {encoder}" for part, encoder in run["encoders"].items())
    images = f"{run['n_images']:,} ({run['n_labelled']:,} labelled, {run['n_findable']:,} to be found)"
    return [
        ("Neighbours", wording.neighbours_line(summary)),
        ("Overlap", f"{summary['definition']}: a neighbour {summary['definition_meaning']}"),
        ("May be found", summary["where"] or "all labelled images"),
        ("Scored", summary["targets"] or "all of these"),
        ("Images", images),
        ("Data sets", ", ".join(run["datasets"])),
        ("Encoders", encoders),
        ("Weights", ", ".join(f"{part} {weight:g}" for part, weight in run["weights"].items())),
        ("Permutations", f"{run['n_permutations']:,}"),
        ("Seed", str(run["seed"])),
        ("Versions", ", ".join(f"{library} {version}" for library, version in run["versions"].items())),
    ]


def _example_blocks(reports: pd.DataFrame) -> list[dict[str, Any]]:
    """Table 1 grouped by example: {rule, lines}; long reports end with '…'."""
    blocks = []
    for rule, lines in reports.groupby("example", sort=False):
        entries = lines.to_dict("records")
        for line in entries:
            text = " ".join(line["report"].split())
            cut = text if len(text) <= REPORT_SHOWN else text[:REPORT_SHOWN].rsplit(" ", 1)[0] + " …"
            line |= {"report": cut, "findings": [name for name in line["findings"].split("|") if name]}
            line["shared"] = line["shared_findings"].split("|")
            line["distance_text"] = "" if pd.isna(line["distance"]) else f"{line['distance']:.2f}"
        blocks.append({"rule": rule, "lines": entries})
    return blocks
