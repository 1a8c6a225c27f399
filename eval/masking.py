"""Does masking hide the label? What a bag of words still reads off reports, before and after.

    python eval/masking.py DATASET ROOT [--least 20]

Reports as encoders see them; with the words that name a finding blanked (`--mask-labels`); and without the
sentences that speak of any finding (`--mask-sentences`). For each finding with --least positive and negative
reports, outside split 'test': AUC of logistic regression on TF-IDF of words and pairs of words, five-fold,
patients kept together; 0.5 is none. Beside each: the share of the text that is left. A lift of masked reports
can be no better than this bound is tight. Writes eval/results/masking-NAME.json and .md.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from common.markdown import document, table
from common.options import options, run, sample_name
from common.results import write_results
from cxrneighbors.data.imports import import_dataset
from cxrneighbors.encoders.texts import report_texts
from cxrneighbors.errors import UserError
from cxrneighbors.progress import track

MASKS: dict[str, bool | str] = {"none": False, "words": "words", "sentences": "sentences"}
FOLDS = 5
SHOWN = 12  # findings in the table, the most frequent


def main(arguments: Sequence[str] | None = None) -> None:
    """See the module."""
    parser = options(__doc__, "dataset", "root", "--seed", "--name", "--results")
    parser.add_argument("--least", type=int, default=20, help="reports with a finding, and without, at least")
    given = parser.parse_args(arguments)
    studies = import_dataset(given.dataset, given.root).studies.drop_duplicates("study_id")
    studies = studies[(studies["split"] != "test") & studies["findings"].map(len).gt(0)]
    texts = {name: report_texts(studies, mask) for name, mask in MASKS.items()}
    there = texts["none"].notna().to_numpy()
    studies = studies[there].reset_index(drop=True)
    texts = {name: each[there].reset_index(drop=True) for name, each in texts.items()}
    positives = studies["findings"].explode().value_counts()
    findings = [str(name) for name, n in positives.items() if given.least <= n <= len(studies) - given.least]
    if not findings:
        raise UserError(f"{given.root}: no finding has {given.least} reports with and without it; --least")
    auc = {
        finding: {name: leak(each, studies, finding, given.seed) for name, each in texts.items()}
        for finding in track(findings, "findings")
    }
    left = {name: float(each.str.len().sum() / texts["none"].str.len().sum()) for name, each in texts.items()}
    summary: dict[str, Any] = {
        "n_reports": len(studies),
        "n_positive": {name: int(positives[name]) for name in findings},
        "text_left": left,
        "auc": auc,
        "mean_auc": {name: float(np.mean([row[name] for row in auc.values()])) for name in MASKS},
    }
    write_results(given.results, f"masking-{sample_name(given)}", summary, markdown(summary))


def leak(texts: pd.Series, studies: pd.DataFrame, finding: str, seed: int) -> float:
    """AUC of a bag of words for one finding, each report scored by what the others' patients teach."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline

    labels = studies["findings"].map(lambda names: finding in names).to_numpy()
    model = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True, token_pattern=r"\S+"),
        LogisticRegression(C=10, max_iter=500, class_weight="balanced"),
    )
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scores = cross_val_predict(
            model, texts, labels, groups=studies["patient_id"], cv=folds, method="decision_function"
        )
    return float(roc_auc_score(labels, scores))


def markdown(summary: dict[str, Any]) -> str:
    """The most frequent findings, and the mean of all."""
    rows = [
        {"finding": name, "n": summary["n_positive"][name], **summary["auc"][name]}
        for name in list(summary["auc"])[:SHOWN]
    ]
    rows.append({"finding": f"mean of {len(summary['auc'])}", "n": "", **summary["mean_auc"]})
    left = summary["text_left"]
    columns = {
        "finding": "{finding}",
        "reports:": "{n}",
        "as they are:": "{none:.3f}",
        "words masked:": "{words:.3f}",
        "sentences masked:": "{sentences:.3f}",
    }
    return document(
        f"AUC of a bag of words, five-fold by patient, {summary['n_reports']} reports outside split 'test'. "
        f"Text left: words masked {left['words']:.0%} of the characters, sentences masked "
        f"{left['sentences']:.0%}.",
        table(columns, rows),
    )


if __name__ == "__main__":
    run(main)
