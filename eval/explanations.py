"""Which explanation method is best? The benchmark on phantoms, whose lesions are known to the pixel.

    python eval/explanations.py [--targets 60] [--masks 100] [--encoder pca] [--work build/eval]

Generates phantoms, trains small-cnn on the training patients (AUROC reported on test patients), encodes and
indexes the frontal films, and runs every method on films of test patients whose finding the classifier sees
(score >= 0.5). An interrupted run goes on. Writes eval/results/explanations.json, explanations.md and
explanations.png; records, weights and phantoms stay in the work folder.
"""

from __future__ import annotations

import argparse
import platform
import time
from pathlib import Path
from typing import Any

import pandas as pd

from cxrneighbors.classifiers.base import Classifier
from cxrneighbors.classifiers.registry import load_classifier
from cxrneighbors.classifiers.starting import starting_model
from cxrneighbors.classifiers.training import describe, train_classifier
from cxrneighbors.data.imports import import_dataset
from cxrneighbors.encoders.encode import encode
from cxrneighbors.explain.quality.benchmark import BenchmarkSettings
from cxrneighbors.explain.quality.evaluate import evaluate_explanations
from cxrneighbors.explain.registry import METHODS
from cxrneighbors.files import read_json, write_bytes_atomic, write_json_atomic, write_text_atomic
from cxrneighbors.index.neighbor_index import NeighborIndex
from cxrneighbors.progress import say

RESULTS = Path(__file__).parent / "results"


def main() -> None:
    arguments = parse_arguments()
    work, started = Path(arguments.work) / arguments.name, time.perf_counter()
    imported = import_dataset(
        "phantom", work / "phantom", n_patients=arguments.patients, image_size=arguments.image_size
    )
    studies = imported.studies[imported.studies["view"] != "LATERAL"].reset_index(drop=True)
    say(f"{len(studies)} frontal phantoms of {studies['patient_id'].nunique()} patients")
    model, training = classifier(studies, work / "classifier", arguments)
    embeddings = encode(studies, image=arguments.encoder, report=None, out=work / "embeddings")
    index = NeighborIndex.build(embeddings, studies)
    settings = BenchmarkSettings(
        k=arguments.k, n_masks=arguments.masks, seeds=arguments.seeds, n_sanity=arguments.sanity
    )
    result = evaluate_explanations(
        model,
        index,
        work / "benchmark",
        n_targets=arguments.targets,
        regions=imported.regions,
        among="split == 'test'",
        min_score=arguments.min_score,
        methods=arguments.methods,
        segmentations=arguments.segmentations,
        settings=settings,
        device=arguments.device,
        batch_size=arguments.batch_size,
    )
    summary = {
        "classifier": training,
        "encoder": embeddings.manifest["modalities"]["image"]["encoder"],
        "settings": vars(settings),
        "min_score": arguments.min_score,
        "phantom": {"patients": arguments.patients, "image_size": arguments.image_size},
        "seconds_of_this_run": round(time.perf_counter() - started, 1),
        "machine": f"{platform.machine()}, Python {platform.python_version()}",
        **result.to_json(),
    }
    write_json_atomic(RESULTS / f"{arguments.name}.json", summary)
    text = headline(summary) + "\n\n" + result.markdown()
    write_text_atomic(RESULTS / f"{arguments.name}.md", text)
    write_bytes_atomic(RESULTS / f"{arguments.name}.png", (work / "benchmark" / "benchmark.png").read_bytes())
    print(text)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--patients", type=int, default=400)
    parser.add_argument(
        "--image-size", type=int, default=128, help="pixels a side of phantoms and classifier"
    )
    parser.add_argument("--epochs", type=int, default=15, help="of the classifier")
    parser.add_argument("--encoder", default="pca", help="pca, or the folder of a trained VAE")
    parser.add_argument("--targets", type=int, default=60)
    parser.add_argument("--min-score", type=float, default=0.5)
    parser.add_argument("--methods", nargs="+", default=list(METHODS))
    parser.add_argument("--segmentations", nargs="+", default=["quickshift", "slic"])
    parser.add_argument("-k", type=int, default=5)
    parser.add_argument("--masks", type=int, default=100)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--sanity", type=int, default=20)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--batch-size", type=int)
    parser.add_argument("--name", default="explanations", help="of the result files and the work folder")
    parser.add_argument("--work", default="build/eval")
    return parser.parse_args()


def classifier(
    studies: pd.DataFrame, folder: Path, arguments: argparse.Namespace
) -> tuple[Classifier, dict[str, Any]]:
    """small-cnn trained on the training patients, or the one that an earlier run left in `folder`."""
    if not (folder / "metrics.json").is_file():
        model = starting_model("small-cnn", studies, image_size=arguments.image_size)
        options: dict[str, Any] = {"epochs": arguments.epochs, "lr": 2e-3, "schedule": "cosine"}
        metrics = train_classifier(model, studies, folder, device=arguments.device, **options)
        say(describe(metrics))
    metrics = read_json(folder / "metrics.json", "delete the work folder and run again")
    kept = {name: metrics[name] for name in ("model", "best_epoch", "train", "val", "test")}
    return load_classifier(folder, arguments.device), kept


def headline(summary: dict[str, Any]) -> str:
    """What was explained, and how good the classifier is that the methods explain."""
    test = summary["classifier"]["test"]
    reach = ", ".join(f"{name} {value:.2f}" for name, value in summary["best_possible_iou"].items())
    settings = summary["settings"]
    return (
        f"{summary['n_targets']} phantom targets of {summary['n_patients']} test patients. Classifier "
        f"small-cnn: mean AUROC {test['mean_auroc']:.3f} on {test['n']} films of {test['patients']} test "
        f"patients; its mean score of the explained findings is {summary['mean_prediction']:.2f} (at least "
        f"{summary['min_score']} by choice of targets). Neighbours by {summary['encoder']}, "
        f"K = {settings['k']}, P = {settings['n_masks']}, {settings['seeds']} seeds. Best IoU that any "
        f"choice of segments could reach: {reach}."
    )


if __name__ == "__main__":
    main()
