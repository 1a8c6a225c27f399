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
from pathlib import Path
from typing import Any

import numpy as np
from figure5 import trained_vae, training_table
from view_scores import Found, ViewScorer

from cxrneighbors.data.imports import import_dataset
from cxrneighbors.data.schema import has_text
from cxrneighbors.encoders.encode import encode
from cxrneighbors.encoders.registry import load_image_encoder
from cxrneighbors.encoders.store import Embeddings
from cxrneighbors.evaluation.overlap import DEFINITIONS, MEANING
from cxrneighbors.files import plain, write_json_atomic, write_text_atomic
from cxrneighbors.index.neighbor_index import NeighborIndex
from cxrneighbors.progress import say
from cxrneighbors.statistics.holm import holm

RESULTS = Path(__file__).parent / "results"
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


def main() -> None:
    arguments = parse_arguments()
    name = arguments.name or f"{arguments.dataset}-{Path(arguments.root).name}"
    work = Path(arguments.work) / f"views-{name}"
    if arguments.index:
        index, targets = NeighborIndex.load(arguments.index), "split == 'test'"
    else:
        index, targets = build_index(arguments, work)
    targets = targets if arguments.targets is None else arguments.targets or None
    results, comparisons, counts = score(index, targets, arguments)
    adjust(results, comparisons)
    encoders = {m: entry.get("encoder") for m, entry in index.manifest.get("modalities", {}).items()}
    summary = {
        "dataset": arguments.dataset,
        "sample": Path(arguments.root).name,
        "encoders": encoders,
        "targets": targets,
        "k": arguments.k,
        "definition": arguments.definition,
        "definition_meaning": MEANING[arguments.definition],
        "conditions": CONDITIONS,
        **counts,
        "results": results,
        "comparisons": comparisons,
    }
    write_json_atomic(RESULTS / f"views-{name}.json", plain(summary))
    text = markdown(summary)
    write_text_atomic(RESULTS / f"views-{name}.md", text)
    print(text)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dataset")
    parser.add_argument("root")
    parser.add_argument("--index", help="an index folder to score instead of building one")
    parser.add_argument("--train", nargs=2, action="append", default=[], metavar=("DATASET", "ROOT"))
    parser.add_argument(
        "--image-encoder", default="vae", help="vae (trained here), pca, pixels, none, a folder"
    )
    parser.add_argument("--report-encoder", default="minilm")
    parser.add_argument("--targets", help="which images are scored, '' for all; default: split == 'test'")
    parser.add_argument("--no-masked", action="store_true", help="leave out reports with label words masked")
    parser.add_argument("--name", help="name of the result files; DATASET-FOLDER by default")
    parser.add_argument("--definition", default="any", choices=DEFINITIONS)
    parser.add_argument("-k", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--work", default="build/eval", help="folder for weights, embeddings and the index")
    return parser.parse_args()


def build_index(arguments: argparse.Namespace, work: Path) -> tuple[NeighborIndex, str | None]:
    """Import, train where asked, encode and index as `figure5.py` does; and which targets are then scored."""
    imported = import_dataset(arguments.dataset, arguments.root)
    studies = imported.studies
    say(f"{len(studies)} images, {imported.skipped.summary()}")
    training, targets = training_table(studies, arguments.train)
    image: Any = arguments.image_encoder if studies["path"].notna().any() else "none"
    if image == "vae":
        image = trained_vae(training, work, arguments)
    elif image != "none":
        image = load_image_encoder(image, arguments.device)
        if not getattr(image, "fitted", True):
            image.fit(training)
    report = arguments.report_encoder if has_text(studies["report"]).any() else "none"
    embeddings = encode(studies, image=image, report=report, out=work / "embeddings", device=arguments.device)
    index = NeighborIndex.build(embeddings, studies)
    index.save(work / "index")
    return index, targets


def score(
    index: NeighborIndex, targets: str | None, arguments: argparse.Namespace
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], dict[str, int]]:
    """All figures, all comparisons, and how many images take part.

    Every modality searches the same images: those that are labelled, have a known view and all modalities.
    """
    known = (index.studies["findings"].map(len) > 0) & (index.studies["view"] != "UNKNOWN")
    pool = np.logical_and.reduce([known.to_numpy(dtype=bool), *index.has.values()])
    chosen = index.rows_where(targets)
    indices = {"": index}
    if "report" in index.modalities and not arguments.no_masked and not index.manifest.get("mask_labels"):
        indices[" (label words masked)"] = masked(index)
    results, comparisons = [], []
    for suffix, each in indices.items():
        scorer = ViewScorer(each, pool, chosen, arguments.k, arguments.definition)
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
    lines = [
        f"Neighbours by view and clinical context: {summary['dataset']} ({summary['sample']}), "
        f"K = {summary['k']}, overlap '{summary['definition']}', encoders "
        + ", ".join(f"{m} {name}" for m, name in summary["encoders"].items())
        + f".\n{summary['n_findable']} of {summary['n_images']} images are labelled, have a known view and "
        "all modalities: all methods search these. "
        f"{summary['n_targets']} targets ({summary['targets'] or 'all'}).",
        "Random: exact expectation under the same filter. View-matched: random images of the views that the "
        "neighbours have. Same patient never found. Intervals and two-sided p (Holm-adjusted): "
        "dyadic, a patient counts as one on both sides. "
        "Reports and notes often name the finding itself: the masked rows leave such words out.\n",
        "| modality | neighbours from | target view | targets | overlap | random | lift (95 % CI) | p "
        "| view-matched | lift over it | neighbours in target's view (chance) |",
        "|---|---|---|---:|---:|---:|---|---:|---:|---:|---:|",
    ]
    for row in summary["results"]:
        low, high = (np.nan if bound is None else 100 * bound for bound in row["lift_ci95"])
        lines.append(
            f"| {row['modality']} | {row['condition']} | {row['target_view']} | {row['n_targets']} "
            f"| {row['overlap']:.1%} | {row['random']:.1%} "
            f"| {100 * row['lift']:+.1f} ({low:+.1f} to {high:+.1f}) "
            f"| {row['lift_p_adjusted']:.4f} | {row['matched']:.1%} | {100 * row['lift_matched']:+.1f} "
            f"| {row['same_view']:.0%} ({row['same_view_random']:.0%}) |"
        )
    lines += ["", "Paired differences of lift, on the targets that both score:", ""]
    lines += ["| | first | second | targets | difference (95 % CI) | p |", "|---|---|---|---:|---|---:|"]
    for row in summary["comparisons"]:
        if row["n_targets"]:
            low, high = (np.nan if bound is None else 100 * bound for bound in row["difference_ci95"])
            lines.append(
                f"| {row.get('modality', row.get('condition'))} | {row['first']} | {row['second']} "
                f"| {row['n_targets']} | {100 * row['difference']:+.1f} ({low:+.1f} to {high:+.1f}) "
                f"| {row['difference_p_adjusted']:.4f} |"
            )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
