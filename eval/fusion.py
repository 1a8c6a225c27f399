"""Is image and report together ever worse than the better of the two?

    python eval/fusion.py covid-chestxray ROOT [--image-encoder FOLDER] [--report-encoder minilm]
    python eval/fusion.py phantom FOLDER --phantoms 5

Patients are dealt into outer folds. Encoders that learn, the weights and the shared space know the patients
of the other folds only; then each film of the fold searches among all films of other patients. Words that
name a label are masked in the reports unless --unmasked. With --phantoms so many archives are drawn in
FOLDER, with the seeds from --seed on. Writes eval/results/NAME.json, .md and .png.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from common.markdown import document, interval, table
from common.options import options, run
from common.results import write_results
from cxrneighbors.data.imports import import_dataset
from cxrneighbors.encoders.base import Fittable
from cxrneighbors.encoders.encode import encode
from cxrneighbors.encoders.registry import load_image_encoder, load_report_encoder
from cxrneighbors.encoders.shared_space import share_space
from cxrneighbors.encoders.store import Embeddings
from cxrneighbors.errors import UserError
from cxrneighbors.evaluation.compare import compare
from cxrneighbors.evaluation.films import Films
from cxrneighbors.evaluation.graph import Graph, Search
from cxrneighbors.evaluation.question import Question
from cxrneighbors.evaluation.score_table import ScoreTable, score_targets
from cxrneighbors.figures import BLUE, GREY, ORANGE, PAGE_WIDTH, TEAL, new_figure
from cxrneighbors.index.neighbor_index import NeighborIndex
from cxrneighbors.progress import say
from cxrneighbors.statistics.dyadic import NEXT
from cxrneighbors.statistics.holm import holm
from cxrneighbors.statistics.patients import patient_codes

if TYPE_CHECKING:
    from matplotlib.figure import Figure


IMAGE, REPORT, EQUAL, AUTO = "image alone", "report alone", "fused 1:1", "fused auto"
RANKS, SHARED = "ranks", "shared space 1:1"
PAIRS = ((AUTO, IMAGE), (AUTO, REPORT), (AUTO, EQUAL), (EQUAL, REPORT), (RANKS, REPORT), (SHARED, REPORT))


@dataclass(frozen=True)
class Data:
    """A data set: its rows, and which outer fold each belongs to, int64 (N,)."""

    name: str
    studies: pd.DataFrame
    fold: np.ndarray

    def parts(self, n_folds: int) -> Iterator[pd.DataFrame]:
        """For each fold the rows with that fold as split 'test', the next as 'val', all others as 'train'."""
        for number in range(n_folds):
            names = np.full(n_folds, "train", dtype=object)
            names[[number, (number + 1) % n_folds]] = "test", "val"
            yield self.studies.assign(split=names[self.fold])


def main(arguments: Sequence[str] | None = None) -> None:
    names = ("dataset", "root", "--image-encoder", "--report-encoder", "--definition", "-k", "--image-size")
    parser = options(
        __doc__, *names, "--seed", "--device", "--name", "--results", image_encoder="pca", image_size=64
    )
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument(
        "--unmasked", action="store_true", help="leave words that name a label in the reports"
    )
    parser.add_argument("--phantoms", type=int, help="archives to draw in ROOT")
    parser.add_argument("--patients", type=int, default=200, help="of each drawn archive")
    given = parser.parse_args(arguments)
    results = [scored(data, given) for data in data_sets(given)]
    name = given.name or f"fusion-{given.dataset}"
    summary = {
        "image_encoder": Path(given.image_encoder).name,
        "report_encoder": Path(given.report_encoder).name,
        "label_words_masked": not given.unmasked,
        "k": given.k,
        "definition": given.definition,
        "folds": given.folds,
        "data": results,
    }
    write_results(given.results, name, summary, markdown(summary), {name: drawn(results)}, given.device)


def data_sets(given: argparse.Namespace) -> Iterator[Data]:
    """The data set, or the drawn archives, one by one."""
    if given.phantoms is None:
        yield dealt(given.dataset, import_dataset(given.dataset, given.root).studies, given)
        return
    for seed in range(given.seed, given.seed + given.phantoms):
        drawn = {"n_patients": given.patients, "image_size": given.image_size, "seed": seed}
        archive = import_dataset("phantom", given.root / f"seed-{seed}", **drawn)
        yield dealt(f"phantom {seed}", archive.studies, given)


def dealt(name: str, studies: pd.DataFrame, given: argparse.Namespace) -> Data:
    """Whole patients into folds of about equal size."""
    patients = patient_codes(studies)
    order = np.random.default_rng(given.seed).permutation(patients.max() + 1)
    return Data(name, studies, order[patients] % given.folds)


def scored(data: Data, given: argparse.Namespace) -> dict[str, Any]:
    """Every method's lift, its folds and comparisons."""
    say(data.name)
    indices = [indexed(vectors, part) for vectors, part in embedded(data, given)]
    known = np.logical_and.reduce(
        [index["plain"].has["image"] & index["plain"].has["report"] for index in indices]
    )
    known &= data.studies["findings"].map(len).to_numpy() > 0
    if not known.any():
        raise UserError(f"{data.name}: no labelled film has image and report; give another data set")
    films, question = Films.of(data.studies), Question(given.k, given.definition)
    tables = {
        name: score_targets(graph, films, question, matchings=())
        for name, graph in graphs(indices, data.fold, known, given.k).items()
    }
    choices = [index["auto"].store.weight_choice for index in indices]
    return {
        "name": data.name,
        "n_patients": int(data.studies.loc[known, ["dataset", "patient_id"]].drop_duplicates().shape[0]),
        "methods": {name: figures(one) for name, one in tables.items()},
        "comparisons": comparisons(tables),
        "folds": [
            {"weights": choice["weights"], **by_fold(tables, data, number), "chosen_on": choice}
            for number, choice in enumerate(choices)
            if choice is not None
        ],
        "image_share_of_spread": spread_share(indices[0]["plain"], np.flatnonzero(known)),
    }


def embedded(data: Data, given: argparse.Namespace) -> Iterator[tuple[Embeddings, pd.DataFrame]]:
    """The vectors for each fold: made anew where an encoder learns from the other folds, else once."""
    vectors: Embeddings | None = None
    for part in data.parts(given.folds):
        image = load_image_encoder(given.image_encoder, given.device)
        report = load_report_encoder(given.report_encoder, given.device)
        learns = any(isinstance(one, Fittable) and not one.fitted for one in (image, report))
        if vectors is None or learns:
            vectors = encode(part, image, report, device=given.device, mask_labels=not given.unmasked)
        yield vectors, part


def indexed(vectors: Embeddings, part: pd.DataFrame) -> dict[str, NeighborIndex]:
    """The fold's three indices."""
    return {
        "plain": NeighborIndex.build(vectors, part, backend="exact"),
        "auto": NeighborIndex.build(vectors, part, weights="auto", backend="exact"),
        "shared": NeighborIndex.build(share_space(vectors, part), part, backend="exact"),
    }


def searches(index: dict[str, NeighborIndex]) -> dict[str, Search]:
    """How each method finds neighbours."""
    plain = index["plain"].neighbors
    return {
        IMAGE: partial(plain, modality="image"),
        REPORT: partial(plain, modality="report"),
        EQUAL: partial(plain, modality="fused"),
        AUTO: partial(index["auto"].neighbors, modality="fused"),
        RANKS: partial(plain, modality="fused", fusion="ranks"),
        SHARED: partial(index["shared"].neighbors, modality="fused"),
    }


def graphs(
    indices: list[dict[str, NeighborIndex]], fold: np.ndarray, known: np.ndarray, k: int
) -> dict[str, Graph]:
    """Each method's neighbours of all known films, each found by the index that knows nothing of its fold."""
    pool = np.flatnonzero(known)
    position = np.full(len(known) + 1, -1, dtype=np.int64)  # the extra last entry keeps -1 at -1
    position[pool] = np.arange(len(pool))
    found: dict[str, np.ndarray] = {}
    for number, index in enumerate(indices):
        rows = np.flatnonzero(known & (fold == number))
        for name, search in searches(index).items():
            lines = found.setdefault(name, np.full((len(known), k + NEXT), -1, dtype=np.int64))
            lines[rows], _ = search(
                rows, k + NEXT, allowed=known, include_same_patient=False, one_per="patient"
            )
    no_distances = np.full((len(pool), k + NEXT), np.nan, dtype=np.float32)
    return {
        name: Graph(pool, np.arange(len(pool)), position[lines[pool]], no_distances, 0)
        for name, lines in found.items()
    }


def figures(scores: ScoreTable) -> dict[str, Any]:
    frame = scores.frame[scores.scored]
    estimate = scores.estimate(scores.scored)
    return {
        "mean_overlap": frame["overlap"].mean(),
        "random_overlap": frame["expected"].mean(),
        "lift": estimate.mean,
        "lift_ci95": list(estimate.interval()),
        "n_targets": len(frame),
    }


def by_fold(tables: dict[str, ScoreTable], data: Data, number: int) -> dict[str, Any]:
    """The lift of every method on the films of one fold."""
    inside = next(iter(tables.values())).graph.pool
    chosen = data.fold[inside] == number
    return {
        "n_targets": int(chosen.sum()),
        "lifts": {name: scores.lift()[chosen & scores.scored].mean() for name, scores in tables.items()},
    }


def comparisons(tables: dict[str, ScoreTable]) -> list[dict[str, Any]]:
    """Paired differences, corrected by Holm."""
    rows = [{"first": a, "second": b, **(compare(tables[a], tables[b]) or {})} for a, b in PAIRS]
    for row, p in zip(rows, holm([row["p_value"] for row in rows]), strict=True):
        row["p_value_adjusted"] = float(p)
    return rows


def spread_share(index: NeighborIndex, rows: np.ndarray) -> float:
    """The image's share in the spread of the 1:1 fused squared distance about each film's own mean.

    σ² makes the means of both parts equal; what ranks is how far the distances scatter about them.
    """
    found = index.distances(rows, np.tile(rows, (len(rows), 1)))
    image, report = (
        np.var(found[name].astype(np.float64) ** 2, axis=1).mean() for name in ("image", "report")
    )
    return float(image / (image + report))


def drawn(results: list[dict[str, Any]]) -> Figure:
    """Lift against the ratio of the weights, as each fold's choice saw it, and what was chosen."""
    figure = new_figure(PAGE_WIDTH, 2.6 * len(results), constrained=True)
    for number, (result, axes) in enumerate(
        zip(results, figure.subplots(len(results), 1, squeeze=False)[:, 0], strict=True)
    ):
        for fold in result["folds"]:
            curve = pd.DataFrame(fold["chosen_on"]["curve"])
            chosen = int(np.argmax(curve["image"] == fold["weights"]["image"]))
            axes.plot(curve.index, 100 * curve["lift"], color=GREY, linewidth=0.8)
            axes.plot(chosen, 100 * curve["lift"][chosen], "o", color=ORANGE, markersize=4)
        for method, color in ((IMAGE, BLUE), (REPORT, TEAL), (AUTO, ORANGE)):
            lift = 100 * result["methods"][method]["lift"]
            axes.axhline(lift, color=color, linewidth=1, linestyle="--", label=f"{method}, outer folds")
        ticks = curve.index[::2]
        axes.set_xticks(ticks, [f"{curve['image'][tick]:.2f}" for tick in ticks])
        axes.set_ylabel("lift, points")
        axes.set_title(
            f"{result['name']}: grey, each fold's other patients; dots, what was chosen", fontsize=8
        )
        if number == 0:
            axes.legend(fontsize=7)
    axes.set_xlabel("weight of the image (report: the rest)")
    return figure


def markdown(summary: dict[str, Any]) -> str:
    masked = "label words masked" if summary["label_words_masked"] else "label words left in"
    about = (
        f"Image by {summary['image_encoder']}, report by {summary['report_encoder']} ({masked}); "
        f"{summary['k']} nearest films of other patients, overlap '{summary['definition']}', lift in points. "
        f"{summary['folds']} outer folds of patients: weights, shared space and encoders that learn know "
        "only the other folds. Share: the image's part in the spread of the 1:1 distance; 0.5 is even."
    )
    columns = {
        "data": "{data}", "method": "{method}", "films:": "{n_targets}", "overlap:": "{mean_overlap:.1%}",
        "random:": "{random_overlap:.1%}", "lift (95 % CI)": interval("lift"), "folds": "{folds}",
    }  # fmt: skip
    differences = {
        "data": "{data}", "first": "{first}", "second": "{second}",
        "difference (95 % CI)": interval("difference"),
        "p:": "{p_value:.4f}", "Holm:": "{p_value_adjusted:.4f}",
    }  # fmt: skip
    weights = {
        "data": "{name}",
        "share of image:": "{image_share_of_spread:.2f}",
        "image's weight": "{chosen}",
    }
    methods, compared, chosen = [], [], []
    for data in summary["data"]:
        for method, row in data["methods"].items():
            folds = " ".join(f"{100 * fold['lifts'][method]:+.1f}" for fold in data["folds"])
            methods.append({"data": data["name"], "method": method, "folds": folds, **row})
        compared += [{"data": data["name"], **row} for row in data["comparisons"]]
        picked = " ".join(f"{fold['weights']['image']:.2f}" for fold in data["folds"])
        chosen.append({**data, "chosen": picked})
    return document(about, table(columns, methods), table(differences, compared), table(weights, chosen))


if __name__ == "__main__":
    run(main)
