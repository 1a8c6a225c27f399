"""Real films: do explanations find the boxes that radiologists drew? And six panels to look at.

    python eval/chexnet_boxes.py ROOT [ROOT ...] [--model chexnet|small-cnn] [--work build/eval]

Each ROOT is a folder of ChestX-ray14 in its published layout. Patients with a box are kept out of training
and validation; the classifier learns from the others. Every image with a box is explained for the finding
in it, whatever the classifier thinks of it, and the panels of the first targets are drawn. Writes
eval/results/NAME.json and NAME.md; panels show patients and stay in the work folder.
"""

from __future__ import annotations

import argparse
import platform
import time
from pathlib import Path
from typing import Any

import pandas as pd

from cxrneighbors.classifiers.base import Classifier
from cxrneighbors.classifiers.chexnet import CHESTXRAY14_LABELS
from cxrneighbors.classifiers.registry import load_classifier
from cxrneighbors.classifiers.starting import starting_model
from cxrneighbors.classifiers.training import describe, train_classifier
from cxrneighbors.data.combine import combine_studies
from cxrneighbors.data.imports import import_dataset
from cxrneighbors.data.splits import carve_validation
from cxrneighbors.encoders.encode import encode
from cxrneighbors.explain.pictures import save_panel
from cxrneighbors.explain.quality.benchmark import BenchmarkSettings
from cxrneighbors.explain.quality.evaluate import evaluate_explanations
from cxrneighbors.explain.quality.targets import choose_targets
from cxrneighbors.explain.registry import METHODS, build_explainer
from cxrneighbors.files import read_json, write_json_atomic, write_text_atomic
from cxrneighbors.index.neighbor_index import NeighborIndex
from cxrneighbors.progress import say, track

RESULTS = Path(__file__).parent / "results"
TEST_SHARE = 0.15  # of patients without a box: for an AUROC that means more than that of a few boxed films


def main() -> None:
    arguments = parse_arguments()
    name = arguments.name or f"boxes-{arguments.model}"
    work, started = Path(arguments.work) / name, time.perf_counter()
    studies, regions = read_samples(arguments.roots)
    model, training = classifier(studies, work / "classifier", arguments)
    embeddings = encode(studies, image=arguments.encoder, report=None, out=work / "embeddings")
    index = NeighborIndex.build(embeddings, studies)
    panels = draw_panels(model, index, regions, work / "panels", arguments)
    settings = BenchmarkSettings(n_masks=arguments.masks, seeds=arguments.seeds, n_sanity=arguments.sanity)
    result = evaluate_explanations(
        model,
        index,
        work / "benchmark",
        n_targets=None,
        regions=regions,
        methods=arguments.methods,
        segmentations=arguments.segmentations,
        settings=settings,
        device=arguments.device,
        batch_size=arguments.batch_size,
    )
    # Single records name patients' images: only means and tests go to the results.
    summary = {
        "classifier": training,
        "samples": [Path(root).name for root in arguments.roots],
        "encoder": embeddings.manifest["modalities"]["image"]["encoder"],
        "settings": vars(settings),
        "panels": panels,
        "seconds_of_this_run": round(time.perf_counter() - started, 1),
        "machine": f"{platform.machine()}, Python {platform.python_version()}",
        **result.to_json(),
    }
    write_json_atomic(RESULTS / f"{name}.json", summary)
    text = headline(summary) + "\n\n" + result.markdown()
    write_text_atomic(RESULTS / f"{name}.md", text)
    print(text)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("roots", nargs="+", metavar="ROOT")
    parser.add_argument("--model", default="chexnet", choices=["chexnet", "small-cnn"])
    parser.add_argument("--weights", help="start from a published checkpoint (chexnet)")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--image-size", type=int, default=128, help="pixels a side that the classifier reads")
    parser.add_argument("--encoder", default="pca", help="pca, or the folder of a trained VAE")
    parser.add_argument("--methods", nargs="+", default=list(METHODS))
    parser.add_argument("--segmentations", nargs="+", default=["quickshift", "slic"])
    parser.add_argument("--masks", type=int, default=100)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--sanity", type=int, default=5)
    parser.add_argument("--panels", type=int, default=6, help="targets whose panels are drawn, all methods")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--batch-size", type=int)
    parser.add_argument("--name")
    parser.add_argument("--work", default="build/eval")
    return parser.parse_args()


def read_samples(roots: list[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
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
    from cxrneighbors.data.splits import patient_split

    by_hash = patient_split(patients, seed=0, fractions=(1 - TEST_SHARE, 0.0, TEST_SHARE))
    sides = [
        "test" if patient in boxed else str(side) for patient, side in zip(patients, by_hash, strict=True)
    ]
    # Another seed: the same hash again would give no validation patients.
    return [str(side) for side in carve_validation(sides, patients, seed=1)]


def classifier(
    studies: pd.DataFrame, folder: Path, arguments: argparse.Namespace
) -> tuple[Classifier, dict[str, Any]]:
    """The classifier trained on `studies`, or the one that an earlier run left in `folder`."""
    if not (folder / "metrics.json").is_file():
        model = starting_model(
            arguments.model,
            studies,
            CHESTXRAY14_LABELS,
            weights=arguments.weights,
            image_size=arguments.image_size,
        )
        options: dict[str, Any] = {"epochs": arguments.epochs, "schedule": "cosine"}
        say(describe(train_classifier(model, studies, folder, device=arguments.device, **options)))
    metrics = read_json(folder / "metrics.json", "delete the work folder and run again")
    kept = {name: metrics[name] for name in ("model", "best_epoch", "train", "val", "test")}
    return load_classifier(folder, arguments.device), kept


def draw_panels(
    model: Classifier,
    index: NeighborIndex,
    regions: pd.DataFrame,
    folder: Path,
    arguments: argparse.Namespace,
) -> int:
    """Panels of all methods for the first boxed targets of the first ROOT; how many were drawn."""
    root = Path(arguments.roots[0]).resolve()
    here = [Path(path).resolve().is_relative_to(root) for path in index.studies["path"]]
    boxed = regions[regions["image_id"].isin(index.studies.loc[here, "image_id"])]
    targets = choose_targets(index.studies, model.labels, arguments.panels, boxed)
    for target in track(targets, "drawing panels"):
        for method in arguments.methods:
            path = folder / f"{Path(target.image_id).stem}-{target.finding}-{method}.png"
            if not path.is_file():
                explainer = build_explainer(
                    method, model, index, n_masks=arguments.masks, device=arguments.device
                )
                save_panel(explainer.explain(target.image_id, target.finding), path)
    return len(targets) * len(arguments.methods)


def headline(summary: dict[str, Any]) -> str:
    """What was explained, and how weak the classifier is."""
    training, test = summary["classifier"]["train"], summary["classifier"]["test"]
    return (
        f"{summary['n_targets']} boxed findings of {summary['n_patients']} patients "
        f"({', '.join(summary['samples'])}). "
        f"The classifier, {summary['classifier']['model']}, learned from {training['n']} films of "
        f"{training['patients']} other patients only: mean AUROC {test['mean_auroc']:.3f} on {test['n']} "
        f"test films (0.5 is chance), mean score of the boxed findings {summary['mean_prediction']:.2f}. "
        f"What is found here says little of a well-trained classifier. "
        f"Best IoU that any choice of segments could reach: "
        + ", ".join(f"{name} {value:.2f}" for name, value in summary["best_possible_iou"].items())
        + "."
    )


if __name__ == "__main__":
    main()
