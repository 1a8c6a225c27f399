"""Real films: do explanations find the boxes that radiologists drew?

    python eval/boxes.py DATA [--model efficientnet-lite0] [--weights imagenet] [--work build/eval]

DATA: folder with samples of ChestX-ray14 in its published layout (--samples); a film that several hold is
taken once, from the first. The classifier learns from all films but those of patients with a box and of
split 'test' of the last sample, on whose films its AUROC is measured. Every film with a box is explained for
the finding in it, whatever the classifier thinks of it, every method asking the classifier --calls times.
Donors and neighbours are films of other patients. Writes eval/results/boxes.json, .md and .png; single
records stay in the work folder. `--train-only` stops after the training.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from common.explanation_benchmark import benchmark_options, image_index, reach, run_benchmark
from common.kept import trained_classifier
from common.markdown import document
from common.options import run
from common.results import write_results
from cxrneighbors.classifiers.base import Classifier
from cxrneighbors.classifiers.chexnet import CHESTXRAY14_LABELS
from cxrneighbors.classifiers.starting import starting_model
from cxrneighbors.data.combine import combine_studies
from cxrneighbors.data.imports import import_dataset, require_root
from cxrneighbors.encoders.classifier import ClassifierEncoder
from cxrneighbors.progress import say
from encoder_auroc import auroc_of_findings

SAMPLES = ("chestxray14-256", "chestxray14-256b", "chestxray14-128", "chestxray14-10k")

BANDS = (0, 0.05, 0.1, 0.2, 1)  # of the classifier's score of the boxed finding


def main(arguments: Sequence[str] | None = None) -> None:
    parser = benchmark_options(__doc__, "data", epochs=6, sanity=10, name="boxes")
    parser.add_argument("--samples", nargs="+", default=list(SAMPLES), metavar="NAME")
    parser.add_argument("--model", default="efficientnet-lite0", help="name of a classifier")
    parser.add_argument("--weights", default="imagenet", help="what the training starts from; '' for nothing")
    parser.add_argument("--train-only", action="store_true")
    parser.add_argument("--written", default="", help="name of the results; --name of the work by default")
    given = parser.parse_args(arguments)
    work = given.work / given.name
    studies, regions = read_samples([require_root(given.data / name, name) for name in given.samples])
    model = starting_model(
        given.model, studies, CHESTXRAY14_LABELS, given.weights or None, image_size=given.image_size
    )
    training = {"epochs": given.epochs, "keep": "last"}
    trained_classifier(model, learned(studies), work / "classifier", given.device, **training)
    films = studies["image_id"].isin(regions["image_id"])
    boxed = studies["patient_id"].isin(studies.loc[films, "patient_id"])
    held = studies[(studies["split"] == "test") & ~boxed].reset_index(drop=True)
    summary: dict[str, Any] = {"samples": given.samples, "classifier": described(model, studies, held, given)}
    say(f"mean AUROC {summary['classifier']['mean_auroc']:.3f} on {len(held)} films")
    if given.train_only:
        return
    index = image_index(studies, given, work)
    result, scores = run_benchmark(model, index, regions, given, work, n_targets=None)
    summary |= scores | {"hits_by_finding": hits_by(result.table["finding"], result.table)}
    bands = pd.cut(result.table["prediction"], BANDS, include_lowest=True).astype(str)
    summary["hits_by_score"] = hits_by(bands, result.table)
    name = given.written or given.name
    figures = {name: (work / "benchmark" / "benchmark.png").read_bytes()}
    text = document(headline(summary), result.markdown().rstrip("\n"))
    write_results(given.results, name, summary, text, figures, given.device)


def hits_by(groups: pd.Series, table: pd.DataFrame) -> list[dict[Any, Any]]:
    """How often each method hits the box, for each value of `groups` (N,), one for each row of `table`."""
    found = table["pointing"].groupby([groups.rename("group"), table["method"]], sort=True)
    return found.agg(["mean", "size"]).reset_index().to_dict(orient="records")


def read_samples(roots: Sequence[Path]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """All samples as one table, and boxes; split 'test': boxed patients, and those of the last sample's."""
    films, boxes, seen = [], [], set[str]()
    for root in roots:
        imported = import_dataset("chestxray14", root)
        new = imported.studies[~imported.studies["image_id"].isin(seen)]
        films.append(new)
        boxes.append(imported.regions[imported.regions["image_id"].isin(new["image_id"])])
        seen |= set(new["image_id"])
    held = set(imported.studies.loc[imported.studies["split"] == "test", "patient_id"])
    studies = combine_studies(films)
    studies = studies[studies["path"].notna()].reset_index(drop=True)
    regions = pd.concat(boxes, ignore_index=True)
    boxed = set(studies.loc[studies["image_id"].isin(regions["image_id"]), "patient_id"])
    patients = studies["patient_id"]
    studies["split"] = np.where(patients.isin(boxed | held), "test", "train")
    say(f"{len(studies)} films; {len(boxed)} patients with {len(regions)} boxes are kept out of training")
    return studies, regions


def learned(studies: pd.DataFrame) -> pd.DataFrame:
    """What the classifier learns from; the last patient validates, as the last weights are kept anyway."""
    films = studies[studies["split"] == "train"].reset_index(drop=True)
    last = films["patient_id"] == films["patient_id"].max()
    return films.assign(split=np.where(last, "val", "train"))


def described(model: Classifier, studies: pd.DataFrame, held: pd.DataFrame, given: Any) -> dict[str, Any]:
    """What a reader wants to know of the classifier; its AUROC on films `held` out."""
    train = studies[studies["split"] == "train"]
    auroc = auroc_of_findings(ClassifierEncoder(model, "probabilities", device=given.device), held)
    return {
        "model": model.name,
        "image_size": model.image_size,
        "epochs": given.epochs,
        "train": {"n": len(train), "patients": int(train["patient_id"].nunique())},
        "test": {"n": len(held), "patients": int(held["patient_id"].nunique())},
        "auroc": auroc,
        "mean_auroc": float(np.mean([value for value in auroc.values() if value is not None])),
    }


def headline(summary: dict[str, Any]) -> str:
    """What was explained, and how good the classifier is."""
    network, settings = summary["classifier"], summary["settings"]
    train, test = network["train"], network["test"]
    return (
        f"{summary['n_targets']} boxed findings of {summary['n_patients']} patients "
        f"({', '.join(summary['samples'])}). The classifier, {network['model']} at {network['image_size']} "
        f"pixels, learned from {train['n']:,} films of {train['patients']:,} other patients: mean AUROC "
        f"{network['mean_auroc']:.3f} on {test['n']:,} films of {test['patients']} patients held "
        f"out, mean score of the boxed findings {summary['mean_prediction']:.2f}. {settings['calls']} films "
        f"scored for an explanation, K = {settings['k']}, {settings['seeds']} seeds. {reach(summary)}"
    )


if __name__ == "__main__":
    run(main)
