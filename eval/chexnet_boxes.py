"""Real films: do explanations find the boxes that radiologists drew? And six panels to look at.

    python eval/chexnet_boxes.py ROOT [ROOT ...] [--model chexnet|small-cnn] [--work build/eval]

Each ROOT is a folder of ChestX-ray14 in its published layout. Patients with a box are kept out of training
and validation; the classifier learns from the others. Every image with a box is explained for the finding
in it, whatever the classifier thinks of it, and the panels of the first targets are drawn. Writes
eval/results/NAME.json and NAME.md; panels show patients and stay in the work folder.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

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
from cxrneighbors.classifiers.base import Classifier
from cxrneighbors.classifiers.chexnet import CHESTXRAY14_LABELS
from cxrneighbors.classifiers.starting import starting_model
from cxrneighbors.data.combine import combine_studies
from cxrneighbors.data.imports import import_dataset
from cxrneighbors.data.splits import carve_validation, patient_split
from cxrneighbors.explain.pictures import save_panel
from cxrneighbors.explain.quality.targets import choose_targets
from cxrneighbors.explain.registry import build_explainer
from cxrneighbors.index.neighbor_index import NeighborIndex
from cxrneighbors.progress import say, track

TEST_SHARE = 0.15  # of patients without a box: for an AUROC that means more than that of a few boxed films


def main(arguments: Sequence[str] | None = None) -> None:
    parser = benchmark_options(__doc__, epochs=10, sanity=5)
    parser.add_argument("roots", nargs="+", type=Path, metavar="ROOT")
    parser.add_argument("--model", default="chexnet", choices=["chexnet", "small-cnn"])
    parser.add_argument("--weights", help="start from a published checkpoint (chexnet)")
    parser.add_argument("--panels", type=int, default=6, help="targets whose panels are drawn, all methods")
    given = parser.parse_args(arguments)
    name = given.name or f"boxes-{given.model}"
    work = given.work / name
    studies, regions = read_samples(given.roots)
    settings = {"epochs": given.epochs, "schedule": "cosine"}
    model = starting_model(
        given.model, studies, CHESTXRAY14_LABELS, weights=given.weights, image_size=given.image_size
    )
    metrics = trained_classifier(model, studies, work / "classifier", given.device, **settings)
    index = image_index(studies, given, work)
    panels = draw_panels(model, index, regions, work / "panels", given)
    result, scores = run_benchmark(model, index, regions, given, work, n_targets=None)
    samples = [root.name for root in given.roots]
    summary = {"classifier": training_summary(metrics), "samples": samples, "panels": panels, **scores}
    text = document(headline(summary), result.markdown().rstrip("\n"))
    write_results(given.results, name, summary, text, device=given.device)


def read_samples(roots: Sequence[Path]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """All samples as one table, split by patient with every boxed patient in test, and their boxes."""
    results = [import_dataset("chestxray14", root) for root in roots]
    studies = combine_studies([each.studies for each in results])  # a UserError where samples share an image
    regions = pd.concat([each.regions for each in results], ignore_index=True)
    boxed = set(studies.loc[studies["image_id"].isin(regions["image_id"]), "patient_id"])
    studies["split"] = split_around(studies["patient_id"].tolist(), boxed)
    say(f"{len(studies)} films; {len(boxed)} patients with {len(regions)} boxes are kept out of training")
    return studies, regions


def split_around(patients: list[str], boxed: set[str]) -> list[str]:
    """'test' for boxed patients and `TEST_SHARE` of the others by hash, 'val' and 'train' for the rest."""
    by_hash = patient_split(patients, seed=0, fractions=(1 - TEST_SHARE, 0.0, TEST_SHARE))
    sides = [
        "test" if patient in boxed else str(side) for patient, side in zip(patients, by_hash, strict=True)
    ]
    # Another seed: the same hash again would give no validation patients.
    return [str(side) for side in carve_validation(sides, patients, seed=1)]


def draw_panels(
    model: Classifier, index: NeighborIndex, regions: pd.DataFrame, folder: Path, given: argparse.Namespace
) -> int:
    """Panels of all methods for the first boxed targets of the first ROOT; how many were drawn."""
    root = given.roots[0].resolve()
    here = [Path(path).resolve().is_relative_to(root) for path in index.studies["path"]]
    boxed = regions[regions["image_id"].isin(index.studies.loc[here, "image_id"])]
    targets = choose_targets(index.studies, model.labels, given.panels, boxed)
    for target in track(targets, "drawing panels"):
        for method in given.methods:
            path = folder / f"{Path(target.image_id).stem}-{target.finding}-{method}.png"
            if not path.is_file():
                explainer = build_explainer(method, model, index, n_masks=given.masks, device=given.device)
                save_panel(explainer.explain(target.image_id, target.finding), path)
    return len(targets) * len(given.methods)


def headline(summary: dict[str, Any]) -> str:
    """What was explained, and how weak the classifier is."""
    training, test = summary["classifier"]["train"], summary["classifier"]["test"]
    return (
        f"{summary['n_targets']} boxed findings of {summary['n_patients']} patients "
        f"({', '.join(summary['samples'])}). "
        f"The classifier, {summary['classifier']['model']}, learned from {training['n']} films of "
        f"{training['patients']} other patients only: mean AUROC {test['mean_auroc']:.3f} on {test['n']} "
        f"test films (0.5 is chance), mean score of the boxed findings {summary['mean_prediction']:.2f}. "
        f"What is found here says little of a well-trained classifier. {reach(summary)}"
    )


if __name__ == "__main__":
    run(main)
