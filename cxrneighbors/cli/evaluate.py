"""`cxrneighbors evaluate`: do nearest neighbours share the target's findings?"""

from __future__ import annotations

from pathlib import Path

import typer

REPORTS_SHOWN = (
    "warning: report.html and table1.csv hold report text word for word; --hide-reports leaves it out"
)
REPORTS_HIDDEN = "report.html and table1.csv are without report text; --show-reports puts it in"


def command(
    index: Path = typer.Argument(..., help="Folder written by index.", metavar="IDX"),
    out: Path = typer.Option(..., help="Folder for overlap.json, figures, tables and report.html."),
    k: int = typer.Option(5, "-k", help="Neighbours a target."),
    where: str | None = typer.Option(None, help="Which images may be found and scored."),
    targets: str | None = typer.Option(None, help="Which of them are scored, e.g. \"split == 'test'\"."),
    definition: str = typer.Option("any", help="any, any-disease, jaccard or exact."),
    include_same_patient: bool = typer.Option(False, help="Let the target's own patient count as neighbour."),
    one_per: str = typer.Option(
        "patient", help="patient, study or image: of each, one image at most is among a target's neighbours."
    ),
    baselines: str = typer.Option("all", help="all, none, or names such as pixels,pca,tfidf,random-view."),
    permutations: int = typer.Option(9999, help="Permutations of the patient-level test."),
    show_reports: bool | None = typer.Option(
        None,
        "--show-reports/--hide-reports",
        help="Report text word for word in report.html and table1.csv.",
        show_default="shown, but for MIMIC's",
    ),
    seed: int = typer.Option(0, min=0, max=2**32 - 1, help="Seed of random neighbours and permutations."),
    device: str = typer.Option("cpu", help="Where exact distances are computed: cpu, cuda or auto."),
) -> None:
    """Score neighbour sets against random ones and write Figure 5 and its statistics."""
    from cxrneighbors.cli.outputs import refuse_inputs
    from cxrneighbors.evaluation.baselines import make_baselines
    from cxrneighbors.evaluation.disagreement import reason_lines
    from cxrneighbors.evaluation.evaluate import evaluate_overlap, scored_films
    from cxrneighbors.evaluation.question import Question
    from cxrneighbors.evaluation.wording import neighbours_line, summary_lines
    from cxrneighbors.evaluation.write import check_free, shows_reports, write_evaluation
    from cxrneighbors.index.neighbor_index import NeighborIndex
    from cxrneighbors.progress import say

    refuse_inputs(out, [index])
    asked = {"k": k, "definition": definition, "where": where, "targets": targets, "one_per": one_per}
    check_free(out, asked | {"same_patient_excluded": not include_same_patient}, seed)
    searched = NeighborIndex.load(index, device=device)
    scored_films(searched, Question(k, definition, include_same_patient, one_per), where, targets)
    names = {"all": None, "none": ()}.get(baselines, tuple(baselines.split(",")))
    result = evaluate_overlap(
        searched,
        k=k,
        definition=definition,
        where=where,
        targets=targets,
        include_same_patient=include_same_patient,
        one_per=one_per,
        methods=make_baselines(searched, names, seed=seed),
        n_permutations=permutations,
        seed=seed,
    )
    write_evaluation(result, out, show_reports)
    print(neighbours_line(result.summary))
    print(summary_lines(result.summary))
    for line in reason_lines(result.summary):
        print(line)
    if (out / "table1.csv").exists():
        shown = shows_reports(searched.studies, show_reports)
        say(REPORTS_SHOWN if shown else REPORTS_HIDDEN)
    say(f"{out}: report.html, overlap.json, neighbors.parquet, figure4.png, figure5.png, figures/ for print")
