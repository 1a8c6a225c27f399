"""Neighbours within a view, across views and in the same clinical context: do they share the findings?

    python eval/views.py DATASET ROOT [--image-encoder vae|pca|DIR|none] [--report-encoder minilm|MODEL|none]
    python eval/views.py DATASET ROOT --index IDX          # scores an index that is there

For each of image, report and fused (report and fused also with the words that name a finding masked): the
overlap of the K nearest, without a filter, within the target's view, across views, and with the target's sex
and decade of age, each against exact random choice under the same filter and against random images of the
views that the neighbours have. Targets are the test split; --train encoders learn from other data sets and
every patient is scored. Writes eval/results/views-NAME.json and .md.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

import numpy as np

from common.built_index import OPTIONS, build_index
from common.markdown import document, interval, table
from common.options import options, run, sample_name
from common.results import write_results
from cxrneighbors.encoders.encode import encode
from cxrneighbors.encoders.store import Embeddings
from cxrneighbors.evaluation.overlap import MEANING
from cxrneighbors.index.neighbor_index import NeighborIndex
from cxrneighbors.progress import say
from cxrneighbors.statistics.holm import holm
from view_scores import Found, ViewScorer

SEX_AGE = "sex == '{sex}' and {low} <= age < {high}"
CONDITIONS = {
    "any view": "True",
    "same view": "view == '{view}'",
    "other views": "view != '{view}'",
    "any view, same sex and age band": SEX_AGE,
    "same view, sex and age band": f"view == '{{view}}' and {SEX_AGE}",
    "other views, same sex and age band": f"view != '{{view}}' and {SEX_AGE}",
}
# Does the filter help? Lift under the first less lift under the second, on the targets of both.
FILTER_PAIRS = (
    ("same view", "any view"),
    ("same view", "other views"),
    ("any view, same sex and age band", "any view"),
    ("same view, sex and age band", "same view"),
)
MODALITY_PAIRS = (("fused", "image"), ("fused", "report"))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = options(__doc__, *OPTIONS)
    parser.add_argument("--index", help="an index folder to score instead of building one")
    parser.add_argument("--targets", help="which images are scored, '' for all; default: split == 'test'")
    parser.add_argument("--no-masked", action="store_true", help="leave out reports with label words masked")
    given = parser.parse_args(arguments)
    name = f"views-{sample_name(given)}"
    targets: str | None
    if given.index:
        index, targets = NeighborIndex.load(given.index), "split == 'test'"
    else:
        built = build_index(given, given.work / name)
        index, targets = built.index, built.targets
    targets = targets if given.targets is None else given.targets or None
    results, comparisons, counts = score(index, targets, given)
    adjust(results, comparisons)
    summary = {
        "dataset": given.dataset,
        "sample": given.root.name,
        "encoders": {m: entry.get("encoder") for m, entry in index.manifest.get("modalities", {}).items()},
        "targets": targets,
        "k": given.k,
        "definition": given.definition,
        "definition_meaning": MEANING[given.definition],
        "conditions": CONDITIONS,
        **counts,
        "results": results,
        "comparisons": comparisons,
    }
    write_results(given.results, name, summary, markdown(summary), device=given.device)


def score(
    index: NeighborIndex, targets: str | None, given: argparse.Namespace
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], dict[str, int]]:
    """All figures, all comparisons, and how many images take part.

    Every modality searches the same images: those that are labelled, have a known view and all modalities.
    """
    known = (index.studies["findings"].map(len) > 0) & (index.studies["view"] != "UNKNOWN")
    pool = np.logical_and.reduce([known.to_numpy(dtype=bool), *index.has.values()])
    chosen = index.rows_where(targets)
    indices = {"": index}
    if "report" in index.modalities and not given.no_masked and not index.manifest.get("mask_labels"):
        indices[" (label words masked)"] = masked(index)
    results, comparisons = [], []
    for suffix, each in indices.items():
        scorer = ViewScorer(each, pool, chosen, given.k, given.definition)
        found: dict[tuple[str, str], Found] = {}
        for modality in [m for m in each.modalities if not suffix or m != "image"]:
            for condition, expression in CONDITIONS.items():
                say(f"{modality}{suffix}: {condition}")
                one = found[modality, condition] = scorer.find(modality, expression)
                shared = {"modality": modality + suffix, "condition": condition, "left_out": one.left_out}
                results += [shared | row for row in scorer.rows(one)]
        comparisons += compare(scorer, found, suffix)
    counts = {"n_images": len(pool), "n_findable": int(pool.sum()), "n_targets": len(scorer.targets)}
    return results, comparisons, counts


def masked(index: NeighborIndex) -> NeighborIndex:
    """The same index with report vectors of texts in which the words that name a finding are masked."""
    say("encoding reports with label words masked")
    texts = encode(index.studies, report=index.encoders.get("report"), mask_labels=True)
    ids = index.studies["image_id"].tolist()
    reports = np.full((len(ids), texts.vectors["report"].shape[1]), np.nan, dtype=np.float32)
    reports[index.store.rows_of(texts.ids["report"])] = texts.vectors["report"]
    images = None
    if "image" in index.has:
        images = np.where(index.has["image"][:, None], index.vectors["image"], np.nan)
    embeddings = Embeddings.from_arrays(ids, image=images, report=reports)
    return NeighborIndex.build(embeddings, index.studies, weights=index.weights, backend="exact")


def compare(scorer: ViewScorer, found: dict[tuple[str, str], Found], suffix: str) -> list[dict[str, Any]]:
    """Paired differences of lift: filters within a modality, modalities within a filter."""
    rows = []
    for modality in dict.fromkeys(modality for modality, _ in found):
        for first, second in FILTER_PAIRS:
            line = scorer.difference(found[modality, first], found[modality, second])
            rows.append({"modality": modality + suffix, "first": first, "second": second, **line})
    for first, second in MODALITY_PAIRS:
        for condition in CONDITIONS:
            if (first, condition) in found and (second, condition) in found:
                line = scorer.difference(found[first, condition], found[second, condition])
                rows.append(
                    {"condition": condition, "first": first + suffix, "second": second + suffix, **line}
                )
    return rows


def adjust(results: list[dict[str, Any]], comparisons: list[dict[str, Any]]) -> None:
    """Holm, in place, over one family per question: all targets, targets of one view, filters, modalities."""
    families = [
        ([row for row in results if row["target_view"] == "all"], ("lift", "lift_matched")),
        ([row for row in results if row["target_view"] != "all"], ("lift", "lift_matched")),
        ([row for row in comparisons if "modality" in row and row["n_targets"]], ("difference",)),
        ([row for row in comparisons if "condition" in row and row["n_targets"]], ("difference",)),
    ]
    for rows, kinds in families:
        for kind in kinds:
            adjusted = holm(np.array([row[f"{kind}_p"] for row in rows], dtype=np.float64))
            for row, p in zip(rows, adjusted, strict=True):
                row[f"{kind}_p_adjusted"] = float(p)


def markdown(summary: dict[str, Any]) -> str:
    encoders = ", ".join(f"{modality} {name}" for modality, name in summary["encoders"].items())
    about = (
        f"Neighbours by view and clinical context: {summary['dataset']} ({summary['sample']}), "
        f"K = {summary['k']}, overlap '{summary['definition']}', encoders {encoders}.\n"
        f"{summary['n_findable']} of {summary['n_images']} images are labelled, have a known view and "
        "all modalities: all methods search these. "
        f"{summary['n_targets']} targets ({summary['targets'] or 'all'}).\n"
        "Random: exact expectation under the same filter. View-matched: random images of the views that the "
        "neighbours have. Same patient never found. Intervals and two-sided p (Holm-adjusted): "
        "dyadic, a patient counts as one on both sides. "
        "Reports and notes often name the finding itself: the masked rows leave such words out."
    )
    paired = "Paired differences of lift, on the targets that both score:"
    return document(about, lifts_table(summary["results"]), paired, pairs_table(summary["comparisons"]))


def lifts_table(results: list[dict[str, Any]]) -> str:
    columns = {
        "modality": "{modality}",
        "neighbours from": "{condition}",
        "target view": "{target_view}",
        "targets:": "{n_targets}",
        "overlap:": "{overlap:.1%}",
        "random:": "{random:.1%}",
        "lift (95 % CI)": interval("lift"),
        "p:": "{lift_p_adjusted:.4f}",
        "view-matched:": "{matched:.1%}",
        "lift over it:": "{lift_matched:+.1p}",
        "neighbours in target's view (chance):": "{same_view:.0%} ({same_view_random:.0%})",
    }
    return table(columns, results)


def pairs_table(comparisons: list[dict[str, Any]]) -> str:
    columns = {
        "": "{of}",
        "first": "{first}",
        "second": "{second}",
        "targets:": "{n_targets}",
        "difference (95 % CI)": interval("difference"),
        "p:": "{difference_p_adjusted:.4f}",
    }
    rows = [row | {"of": row.get("modality", row.get("condition"))} for row in comparisons]
    return table(columns, [row for row in rows if row["n_targets"]])


if __name__ == "__main__":
    run(main)
