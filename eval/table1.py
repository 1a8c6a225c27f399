"""Table 1 of "Modifying LIME for Medical Images": a report and its nearest reports, scored over a corpus.

    python eval/table1.py DATASET ROOT [--encoders minilm tfidf MODEL...] [-k 3]

For every report encoder, with the words that name a label left in and masked: the share of the K nearest
reports that share a finding, against random choice. Writes eval/results/NAME-table1.json and .md; the table
with the texts themselves (table1.csv) stays in the work folder.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from common.markdown import LIFT, document, table
from common.options import options, run, sample_name
from common.results import write_results
from cxrneighbors.data.imports import import_dataset
from cxrneighbors.encoders.encode import encode
from cxrneighbors.evaluation.evaluate import evaluate_overlap
from cxrneighbors.evaluation.write import write_evaluation
from cxrneighbors.index.neighbor_index import NeighborIndex
from cxrneighbors.progress import say


def main(arguments: Sequence[str] | None = None) -> None:
    parser = options(__doc__, "dataset", "root", "-k", "--name", "--device", "--work", "--results", k=3)
    parser.add_argument("--encoders", nargs="+", default=["minilm", "tfidf"])
    given = parser.parse_args(arguments)
    name = f"{sample_name(given)}-table1"
    studies = import_dataset(given.dataset, given.root).studies
    rows: dict[str, dict[str, Any]] = {}
    for encoder, masked in ((encoder, masked) for encoder in given.encoders for masked in (False, True)):
        label = f"{encoder}{' (label words masked)' if masked else ''}"
        say(label)
        embeddings = encode(studies, report=encoder, device=given.device, mask_labels=masked)
        index = NeighborIndex.build(embeddings, studies)
        result = evaluate_overlap(index, k=given.k, targets="split == 'test'")
        rows[label] = result.summary["methods"]["report"] | {"n_targets": result.summary["n_targets"]}
        if not masked:
            write_evaluation(result, given.work / f"{name}-{Path(encoder).name}")
    summary = {"dataset": given.dataset, "k": given.k, "encoders": rows}
    write_results(given.results, name, summary, markdown(rows, given.k), device=given.device)


def markdown(rows: dict[str, dict[str, Any]], k: int) -> str:
    columns = {"report encoder": "{label}", f"overlap of {k} nearest:": LIFT["overlap:"]}
    columns |= {heading: cell for heading, cell in LIFT.items() if heading != "overlap:"}
    return document(table(columns, [{"label": label, **row} for label, row in rows.items()]))


if __name__ == "__main__":
    run(main)
