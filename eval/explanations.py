"""Which explanation method is best? The benchmark on phantoms, whose lesions are known to the pixel.

    python eval/explanations.py [--targets 60] [--masks 100] [--encoder pca] [--work build/eval]

Generates phantoms, trains small-cnn on the training patients (AUROC reported on test patients), encodes and
indexes the frontal films, and runs every method on films of test patients whose finding the classifier sees
(score >= 0.5). An interrupted run goes on. Writes eval/results/explanations.json, explanations.md and
explanations.png; records, weights and phantoms stay in the work folder.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from common.explanation_benchmark import (
    benchmark_options,
    image_index,
    reach,
    run_benchmark,
    training_summary,
)
from common.kept import trained_classifier
from common.markdown import document
from common.options import run
from common.results import write_results
from cxrneighbors.classifiers.starting import starting_model
from cxrneighbors.data.imports import import_dataset
from cxrneighbors.progress import say


def main(arguments: Sequence[str] | None = None) -> None:
    parser = benchmark_options(__doc__, epochs=15, name="explanations")
    parser.add_argument("--patients", type=int, default=400, help="phantom patients")
    parser.add_argument("--targets", type=int, default=60)
    parser.add_argument("--min-score", type=float, default=0.5)
    given = parser.parse_args(arguments)
    work = given.work / given.name
    size = given.image_size  # of phantoms and classifier
    imported = import_dataset("phantom", work / "phantom", n_patients=given.patients, image_size=size)
    studies = imported.studies[imported.studies["view"] != "LATERAL"].reset_index(drop=True)
    say(f"{len(studies)} frontal phantoms of {studies['patient_id'].nunique()} patients")
    settings = {"epochs": given.epochs, "lr": 2e-3, "schedule": "cosine"}
    model = starting_model("small-cnn", studies, image_size=size)
    metrics = trained_classifier(model, studies, work / "classifier", given.device, **settings)
    result, scores = run_benchmark(
        model,
        image_index(studies, given, work),
        imported.regions,
        given,
        work,
        n_targets=given.targets,
        among="split == 'test'",
        min_score=given.min_score,
    )
    summary = {
        "classifier": training_summary(metrics),
        "min_score": given.min_score,
        "phantom": {"patients": given.patients, "image_size": size},
        **scores,
    }
    figures = {given.name: (work / "benchmark" / "benchmark.png").read_bytes()}
    text = document(headline(summary), result.markdown().rstrip("\n"))
    write_results(given.results, given.name, summary, text, figures, given.device)


def headline(summary: dict[str, Any]) -> str:
    """What was explained, and how good the classifier is that the methods explain."""
    test, settings = summary["classifier"]["test"], summary["settings"]
    return (
        f"{summary['n_targets']} phantom targets of {summary['n_patients']} test patients. Classifier "
        f"small-cnn: mean AUROC {test['mean_auroc']:.3f} on {test['n']} films of {test['patients']} test "
        f"patients; its mean score of the explained findings is {summary['mean_prediction']:.2f} (at least "
        f"{summary['min_score']} by choice of targets). Neighbours by {summary['encoder']}, "
        f"K = {settings['k']}, P = {settings['n_masks']}, {settings['seeds']} seeds. {reach(summary)}"
    )


if __name__ == "__main__":
    run(main)
