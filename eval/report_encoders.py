"""Does adapting a report encoder to a corpus without labels bring alike reports nearer to each other?

    python eval/report_encoders.py DATASET ROOT [--base minilm] [--candidates sections:2 simcse:1 ...]

The base model is adapted to the reports of split 'train' (`train-report-encoder`); labels play no part. Of
several candidates OBJECTIVE:EPOCHS the one with the highest lift on split 'val' is taken. Then the nearest
reports of each report of split 'test' are scored by shared labels (Open-i: hand-assigned MeSH codes) for the
adapted encoder, its base and TF-IDF, with paired comparisons on the same targets; --masked also with
the words that name a label masked. Writes eval/results/report_encoders.json and .md.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from common.markdown import LIFT, document, interval, table
from common.options import options, run
from common.results import write_results
from cxrneighbors.data.imports import import_dataset
from cxrneighbors.encoders.encode import encode
from cxrneighbors.encoders.report_encoder import ReportEncoder
from cxrneighbors.encoders.report_training import train_report_encoder
from cxrneighbors.encoders.tfidf import TfidfEncoder
from cxrneighbors.evaluation.compare import compare
from cxrneighbors.evaluation.evaluate import OverlapResult, evaluate_overlap
from cxrneighbors.evaluation.overlap import MEANING
from cxrneighbors.index.neighbor_index import NeighborIndex
from cxrneighbors.progress import say
from cxrneighbors.statistics.holm import holm

DEFINITIONS = ("any", "any-disease", "jaccard")
ADAPTED = "adapted"
SHOWN = ["mean_overlap", "random_overlap", "lift", "lift_ci95", "null_mean_lift", "p_value"]
SHOWN += ["n_targets", "n_candidates"]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = options(__doc__, "dataset", "root", "-k", "--seed", "--device", "--work", "--results")
    parser.add_argument("--base", default="minilm")
    parser.add_argument(
        "--candidates", nargs="+", default=["sections:2"], metavar="OBJECTIVE:EPOCHS", help="compared on val"
    )
    parser.add_argument("--max-tokens", type=int, default=128)
    parser.add_argument("--masked", action="store_true", help="score with label words masked too")
    given = parser.parse_args(arguments)
    started = time.process_time()
    studies = import_dataset(given.dataset, given.root).studies
    chosen, validation = adapted_encoder(studies, given)
    base = ReportEncoder(given.base, given.device)
    methods: dict[str, NeighborIndex] = {}
    for masked in (False, True) if given.masked else (False,):
        encoders: dict[str, ReportEncoder | TfidfEncoder]
        encoders = {ADAPTED: chosen, given.base: base, "tfidf": TfidfEncoder()}
        for name, encoder in encoders.items():
            label = f"{name}{' (label words masked)' if masked else ''}"
            say(label)
            methods[label] = indexed(studies, encoder, masked)
    results = {
        definition: {name: evaluated(index, definition, "test", given.k) for name, index in methods.items()}
        for definition in DEFINITIONS
    }
    summary = {
        "dataset": given.dataset,
        "base": given.base,
        "candidates_on_val": validation,
        "chosen": max(validation, key=lambda name: validation[name]),
        "n_train_reports": int(((studies["split"] == "train") & studies["report"].notna()).sum()),
        "k": given.k,
        "seed": given.seed,
        "definitions": {name: MEANING[name] for name in DEFINITIONS},
        "test": {
            definition: {name: figures(result) for name, result in scored.items()}
            for definition, scored in results.items()
        },
        "comparisons": comparisons(results),
        "cpu_seconds": round(time.process_time() - started, 1),
    }
    write_results(given.results, "report_encoders", summary, markdown(summary), device=given.device)


def adapted_encoder(
    studies: pd.DataFrame, given: argparse.Namespace
) -> tuple[ReportEncoder, dict[str, float]]:
    """Train every candidate; the one with the highest lift on split 'val', and the lifts."""
    trained, validation = {}, {}
    # Targets of 'val' search everything but 'test': no test report has a say in the choice.
    known = studies[studies["split"] != "test"].reset_index(drop=True)
    for candidate in given.candidates:
        objective, epochs = candidate.split(":")
        trained[candidate] = train_report_encoder(
            studies,
            given.base,
            given.work / f"report-encoder-{objective}-{epochs}",
            objective=objective,
            epochs=int(epochs),
            max_tokens=given.max_tokens,
            seed=given.seed,
            device=given.device,
        )
        validation[candidate] = float("nan")
        if len(given.candidates) > 1:
            index = indexed(known, trained[candidate], False)
            validation[candidate] = figures(evaluated(index, "any", "val", given.k))["lift"]
            say(f"{candidate}: lift on val {validation[candidate]:.4f}")
    return trained[max(validation, key=lambda name: validation[name])], validation


def indexed(studies: pd.DataFrame, encoder: ReportEncoder | TfidfEncoder, masked: bool) -> NeighborIndex:
    return NeighborIndex.build(encode(studies, report=encoder, mask_labels=masked), studies, backend="exact")


def evaluated(index: NeighborIndex, definition: str, split: str, k: int) -> OverlapResult:
    return evaluate_overlap(index, k=k, targets=f"split == '{split}'", definition=definition)


def figures(result: OverlapResult) -> dict[str, Any]:
    """Overlap, random overlap, lift with interval and p of the reports."""
    return {name: result.summary["methods"]["report"][name] for name in SHOWN}


def comparisons(results: dict[str, dict[str, OverlapResult]]) -> list[dict[str, Any]]:
    """Adapted less the others, paired: all search the same reports, so overlaps differ as lifts do."""
    rows = []
    for definition, scored in results.items():
        for first, second in pairs(list(scored)):
            row = compare(*(scored[name].tables["report"] for name in (first, second)))
            assert row is not None
            rows.append({"definition": definition, "first": first, "second": second} | row)
    for row, p in zip(rows, holm(np.array([row["p_value"] for row in rows])), strict=True):
        row["p_value_adjusted"] = float(p)
    return rows


def pairs(names: list[str]) -> list[tuple[str, str]]:
    """The adapted encoder with each other one, on the same text (as it is, or masked)."""
    return [
        (a, b)
        for a in names
        for b in names
        if a.startswith(ADAPTED) and not b.startswith(ADAPTED) and ("masked" in a) == ("masked" in b)
    ]


def markdown(summary: dict[str, Any]) -> str:
    about = (
        f"{summary['base']} adapted to {summary['n_train_reports']} reports of {summary['dataset']} without "
        f"labels ({summary['chosen']}, OBJECTIVE:EPOCHS); {summary['k']} nearest reports of each report of "
        "split 'test', which no encoder has seen in training; lift over exact random choice, in points."
    )
    test, shown = summary["test"], ("overlap:", "random:", "lift (95 % CI)")
    blocks = [about]
    for definition in DEFINITIONS:
        columns = {f"overlap '{definition}'": "{name}"} | {heading: LIFT[heading] for heading in shown}
        blocks.append(table(columns, [{"name": name, **row} for name, row in test[definition].items()]))
    columns = {
        "overlap": "{definition}",
        "first": "{first}",
        "second": "{second}",
        "targets:": "{n_targets}",
        "difference of lifts (95 % CI)": interval("difference"),
        "p:": "{p_value:.4f}",
        "Holm:": "{p_value_adjusted:.4f}",
    }
    return document(*blocks, table(columns, summary["comparisons"]))


if __name__ == "__main__":
    run(main)
