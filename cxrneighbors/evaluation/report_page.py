"""report.html: one self-contained page that opens from a mail, without network, scripts or further files."""

from __future__ import annotations

import base64
from typing import Any

import pandas as pd

from cxrneighbors.evaluation import wording
from cxrneighbors.evaluation.evaluate import OverlapResult
from cxrneighbors.evaluation.examples import RULE

REPORT_SHOWN = 900  # characters of a report in Table 1 on the page; table1.csv has all of it


def render_page(
    result: OverlapResult, figure4: bytes, figure5: bytes, reports: pd.DataFrame, show_reports: bool = True
) -> str:
    """The page as HTML. figure4, figure5: PNG bytes, put in as data URIs; reports: `table1`'s frame, without
    texts where not `show_reports`.

    Every text from the data (findings, ids, reports) is escaped by the template engine.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("cxrneighbors.evaluation", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    words = (wording.percent, wording.points, wording.interval, wording.p_cell)
    environment.filters |= {word.__name__: word for word in words}
    summary = result.summary
    methods = [{"name": name, **row} for name, row in summary["methods"].items()]
    return environment.get_template("report.html").render(
        s=summary,
        headlines=[headline(summary, name) for name in result.main_methods()],
        verdicts=[verdict(summary, name) for name in result.main_methods()],
        methods=sorted(methods, key=lambda row: ("index", "encoder", "random").index(row["kind"])),
        main=result.main_methods(),
        title=lambda name: wording.title_of(name, summary),
        names=wording.TITLES,
        figure4=_data_uri(figure4),
        figure5=_data_uri(figure5),
        examples=_example_blocks(reports),
        show_reports=show_reports,
        has_report="report" in summary["settings"]["encoders"],
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


def _data_uri(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")


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
            line["distance"] = None if pd.isna(line["distance"]) else f"{line['distance']:.2f}"
        blocks.append({"rule": rule, "lines": entries})
    return blocks
