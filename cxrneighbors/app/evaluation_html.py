"""An evaluation as the explorer's HTML: plain sentences first, Figure 5, tables, settings, files."""

from __future__ import annotations

from typing import Any

import pandas as pd

from cxrneighbors.app.cards import environment
from cxrneighbors.app.evaluation_folder import EvaluationFolder
from cxrneighbors.data.schema import NO_FINDING
from cxrneighbors.evaluation import wording
from cxrneighbors.evaluation.report_page import headline, verdict

SHOWN = 8  # targets at either end
FIGURES5 = ("figures/figure5-2col.svg", "figure5.png")


def evaluation_html(evaluation: EvaluationFolder, studies: pd.DataFrame) -> str:
    """The tab's HTML; every text from the data is escaped by the template engine.

    `studies`: the open index's table; targets that it does not hold are not listed.
    """
    made = environment().overlay()
    words = (wording.percent, wording.points, wording.interval, wording.p_cell)
    made.filters = made.filters | {word.__name__: word for word in words}
    summary, methods = evaluation.summary, evaluation.methods
    rows = [{"name": name, **row} for name, row in summary["methods"].items()]
    listed = evaluation.targets(studies, methods[0]).to_dict("records")
    listed = [row for row in listed if set(row["findings"]) - {NO_FINDING}]  # they tell more
    shown = min(SHOWN, len(listed) // 2)
    return made.get_template("evaluation.html").render(
        s=summary,
        methods=methods,
        rows=sorted(rows, key=lambda row: ("index", "encoder", "random").index(row["kind"])),
        headline=headline,
        verdict=verdict,
        title=lambda name: wording.title_of(name, summary),
        figure5=next((name for name in FIGURES5 if name in evaluation.files), None),
        best=listed[:shown],
        worst=listed[::-1][:shown],
        settings=settings(summary),
        files=list(evaluation.files),
    )


def settings(summary: dict[str, Any]) -> list[tuple[str, str]]:
    """How the evaluation was made, as (name, value) for a reader."""
    made = summary["settings"]
    permutation = next(iter(summary["methods"].values()))["tests"]["permutation"]
    return [
        ("Films scored", f"{summary['n_targets']:,} of {summary['n_patients']:,} patients"),
        ("Films that may be found", f"{made['n_findable']:,}; where: {summary['where'] or 'all labelled'}"),
        ("Targets", summary["targets"] or "all of these"),
        ("Neighbours", wording.neighbours_line(summary)),
        ("A neighbour counts when it", summary["definition_meaning"]),
        ("Encoders", ", ".join(f"{part}: {name}" for part, name in made["encoders"].items())),
        ("Weights", ", ".join(f"{part} {value:g}" for part, value in made["weights"].items())),
        ("Permutations", f"{permutation['n_permutations']:,}, seed {made['seed']}"),
        ("Intervals", "95 %, a patient counts as one (dyadic cluster-robust)"),
        ("Data", ", ".join(made["datasets"])),
    ]
