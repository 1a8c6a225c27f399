"""A cohort explained with files, panels and contact sheet, against the bare classifier on as many films.

KP-LIME (K = 5) of phantoms. Bare: the classifier's scores of batches that are ready on the device, as many
films as the explanations ask for, in the same precision and batches. One after the other: the same cohort
without its look-ahead and without processes that draw panels. Nothing is cached before.
"""

from __future__ import annotations

import shutil
import tempfile
from argparse import Namespace
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch

from benchmarks.turns import ratio, settings, spread, summary, take_turns
from common.markdown import document, table
from cxrneighbors.classifiers.registry import build
from cxrneighbors.data.imports import import_dataset
from cxrneighbors.devices import resolve_device
from cxrneighbors.encoders.encode import encode
from cxrneighbors.explain.engines import ENGINES
from cxrneighbors.explain.explainer import Explainer
from cxrneighbors.explain.many import explain_many
from cxrneighbors.explain.predictor import Predictor
from cxrneighbors.explain.registry import build_explainer
from cxrneighbors.index.neighbor_index import NeighborIndex
from cxrneighbors.processes import usable_cpus

K, PATIENTS, FILE_SIZE = 5, 60, 256
# classifier: pixels a side, films, masks P of each source film; DenseNet-121 on a GPU alone.
NETWORKS = {"small-cnn": (128, 24, 100), "chexnet": (224, 48, 100)}
SMALL = {"small-cnn": (64, 2, 2)}
TITLES = {"small-cnn": "small CNN", "chexnet": "DenseNet-121"}
LIMIT = (
    "Before: panels, 0.2 to 0.5 s each, drawn between two films. Now, with cores to spare: the "
    "classifier, and at the end the contact sheet. Without them the processor is what all share."
)


def measure(given: Namespace) -> dict[str, Any]:
    """A row a classifier."""
    device = resolve_device(given.device)
    networks = SMALL if given.small else NETWORKS
    with tempfile.TemporaryDirectory() as folder:
        index = phantoms(Path(folder), 8 if given.small else PATIENTS)
        rows = [
            row_of(name, *sizes, index, device, given.rounds, Path(folder))
            for name, sizes in networks.items()
            if name != "chexnet" or device.startswith("cuda")
        ]
    return settings(given, rows=rows, k=K, file_size=FILE_SIZE, cores=usable_cpus(), limit=LIMIT)


def phantoms(folder: Path, patients: int) -> NeighborIndex:
    """Frontal films, indexed by their pixels."""
    studies = import_dataset("phantom", folder / "films", n_patients=patients, image_size=FILE_SIZE).studies
    studies = studies[studies["view"] != "LATERAL"].reset_index(drop=True)
    return NeighborIndex.build(encode(studies, image="pixels", report=None, out=folder / "emb"), studies)


def row_of(
    name: str, size: int, n: int, masks: int, index: NeighborIndex, device: str, rounds: int, folder: Path
) -> dict[str, Any]:
    """Seconds of each way and their ratios."""
    model = build(name, labels=["Effusion", "Nodule"], image_size=size)
    predictor = Predictor(model, device=device)
    films = list(index.studies["image_id"])[:n]
    explainer = build_explainer("kp-lime", predictor, index, k=K, n_masks=masks)
    calls = n * explainer.explain(films[0], predictor.labels[0]).settings["classifier_calls"]
    ways: dict[str, Callable[[], object]] = {
        "bare": partial(bare, explainer, films[0], calls),
        "ours": partial(cohort, explainer, films, folder / "out", "local"),
        "in turn": partial(cohort, explainer, films, folder / "out", "in turn"),
    }
    seconds = take_turns(ways, rounds)
    row: dict[str, Any] = {"classifier": TITLES[name], "size": size, "films": n, "scored": calls}
    row |= {way: summary(each) for way, each in seconds.items()}
    return row | {f"ratio, {way}": ratio(seconds, way, "bare") for way in ("ours", "in turn")}


def bare(explainer: Explainer, film: str, calls: int) -> None:
    """Scores of a film so many times over, in batches that are ready."""
    predictor = explainer.predictor
    target, size = predictor.labels[0], predictor.batches.size
    image = torch.from_numpy(explainer.reader.read(film).pixels).to(predictor.device)
    batch = image.expand(min(size, calls), *image.shape).contiguous()
    for start in range(0, calls, size):
        predictor.score(batch[: calls - start], target).cpu()


def cohort(explainer: Explainer, films: list[str], out: Path, engine: str) -> None:
    """All of `explain_many`, from nothing."""
    shutil.rmtree(out, ignore_errors=True)
    explainer.masking.segments.clear()
    with patch.dict(ENGINES, {"in turn": lambda each, asked: map(each.one, asked)}):
        explain_many(explainer, films, explainer.predictor.labels[0], out, engine=engine)


def markdown(found: dict[str, Any]) -> str:
    """A row a classifier."""
    columns = {
        "classifier": "{classifier}",
        "pixels:": "{size}",
        "films:": "{films}",
        "scored:": "{scored:,}",
        "bare classifier, s": "{bare}",
        "the cohort, times as long": "{ours}",
        "bare classifier's share:": "{share:.0%}",
        "one after the other, times as long": "{turn}",
    }
    rows = [
        row
        | {"share": 1 / row["ratio, ours"]["ratio"], "bare": spread(row["bare"], 2)}
        | {"ours": spread(row["ratio, ours"], 2), "turn": spread(row["ratio, in turn"], 2)}
        for row in found["rows"]
    ]
    return document(
        f"KP-LIME (K = {found['k']}) of phantoms of {found['file_size']} pixels with explanations, panels "
        f"and contact sheet; {found['cores']} cores, {found['rounds']} rounds, median (lowest to highest).",
        table(columns, rows),
        found["limit"],
    )
