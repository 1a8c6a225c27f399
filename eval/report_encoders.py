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
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cxrneighbors.data.imports import import_dataset
from cxrneighbors.encoders.encode import encode
from cxrneighbors.encoders.report_encoder import ReportEncoder
from cxrneighbors.encoders.report_training import train_report_encoder
from cxrneighbors.encoders.tfidf import TfidfEncoder
from cxrneighbors.evaluation.evaluate import evaluate_overlap
from cxrneighbors.evaluation.expectation import random_expectation
from cxrneighbors.evaluation.labels import encode_labels
from cxrneighbors.evaluation.lift_interval import difference_estimate
from cxrneighbors.evaluation.overlap import MEANING, labels_for
from cxrneighbors.files import plain, write_json_atomic, write_text_atomic
from cxrneighbors.index.neighbor_index import NeighborIndex
from cxrneighbors.progress import say
from cxrneighbors.statistics.estimate import Estimate
from cxrneighbors.statistics.holm import holm
from cxrneighbors.statistics.patients import patient_codes

RESULTS = Path(__file__).parent / "results"
DEFINITIONS = ("any", "any-disease", "jaccard")
ADAPTED = "adapted"


def main() -> None:
    arguments = parse_arguments()
    started = time.process_time()
    studies = import_dataset(arguments.dataset, arguments.root).studies
    chosen, validation = adapted_encoder(studies, arguments)
    encoders = {ADAPTED: chosen, arguments.base: ReportEncoder(arguments.base, arguments.device)}
    methods: dict[str, NeighborIndex] = {}
    for masked in (False, True) if arguments.masked else (False,):
        for name, encoder in {**encoders, "tfidf": TfidfEncoder()}.items():
            label = f"{name}{' (label words masked)' if masked else ''}"
            say(label)
            methods[label] = indexed(studies, encoder, masked)
    rows = {
        definition: {name: lift(index, definition, "test", arguments.k) for name, index in methods.items()}
        for definition in DEFINITIONS
    }
    comparisons = compare(methods, arguments)
    summary = plain(
        {
            "dataset": arguments.dataset,
            "base": arguments.base,
            "candidates_on_val": validation,
            "chosen": max(validation, key=lambda name: validation[name]),
            "n_train_reports": int(((studies["split"] == "train") & studies["report"].notna()).sum()),
            "k": arguments.k,
            "seed": arguments.seed,
            "definitions": {name: MEANING[name] for name in DEFINITIONS},
            "test": rows,
            "comparisons": comparisons,
            "cpu_seconds": round(time.process_time() - started, 1),
        }
    )
    write_json_atomic(RESULTS / "report_encoders.json", summary)
    text = markdown(summary)
    write_text_atomic(RESULTS / "report_encoders.md", text)
    print(text)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dataset")
    parser.add_argument("root")
    parser.add_argument("--base", default="minilm")
    parser.add_argument(
        "--candidates", nargs="+", default=["sections:2"], metavar="OBJECTIVE:EPOCHS", help="compared on val"
    )
    parser.add_argument("--max-tokens", type=int, default=128)
    parser.add_argument("-k", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--masked", action="store_true", help="score with label words masked too")
    parser.add_argument("--work", default="build/eval", help="folder for the adapted encoders")
    return parser.parse_args()


def adapted_encoder(
    studies: pd.DataFrame, arguments: argparse.Namespace
) -> tuple[ReportEncoder, dict[str, float]]:
    """Train every candidate; the one with the highest lift on split 'val', and the lifts."""
    trained, validation = {}, {}
    # Targets of 'val' search everything but 'test': no test report has a say in the choice.
    known = studies[studies["split"] != "test"].reset_index(drop=True)
    for candidate in arguments.candidates:
        objective, epochs = candidate.split(":")
        trained[candidate] = train_report_encoder(
            studies,
            arguments.base,
            Path(arguments.work) / f"report-encoder-{objective}-{epochs}",
            objective=objective,
            epochs=int(epochs),
            max_tokens=arguments.max_tokens,
            seed=arguments.seed,
            device=arguments.device,
        )
        validation[candidate] = float("nan")
        if len(arguments.candidates) > 1:
            index = indexed(known, trained[candidate], False)
            validation[candidate] = lift(index, "any", "val", arguments.k)["lift"]
            say(f"{candidate}: lift on val {validation[candidate]:.4f}")
    return trained[max(validation, key=lambda name: validation[name])], validation


def indexed(studies: pd.DataFrame, encoder: Any, masked: bool) -> NeighborIndex:
    return NeighborIndex.build(encode(studies, report=encoder, mask_labels=masked), studies, backend="exact")


def lift(index: NeighborIndex, definition: str, split: str, k: int) -> dict[str, Any]:
    """Overlap, random overlap, lift with interval and p of the reports of a split."""
    result = evaluate_overlap(
        index, k=k, targets=f"split == '{split}'", definition=definition, baselines=False
    )
    row = result.summary["methods"]["report"]
    names = ("mean_overlap", "random_overlap", "lift", "lift_ci95", "null_mean_lift", "p_value")
    names += ("n_targets", "n_candidates")
    return {name: row[name] for name in names}


def compare(methods: dict[str, NeighborIndex], arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """Adapted less the others, paired: all search the same reports, so overlaps differ as lifts do."""
    rows = []
    for definition in DEFINITIONS:
        for first, second in pairs(list(methods)):
            estimate, n_targets = difference(methods[first], methods[second], definition, arguments.k)
            rows.append(
                {
                    "definition": definition,
                    "first": first,
                    "second": second,
                    "n_targets": n_targets,
                    "difference": estimate.mean,
                    "difference_ci95": list(estimate.interval()),
                    "p_value": estimate.p_value(),
                }
            )
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


def difference(first: NeighborIndex, second: NeighborIndex, definition: str, k: int) -> tuple[Estimate, int]:
    """Lift of the test reports by `first` less that by `second`, which hold the same reports; how many."""
    masks = labels_for(encode_labels(first.studies["findings"]), definition).masks
    allowed = (first.studies["findings"].map(len) > 0).to_numpy() & first.has["report"] & second.has["report"]
    counts = (masks != 0).any(axis=1)  # under any-disease a normal report is a candidate, never a target
    rows = np.flatnonzero(allowed & counts & first.rows_where("split == 'test'"))
    hits = [index.neighbors(rows, k, modality="report", allowed=allowed)[0] for index in (first, second)]
    patients, pool = patient_codes(first.studies), np.flatnonzero(allowed)
    chance = random_expectation(masks[pool], patients[pool], definition)
    expected = chance.mean[np.searchsorted(pool, rows)]
    estimate = difference_estimate(rows, hits[0], hits[1], k, masks, patients, expected, definition)
    return estimate, len(rows)


def markdown(summary: dict[str, Any]) -> str:
    lines = [
        f"{summary['base']} adapted to {summary['n_train_reports']} reports of {summary['dataset']} without "
        f"labels ({summary['chosen']}, OBJECTIVE:EPOCHS); {summary['k']} nearest reports of each report of "
        "split 'test', which no encoder has seen in training; lift over exact random choice, in points.",
        "",
        "| encoder | "
        + " | ".join(f"{name}: overlap | random | lift (95 % CI)" for name in DEFINITIONS)
        + " |",
        "|---|" + "---:|---:|---|" * len(DEFINITIONS),
    ]
    for name in summary["test"]["any"]:
        cells = []
        for definition in DEFINITIONS:
            row = summary["test"][definition][name]
            low, high = (100 * bound for bound in row["lift_ci95"])
            cells.append(
                f"{row['mean_overlap']:.1%} | {row['random_overlap']:.1%} "
                f"| {100 * row['lift']:+.1f} ({low:+.1f} to {high:+.1f})"
            )
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    lines += [
        "",
        "| overlap | first | second | targets | difference of lifts (95 % CI) | p | Holm |",
        "|---|---|---|---:|---|---:|---:|",
    ]
    for row in summary["comparisons"]:
        low, high = (100 * bound for bound in row["difference_ci95"])
        lines.append(
            f"| {row['definition']} | {row['first']} | {row['second']} | {row['n_targets']} "
            f"| {100 * row['difference']:+.1f} ({low:+.1f} to {high:+.1f}) "
            f"| {row['p_value']:.4f} | {row['p_value_adjusted']:.4f} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
