"""The benchmark of explanations on a classifier and an index: its options, its run, what is written of it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pandas as pd

from common.options import options
from cxrneighbors.classifiers.base import Classifier
from cxrneighbors.encoders.encode import encode
from cxrneighbors.explain.quality.evaluate import BenchmarkResult, evaluate_explanations
from cxrneighbors.explain.quality.settings import BenchmarkSettings
from cxrneighbors.explain.registry import METHODS
from cxrneighbors.index.neighbor_index import NeighborIndex
from cxrneighbors.lungs import LungSegmenter

_TRAINING = ("model", "best_epoch", "train", "val", "test")  # what a reader wants to know of it
_SHARED = ("-k", "--epochs", "--image-size", "--device", "--batch-size", "--name", "--work", "--results")


def benchmark_options(description: str | None, *names: str, **defaults: Any) -> argparse.ArgumentParser:
    """Options of classifier, index and benchmark, before them the shared ones `names`; see `options`."""
    parser = options(description, *names, *_SHARED, **{"image_size": 128, **defaults})
    parser.add_argument("--encoder", default="pca", help="pca, or the folder of a trained VAE")
    parser.add_argument("--methods", nargs="+", default=list(METHODS))
    parser.add_argument("--segmentations", nargs="+", default=["quickshift", "slic"])
    parser.add_argument("--masks", type=int, default=100, help="masked films P of each film")
    parser.add_argument("--calls", type=int, help="films scored for an explanation, instead of --masks")
    parser.add_argument("--lungs", type=Path, help="folder of a lung segmenter; else lungs by a rule")
    parser.add_argument("--precision", default="auto", help="see Predictor: auto, float32, bfloat16")
    parser.add_argument("--seeds", type=int, default=2, help="runs of each method")
    parser.add_argument(
        "--sanity", type=int, default=20, help="targets explained for a random classifier too"
    )
    return parser


def image_index(studies: pd.DataFrame, given: argparse.Namespace, work: Path) -> NeighborIndex:
    """The films of `studies` indexed by --encoder."""
    embeddings = encode(studies, image=given.encoder, out=work / "embeddings", device=given.device)
    return NeighborIndex.build(embeddings, studies)


def run_benchmark(
    model: Classifier,
    index: NeighborIndex,
    regions: pd.DataFrame,
    given: argparse.Namespace,
    work: Path,
    **targets: Any,
) -> tuple[BenchmarkResult, dict[str, Any]]:
    """Score --methods; the result, and its JSON with settings and encoder.

    `targets`: which films are explained, as `evaluate_explanations` takes it. Single records name patients'
    images and stay in `work`: only means and tests are in the JSON.
    """
    settings = BenchmarkSettings(
        k=given.k, n_masks=given.masks, seeds=given.seeds, n_sanity=given.sanity, calls=given.calls
    )
    result = evaluate_explanations(
        model,
        index,
        work / "benchmark",
        regions=regions,
        methods=given.methods,
        segmentations=given.segmentations,
        settings=settings,
        device=given.device,
        batch_size=given.batch_size,
        precision=given.precision,
        lungs=None if given.lungs is None else LungSegmenter.load(given.lungs, given.device),
        **targets,
    )
    encoder = index.manifest["modalities"]["image"]["encoder"]
    content = result.to_json()
    content["pairs"] = [short(pair) for pair in content["pairs"]]
    return result, {"encoder": encoder, "settings": vars(settings), **content}


def short(pair: dict[str, Any]) -> dict[str, Any]:
    """A test of two methods, of which there are thousands: six digits, without the counts, alike for all."""
    known = {name: value for name, value in pair.items() if name not in ("n_targets", "n_patients")}
    return {
        name: float(f"{value:.6g}") if isinstance(value, float) else value for name, value in known.items()
    }


def training_summary(metrics: dict[str, Any]) -> dict[str, Any]:
    """Of what `train_classifier` returns the part that results show."""
    return {name: metrics[name] for name in _TRAINING}


def reach(summary: dict[str, Any]) -> str:
    """The best IoU that the segments allow, in a sentence."""
    values = ", ".join(f"{name} {value:.2f}" for name, value in summary["best_possible_iou"].items())
    return f"Best IoU that any choice of segments could reach: {values}."
