"""Near and yet mixed? Distance of neighbours against the entropy of their findings, for each policy.

    python eval/heterogeneity.py DATA [--image-encoder pca-centre+hog] [-k 5]

LIME over neighbours wants films near the target whose findings differ ("Modifying LIME for Medical Images",
section 3.1). DATA: folder with chestxray14-10k. Of its patients that are not of split 'test' a third is
searched, with an encoder that learned from the others (the first fold of `encoders.py`); one film of each
patient, drawn, is a target. Policies: nearest, diverse (which looks at its candidates' findings), cluster
(DLIME's), random. Writes eval/results/heterogeneity.json, .md and .png.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from common.markdown import document, interval, table
from common.options import options, run
from common.results import write_results
from cxrneighbors.encoders.encode import encode
from cxrneighbors.evaluation.films import Films
from cxrneighbors.evaluation.graph import Graph
from cxrneighbors.evaluation.heterogeneity import finding_entropy, heterogeneity_scores
from cxrneighbors.evaluation.question import Question
from cxrneighbors.evaluation.score_table import score_targets
from cxrneighbors.figures import BLUE, COLUMN_WIDTH, GREY, ORANGE, TEAL, new_figure
from cxrneighbors.index.neighbor_index import NeighborIndex
from cxrneighbors.progress import say
from cxrneighbors.statistics.patients import patient_codes
from encoder_films import MAIN, folds, read_labelled
from encoder_rows import Settings, named

if TYPE_CHECKING:
    from matplotlib.figure import Figure


COLORS = {"nearest": BLUE, "diverse": TEAL, "cluster": ORANGE, "random": GREY}


def main(arguments: Sequence[str] | None = None) -> None:
    names = ("data", "--image-encoder", "-k", "--seed", "--device", "--results")
    given = options(__doc__, *names, image_encoder="pca-centre+hog").parse_args(arguments)
    fit = folds(read_labelled(given.data, MAIN), [])[0]
    films = fit.scored[MAIN]
    settings = Settings(epochs=0, image_size=128, seed=given.seed, device=given.device)
    encoder = named(given.image_encoder)(fit.learned, settings)
    index = NeighborIndex.build(encode(films, image=encoder), films, backend="exact")
    targets = one_film_each(films, given.seed)
    rows, points = [], {}
    for policy in COLORS:
        say(f"{policy}: {len(targets)} targets")
        generator = np.random.default_rng(given.seed)
        hits, distances = index.neighbors(targets, given.k, policy=policy, rng=generator)
        row, points[policy] = measure(films, targets, hits, distances)
        rows.append({"policy": policy, **row})
    summary = {
        "data_set": MAIN,
        "encoder": encoder.name,
        "k": given.k,
        "n_films": len(films),
        "n_learned": len(fit.learned),
        "n_targets": len(targets),
        "policies": rows,
    }
    figures = {"heterogeneity": draw_figure(points, given.k)}
    write_results(given.results, "heterogeneity", summary, markdown(summary), figures, given.device)


def one_film_each(films: pd.DataFrame, seed: int) -> np.ndarray:
    """A row of each patient, drawn: int64 (P,), ascending."""
    order = np.random.default_rng(seed).permutation(len(films))
    _, first = np.unique(patient_codes(films)[order], return_index=True)
    return np.sort(order[first])


def measure(
    films: pd.DataFrame, targets: np.ndarray, hits: np.ndarray, distances: np.ndarray
) -> tuple[dict[str, Any], np.ndarray]:
    """Means over targets; and, target by target, mean distance and entropy: float (T, 2).

    hits: int (T, K) rows of `films`; distances: float (T, K).
    """
    k, known = hits.shape[1], Films.of(films)
    membership = known.labels.membership()
    scored = score_targets(
        Graph(np.arange(len(films)), targets, hits, distances, 0), known, Question(k, one_per="image"), ()
    )
    estimate = scored.estimate(scored.scored)
    overlap, lift = scored.frame["overlap"].mean(), scored.lift().mean()
    row = {
        "distance": float(distances.mean()),
        **heterogeneity_scores(membership, hits),
        "overlap": overlap,
        "random_overlap": overlap - lift,
        "lift": lift,
        "lift_ci95": list(estimate.interval()),
    }
    entropies = finding_entropy(membership[hits].sum(axis=1))
    return row, np.stack([distances.mean(axis=1), entropies], axis=1)


def markdown(summary: dict[str, Any]) -> str:
    about = (
        f"{summary['k']} neighbours by each policy among {summary['n_films']:,} films of "
        f"{summary['data_set']}, {summary['n_targets']} targets of as many patients, encoder "
        f"{summary['encoder']} learned from {summary['n_learned']:,} films of other patients. Distance: 1 is "
        "the root mean square of two films; entropy of the findings of the neighbours, 'No Finding' among "
        "them; overlap: shares a label; lift over exact random choice in points."
    )
    columns = {
        "policy": "{policy}",
        "distance:": "{distance:.2f}",
        "entropy, bits:": "{entropy_bits:.2f}",
        "different findings:": "{distinct_findings:.2f}",
        "overlap:": "{overlap:.1%}",
        "random:": "{random_overlap:.1%}",
        "lift (95 % CI)": interval("lift"),
    }
    return document(about, table(columns, summary["policies"]))


def draw_figure(points: dict[str, np.ndarray], k: int) -> Figure:
    """Distance against entropy: a dot a target, a disc at the mean of each policy."""
    figure = new_figure(1.4 * COLUMN_WIDTH, COLUMN_WIDTH, constrained=True)
    axis = figure.subplots()
    for policy, values in points.items():
        axis.plot(*values.T, ".", ms=2.5, alpha=0.25, color=COLORS[policy], mew=0)
    for policy, values in points.items():
        axis.plot(*values.mean(axis=0), "o", ms=8, mec="white", color=COLORS[policy], label=policy)
    axis.set_xlabel(f"mean distance of the {k} neighbours", fontsize=7.5)
    axis.set_ylabel("entropy of their findings, bits", fontsize=7.5)
    axis.tick_params(labelsize=7)
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(fontsize=7, frameon=False, loc="lower right")
    return figure


if __name__ == "__main__":
    run(main)
