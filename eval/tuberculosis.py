"""Tuberculosis on films whose lungs are outlined: does the evidence for it lie in the lungs?

    python eval/tuberculosis.py ROOT [--model efficientnet-lite0] [--weights imagenet] [--calls 301]

ROOT: films with lung masks (labels.csv). Nobody has drawn the lesions, but tuberculosis of the lungs lies in
the lungs, and their outlines are radiologists': a map that points elsewhere is wrong, or shows what else the
classifier reads. It learns from two thirds of the patients; every film of the last third that has
tuberculosis and an outline is explained. How well it knows the disease is measured within each hospital too,
without the lungs and with nothing but the lungs' box. Writes eval/results/tuberculosis.json, .md and .png;
single records stay in the work folder.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from common.explanation_benchmark import benchmark_options, image_index, run_benchmark
from common.kept import trained_classifier
from common.markdown import document, table
from common.options import run
from common.results import write_results
from cxrneighbors.classifiers.base import Classifier
from cxrneighbors.classifiers.quality.shortcut import mask_lungs
from cxrneighbors.classifiers.scoring import score_multi_label
from cxrneighbors.classifiers.starting import starting_model
from cxrneighbors.data.imports import require_root
from cxrneighbors.data.pixels import load_images, resize
from cxrneighbors.data.skipped import Skipped
from cxrneighbors.data.splits import patient_folds
from cxrneighbors.data.tables import validate_regions
from cxrneighbors.lungs.films import read_lung_films, read_lungs
from encoder_films import lung_films

FINDING, EVERYWHERE = "Tuberculosis", "both"
HELD, FOLDS = 2, 3  # the fold whose patients are explained, of so many
PARTS = {"whole": "outlined", "outside": "outlined, without the lungs' box", "lungs": "only the lungs' box"}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = benchmark_options(__doc__, "root", epochs=12, sanity=10, name="tuberculosis")
    parser.add_argument("--model", default="efficientnet-lite0", help="name of a classifier")
    parser.add_argument("--weights", default="imagenet", help="what the training starts from; '' for nothing")
    given = parser.parse_args(arguments)
    work = given.work / given.name
    studies, lungs = read_films(given.root)
    model = starting_model(
        given.model, studies, (FINDING,), given.weights or None, image_size=given.image_size
    )
    training = {"epochs": given.epochs, "keep": "last"}
    trained_classifier(model, studies, work / "classifier", given.device, **training)
    held = studies[studies["split"] == "test"].reset_index(drop=True)
    summary: dict[str, Any] = {"model": model.name, "image_size": model.image_size, "epochs": given.epochs}
    summary |= {"train": int((studies["split"] != "test").sum()), "test": len(held)}
    summary["known"] = known(model, held, lungs, given.device)
    index = image_index(studies, given, work)
    explained = lungs[lungs["image_id"].isin(held.loc[sick(held), "image_id"])].reset_index(drop=True)
    result, scores = run_benchmark(model, index, explained, given, work, n_targets=None)
    summary |= scores
    figures = {given.name: (work / "benchmark" / "benchmark.png").read_bytes()}
    text = document(headline(summary), known_table(summary), result.markdown().rstrip("\n"))
    write_results(given.results, given.name, summary, text, figures, given.device)


def read_films(root: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """All films, those of the last fold's patients as split 'test'; the lungs of all that are outlined.

    One of the patients learned from validates, as the last weights are kept anyway.
    """
    studies = lung_films(require_root(root, "lung mask"))
    patients = studies["patient_id"]
    held = patient_folds(patients, FOLDS) == HELD
    studies["split"] = np.where(held, "test", np.where(patients == patients[~held].max(), "val", "train"))
    outlined = read_lung_films(root, Skipped())[["image_id", "mask_path"]].assign(finding=FINDING)
    return studies, validate_regions(outlined)


def sick(films: pd.DataFrame) -> np.ndarray:
    """Which films have tuberculosis: bool (N,)."""
    return np.array([FINDING in findings for findings in films["findings"]])


def known(model: Classifier, held: pd.DataFrame, lungs: pd.DataFrame, device: str) -> list[dict[str, Any]]:
    """AUROC of all films `held` out, and of those with outlined lungs as they are and in parts; by source."""
    size, aspect = model.image_size, model.aspect
    outlined = held[held["image_id"].isin(lungs["image_id"])]
    masks = lungs.set_index("image_id")["mask_path"].reindex(outlined["image_id"])
    images = load_images(outlined["path"].tolist(), size, aspect)[0]
    sides = [[resize(side.astype(np.float32), size, aspect) >= 0.5 for side in read_lungs(p)] for p in masks]
    parts = {"outside": mask_lungs(images, np.array(sides)), "whole": images}
    parts["lungs"] = mask_lungs(images, np.array(sides), "lungs")
    everything = load_images(held["path"].tolist(), size, aspect)[0]
    shown = {"all": (held, everything), **{PARTS[name]: (outlined, parts[name]) for name in PARTS}}
    rows: list[dict[str, Any]] = []
    for name, (films, pixels) in shown.items():
        likely = torch.from_numpy(model.predict(pixels, device=device))
        for source in (EVERYWHERE, *sorted(set(held["source"]))):
            part = (films["source"] == source).to_numpy() | (source == EVERYWHERE)
            truth = torch.from_numpy(sick(films)[part])[:, None]
            score = score_multi_label(likely[torch.from_numpy(part)], truth, [FINDING])
            rows.append({"films": name, "source": source, "n": score["n"], "auroc": score["mean_auroc"]})
    return rows


def headline(summary: dict[str, Any]) -> str:
    """What was explained, by which classifier, and what a map without any knowledge has inside the lungs."""
    share = ", ".join(f"{name} {value:.2f}" for name, value in summary["mean_lesion_share"].items())
    return (
        f"{summary['n_targets']} films with tuberculosis of {summary['n_patients']} patients, their lungs "
        f"outlined by radiologists. The classifier, {summary['model']} at {summary['image_size']} pixels, "
        f"learned from {summary['train']} films of other patients; its mean score of the films is "
        f"{summary['mean_prediction']:.2f}. {summary['settings']['calls']} films scored for an explanation. "
        "The lesion below is both lungs: any point in a lung wins the pointing game. Share of the film that "
        f"the lungs have: {share}."
    )


def known_table(summary: dict[str, Any]) -> str:
    """A row for what is shown of the films, a column a source."""
    sources = list(dict.fromkeys(row["source"] for row in summary["known"]))
    rows = dict[str, dict[str, Any]]()
    for row in summary["known"]:
        cell = "–" if row["auroc"] is None else f"{row['auroc']:.3f} of {row['n']}"
        rows.setdefault(row["films"], {"films": row["films"]})[f"s{sources.index(row['source'])}"] = cell
    columns = {"AUROC of tuberculosis, films held out": "{films}"}
    return table(columns | {f"{name}:": f"{{s{place}}}" for place, name in enumerate(sources)}, rows.values())


if __name__ == "__main__":
    run(main)
