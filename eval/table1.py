"""Table 1 of "Modifying LIME for Medical Images": a report and its nearest reports, scored over a corpus.

    python eval/table1.py DATASET ROOT [--encoders minilm tfidf MODEL...] [-k 3]

For every report encoder, with the words that name a label left in and masked: the share of the K nearest
reports that share a finding, against random choice. Writes eval/results/NAME-table1.json and .md; the table
with the texts themselves (table1.csv) stays in the work folder.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from cxrneighbors.data.imports import import_dataset
from cxrneighbors.encoders.encode import encode
from cxrneighbors.evaluation.evaluate import evaluate_overlap
from cxrneighbors.files import write_json_atomic, write_text_atomic
from cxrneighbors.index.neighbor_index import NeighborIndex
from cxrneighbors.progress import say

RESULTS = Path(__file__).parent / "results"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dataset")
    parser.add_argument("root")
    parser.add_argument("--encoders", nargs="+", default=["minilm", "tfidf"])
    parser.add_argument("-k", type=int, default=3)
    parser.add_argument("--name")
    parser.add_argument("--work", default="build/eval")
    arguments = parser.parse_args()
    name = arguments.name or f"{arguments.dataset}-{Path(arguments.root).name}"
    studies = import_dataset(arguments.dataset, arguments.root).studies
    rows = {}
    for encoder in arguments.encoders:
        for masked in (False, True):
            label = f"{encoder}{' (label words masked)' if masked else ''}"
            say(label)
            embeddings = encode(studies, image="none", report=encoder, mask_labels=masked)
            index = NeighborIndex.build(embeddings, studies)
            result = evaluate_overlap(index, k=arguments.k, targets="split == 'test'", baselines=False)
            rows[label] = result.summary["methods"]["report"] | {"n_targets": result.summary["n_targets"]}
            if not masked:
                result.write(Path(arguments.work) / f"{name}-table1-{Path(encoder).name}")
    write_json_atomic(
        RESULTS / f"{name}-table1.json", {"dataset": arguments.dataset, "k": arguments.k, "encoders": rows}
    )
    write_text_atomic(RESULTS / f"{name}-table1.md", markdown(rows, arguments.k))


def markdown(rows: dict[str, dict], k: int) -> str:
    lines = [
        f"| report encoder | overlap of {k} nearest | random | lift (95 % CI) | exchanged | p |",
        "|---|---:|---:|---|---:|---:|",
    ]
    for label, row in rows.items():
        low, high = (100 * bound for bound in row["lift_ci95"])
        lines.append(
            f"| {label} | {row['mean_overlap']:.1%} | {row['random_overlap']:.1%} "
            f"| {100 * row['lift']:+.1f} ({low:+.1f} to {high:+.1f}) "
            f"| {100 * row['null_mean_lift']:+.1f} | {row['p_value']:.4f} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
