"""What does an explanation cost beside the classifier's own time on as many films?

    python eval/explanation_cost.py [--models small-cnn efficientnet-lite0] [--calls 301] [--films 6]

Phantoms, networks with random weights. For each film in turn the processor time of the whole explanation
(segments, donors, composed films, scores, surrogate; no changed film) and of the bare classifier on as many
whole films in the same batches; the median of the ratios. 'First' is with nothing cached, 'again' the same
film once more, whose segments and donors are kept. Writes eval/results/explanation_cost.json and .md.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch

from common.explanation_benchmark import image_index
from common.markdown import document, table
from common.options import options, run
from common.results import write_results
from cxrneighbors.classifiers.starting import starting_model
from cxrneighbors.data.imports import import_dataset
from cxrneighbors.explain.explainer import Explainer
from cxrneighbors.explain.predictor import Predictor
from cxrneighbors.explain.registry import build_explainer
from cxrneighbors.explain.segments import SegmentCache
from cxrneighbors.progress import say

K = 5


def main(arguments: Sequence[str] | None = None) -> None:
    parser = options(__doc__, "--image-size", "--device", "--work", "--results", image_size=128)
    parser.add_argument("--models", nargs="+", default=["small-cnn", "efficientnet-lite0"])
    parser.add_argument("--methods", nargs="+", default=["lime", "kp-lime", "contrast-lime"])
    parser.add_argument("--precisions", nargs="+", default=["float32", "bfloat16"])
    parser.add_argument("--calls", type=int, default=301)
    parser.add_argument("--films", type=int, default=6)
    parser.add_argument("--encoder", default="pca")
    given = parser.parse_args(arguments)
    work = given.work / "explanation_cost"
    size = given.image_size
    imported = import_dataset("phantom", work / "phantom", n_patients=60, image_size=size)
    studies = imported.studies[imported.studies["view"] != "LATERAL"].reset_index(drop=True)
    index = image_index(studies, given, work)
    films = studies["image_id"].tolist()[: given.films]
    rows = []
    for name in given.models:
        model = starting_model(name, studies, image_size=size)
        for precision in given.precisions:
            predictor = Predictor(model, device=given.device, precision=precision)
            for method in given.methods:
                n_masks = (given.calls - 1) // (1 if method == "lime" else K + 1)
                more: dict[str, Any] = {"k": K} if method != "lime" else {}
                more |= {"counterfactual": False} if method == "contrast-lime" else {}
                explainer = build_explainer(
                    method,
                    predictor,
                    index,
                    n_masks=n_masks,
                    segmentation="slic",
                    segments=SegmentCache(),
                    **more,
                )
                found = ratios(explainer, films, predictor.labels[0])
                rows.append({"model": name, "precision": precision, "method": explainer.title, **found})
                say(f"{name}, {precision}, {method}: {found['first']:.2f}, again {found['again']:.2f}")
    summary = {"image_size": size, "films": len(films), "rows": rows}
    write_results(given.results, "explanation_cost", summary, markdown(summary), device=given.device)


def ratios(explainer: Explainer, films: list[str], target: str) -> dict[str, float]:
    """Median ratios to the bare classifier, and films scored."""
    explainer.explain(films[-1], target)  # what is loaded on first use
    first, again, calls = [], [], 0
    for image_id in films[:-1]:
        cold = seconds(partial(explainer.explain, image_id, target))
        warm = seconds(partial(explainer.explain, image_id, target))
        calls = explainer.explain(image_id, target).settings["classifier_calls"]
        bare = seconds(partial(whole, explainer, image_id, target, calls))
        first.append(cold / bare)
        again.append(warm / bare)
    return {"first": float(np.median(first)), "again": float(np.median(again)), "calls": calls}


def whole(explainer: Explainer, image_id: str, target: str, n: int) -> list[np.ndarray]:
    """Scores of the film n times over, in batches that are ready."""
    predictor = explainer.predictor
    film = torch.from_numpy(explainer.reader.read(image_id).pixels).to(predictor.device)
    size = min(n, predictor.batches.size)
    batch = film.expand(size, *film.shape).contiguous()
    rows = [min(size, n - start) for start in range(0, n, size)]
    return [predictor.score(batch[:count], target).cpu().numpy() for count in rows]


def seconds(work: Callable[[], Any]) -> float:
    """Processor time."""
    started = time.process_time()
    work()
    return time.process_time() - started


def markdown(summary: dict[str, Any]) -> str:
    about = (
        f"Processor time of an explanation over that of the classifier on as many films, median of "
        f"{summary['films'] - 1} phantoms at {summary['image_size']} pixels, SLIC segments."
    )
    columns = {
        "classifier": "{model}",
        "precision": "{precision}",
        "method": "{method}",
        "films scored:": "{calls}",
        "first:": "{first:.2f}",
        "again:": "{again:.2f}",
    }
    return document(about, table(columns, summary["rows"]))


if __name__ == "__main__":
    run(main)
