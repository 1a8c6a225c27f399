"""Which encoder of reports brings alike reports nearest? Adapted without labels, by rules, or as it comes.

    python eval/report_encoders.py openi ROOT [--base minilm] [--candidates sections:2 simcse:1 tsdae:1]
        [--rules statements:2] [--also covid-chestxray ROOT]

The base model is adapted to the reports of split 'train' (`train-report-encoder`); labels play no part. Of
the candidates OBJECTIVE:EPOCHS the one with the highest lift on split 'val' is 'adapted'. A second group owes
something to the labeler's rules: findings as a vector ('findings'), that beside the adapted encoder, and an
encoder trained on what the rules read ('statements'). The rules were written while looking at half of the
reports (`labeler.py`), so lifts on the others alone stand beside. All are scored on split 'test', by shared
labels (Open-i: hand-assigned MeSH codes), the reports as they are, with label words masked, and without
sentences that speak of a finding; single sections, and with --also another data set, for what adapts.

Models stay in --work. Writes eval/results/report_encoders.json and .md.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from common.options import options, run
from common.results import write_results
from cxrneighbors.data.imports import import_dataset
from cxrneighbors.encoders.base import TextEncoder
from cxrneighbors.encoders.encode import encode
from cxrneighbors.encoders.findings import FindingsEncoder
from cxrneighbors.encoders.report_encoder import ReportEncoder
from cxrneighbors.encoders.report_training import train_report_encoder
from cxrneighbors.encoders.side_by_side_reports import ReportsSideBySide
from cxrneighbors.encoders.tfidf import TfidfEncoder
from cxrneighbors.evaluation.compare import compare
from cxrneighbors.evaluation.evaluate import evaluate_overlap
from cxrneighbors.evaluation.overlap import MEANING
from cxrneighbors.evaluation.score_table import ScoreTable
from cxrneighbors.index.neighbor_index import NeighborIndex
from cxrneighbors.progress import say
from cxrneighbors.reports.selection import report_text
from cxrneighbors.statistics.holm import holm
from labeler_scores import in_development
from report_encoder_tables import markdown

DEFINITIONS = ("any", "any-disease", "jaccard")
MASKS: dict[str, bool | str] = {
    "as they are": False,
    "words masked": "words",
    "sentences masked": "sentences",
}
ADAPTED, FINDINGS, STATEMENTS = "adapted", "findings", "statements"
Scored = dict[str, dict[str, ScoreTable]]  # definition -> encoder -> scores


class Remembering(ReportEncoder):
    """A report encoder that encodes a text once, however many encoders stand side by side with it."""

    def encode(self, texts: list[str]) -> np.ndarray:
        """As `ReportEncoder.encode`."""
        seen: dict[str, np.ndarray] = self.__dict__.setdefault("seen", {})
        new = [text for text in dict.fromkeys(texts) if text not in seen]
        seen.update(zip(new, super().encode(new), strict=True))
        return np.stack([seen[text] for text in texts]) if texts else super().encode([])


def main(arguments: Sequence[str] | None = None) -> None:
    given = parse(arguments)
    started = time.process_time()
    studies = import_dataset(given.dataset, given.root).studies
    adapted, on_val = adapted_encoder(studies, given)
    base = Remembering(given.base, given.device)
    encoders = {given.base: base, "tfidf": TfidfEncoder(), ADAPTED: adapted}
    rules = by_rules(studies, base, adapted, given)
    scored: dict[str, Scored] = {}
    for mask, how in MASKS.items():
        encoders["tfidf"] = TfidfEncoder()  # fitted on the text that it is to encode
        some = encoders if how == "sentences" else encoders | rules
        asked = DEFINITIONS if mask == "as they are" else DEFINITIONS[:2]
        scored[mask] = score(studies, some, how, "split == 'test'", given.k, asked)
    parts = {
        name: figures(
            score(of_section(studies, name), {ADAPTED: adapted}, False, "split == 'test'", given.k, ("any",))
        )
        for name in ("findings", "impression")
    }
    elsewhere = {}
    for dataset, root in given.also:
        other = import_dataset(dataset, root).studies
        elsewhere[dataset] = figures(score(other, encoders | rules, False, None, given.k, ("any",)))
    summary = {
        "dataset": given.dataset,
        "base": given.base,
        "candidates_on_val": on_val,
        "chosen": max(on_val, key=lambda name: on_val[name]),
        "n_train_reports": int(((studies["split"] == "train") & studies["report"].notna()).sum()),
        "k": given.k,
        "seed": given.seed,
        "definitions": {name: MEANING[name] for name in DEFINITIONS},
        "by_rules": list(rules),
        "test": {mask: figures(found) for mask, found in scored.items()},
        "unseen_by_rules": {mask: figures(found, unseen(studies)) for mask, found in scored.items()},
        "sections_alone": parts,
        "elsewhere": elsewhere,
        "comparisons": comparisons(scored, given.base),
        "cpu_seconds": round(time.process_time() - started, 1),
    }
    write_results(given.results, "report_encoders", summary, markdown(summary), device=given.device)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = options(__doc__, "dataset", "root", "-k", "--seed", "--device", "--work", "--results")
    parser.add_argument("--base", default="minilm")
    parser.add_argument(
        "--candidates", nargs="+", default=["sections:2"], metavar="OBJECTIVE:EPOCHS", help="compared on val"
    )
    parser.add_argument("--rules", default="statements:2", help="trained on what the labeler reads; none")
    parser.add_argument("--max-tokens", type=int, default=128)
    parser.add_argument("--also", nargs=2, action="append", default=[], metavar=("DATASET", "ROOT"))
    return parser.parse_args(arguments)


def trained(studies: pd.DataFrame, candidate: str, given: argparse.Namespace) -> ReportEncoder:
    """The base, adapted as OBJECTIVE:EPOCHS says."""
    objective, epochs = candidate.split(":")
    folder = given.work / f"report-encoder-{objective}-{epochs}"
    train_report_encoder(
        studies,
        given.base,
        folder,
        objective=objective,
        epochs=int(epochs),
        max_tokens=given.max_tokens,
        seed=given.seed,
        device=given.device,
    )
    return Remembering(str(folder), given.device)


def adapted_encoder(
    studies: pd.DataFrame, given: argparse.Namespace
) -> tuple[ReportEncoder, dict[str, float]]:
    """Train every candidate; the one with the highest lift on split 'val', and the lifts."""
    found, validation = {}, {}
    # Targets of 'val' search everything but 'test': no test report has a say in the choice.
    known = studies[studies["split"] != "test"].reset_index(drop=True)
    for candidate in given.candidates:
        found[candidate] = trained(studies, candidate, given)
        validation[candidate] = float("nan")
        if len(given.candidates) > 1:
            scores = score(known, {ADAPTED: found[candidate]}, False, "split == 'val'", given.k, ("any",))
            validation[candidate] = figures(scores)["any"][ADAPTED]["lift"]
            say(f"{candidate}: lift on val {validation[candidate]:.4f}")
    return found[max(validation, key=lambda name: validation[name])], validation


def by_rules(
    studies: pd.DataFrame, base: ReportEncoder, adapted: ReportEncoder, given: argparse.Namespace
) -> dict[str, TextEncoder]:
    """Encoders that owe something to the labeler's rules."""
    found: dict[str, TextEncoder] = {
        FINDINGS: FindingsEncoder(),
        f"{given.base}+{FINDINGS}": ReportsSideBySide([base, FindingsEncoder()]),
        f"{ADAPTED}+{FINDINGS}": ReportsSideBySide([adapted, FindingsEncoder()]),
    }
    if given.rules != "none":
        own = trained(studies, given.rules, given)
        found |= {STATEMENTS: own, f"{STATEMENTS}+{FINDINGS}": ReportsSideBySide([own, FindingsEncoder()])}
    return found


def of_section(studies: pd.DataFrame, name: str) -> pd.DataFrame:
    """The studies with one section as their report, where they have it."""
    pairs = zip(studies["report"], studies["sections"], strict=True)
    texts = pd.Series([report_text(a, b, (name,)) for a, b in pairs], index=studies.index, dtype=object)
    return studies.assign(report=texts, sections=None)


def score(
    studies: pd.DataFrame,
    encoders: dict[str, Any],
    mask: bool | str,
    targets: str | None,
    k: int,
    definitions: tuple[str, ...] = DEFINITIONS,
) -> Scored:
    """Scores of each encoder's nearest reports, of other patients."""
    found: Scored = {definition: {} for definition in definitions}
    for name, encoder in encoders.items():
        say(f"{name}{', masked: ' + str(mask) if mask else ''}")
        vectors = encode(studies, report=encoder, mask_labels=mask)
        index = NeighborIndex.build(vectors, studies, backend="exact")
        for definition in definitions:
            # Its own test is not shown: differences below are tested in pairs.
            result = evaluate_overlap(index, k=k, targets=targets, definition=definition, n_permutations=99)
            found[definition][name] = result.tables["report"]
    return found


def unseen(studies: pd.DataFrame) -> set[str]:
    """Images of the reports that the author of the rules did not look at."""
    return set(studies.loc[~studies["study_id"].map(in_development), "image_id"])


def figures(scored: Scored, among: set[str] | None = None) -> dict[str, dict[str, dict[str, Any]]]:
    """Overlap, random overlap and lift with its interval, of the targets `among`."""
    return {
        definition: {name: figure(table, among) for name, table in tables.items()}
        for definition, tables in scored.items()
    }


def figure(table: ScoreTable, among: set[str] | None) -> dict[str, Any]:
    rows = table.scored
    if among is not None:
        rows = rows & table.frame["image_id"].isin(among).to_numpy()
    estimate, frame = table.estimate(rows), table.frame[rows]
    return {
        "mean_overlap": float(frame["overlap"].mean()),
        "random_overlap": float(frame["expected"].mean()),
        "lift": estimate.mean,
        "lift_ci95": list(estimate.interval()),
        "n_targets": len(frame),
    }


def comparisons(scored: dict[str, Scored], base: str) -> list[dict[str, Any]]:
    """Each encoder less the base and less TF-IDF, paired on the same text: Holm over all."""
    rows = []
    for mask, found in scored.items():
        for definition, tables in found.items():
            for first in (name for name in tables if name not in (base, "tfidf")):
                for second in (base, "tfidf"):
                    row = compare(tables[first], tables[second])
                    assert row is not None
                    rows.append(
                        {"mask": mask, "definition": definition, "first": first, "second": second} | row
                    )
    for row, p in zip(rows, holm(np.array([row["p_value"] for row in rows])), strict=True):
        row["p_value_adjusted"] = float(p)
    return rows


if __name__ == "__main__":
    run(main)
