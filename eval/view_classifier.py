"""Does the view classifier know PA from AP on patients it has not seen?

    python eval/view_classifier.py DATASET ROOT [--image-size 64] [--epochs 20] [--per-view 4000]

`predict-views` trains it on the rows of known view; here patients of split 'test' are scored: accuracy of
each view with an interval that counts a patient as one, how many films stay UNKNOWN below the usual least
probability and how often those above are right. Writes eval/results/view_classifier-NAME.json and .md.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from common.markdown import document, table
from common.options import options, run, sample_name
from common.results import write_results
from cxrneighbors.classifiers.registry import load_classifier
from cxrneighbors.classifiers.views import KNOWN_VIEWS, predict_views, train_view_classifier
from cxrneighbors.data.imports import import_dataset

LEAST = 0.8  # predict-views' own
DRAWS = 2000


def main(arguments: Sequence[str] | None = None) -> None:
    """See the module."""
    names = (
        "dataset",
        "root",
        "--image-size",
        "--epochs",
        "--seed",
        "--device",
        "--name",
        "--work",
        "--results",
    )
    parser = options(__doc__, *names, image_size=64, epochs=20)
    parser.add_argument("--per-view", type=int, default=4000)
    given = parser.parse_args(arguments)
    studies = import_dataset(given.dataset, given.root).studies
    studies = studies[studies["view"].isin(KNOWN_VIEWS)].reset_index(drop=True)
    folder = given.work / f"view-classifier-{sample_name(given)}"
    train_view_classifier(
        studies,
        folder,
        per_view=given.per_view,
        image_size=given.image_size,
        epochs=given.epochs,
        seed=given.seed,
        device=given.device,
    )
    test = studies[studies["split"] == "test"]
    found = predict_views(test, load_classifier(folder, given.device), device=given.device)
    found = found.merge(test[["image_id", "patient_id", "view"]], on="image_id", suffixes=("_predicted", ""))
    found["right"] = found["view"] == found["view_predicted"]
    rows = [row(str(name), part) for name, part in [("all", found), *found.groupby("view")]]
    sure = found[found["probability"] >= LEAST]
    summary = {
        "image_size": given.image_size,
        "n_trained_on": int((studies["split"] != "test").sum()),
        "views": rows,
        "sure": {"share": len(sure) / len(found), "accuracy": float(sure["right"].mean())},
    }
    write_results(
        given.results,
        f"view_classifier-{sample_name(given)}",
        summary,
        markdown(summary),
        device=given.device,
    )


def row(name: str, found: pd.DataFrame) -> dict[str, Any]:
    """Share of films whose view is told right, its interval by a bootstrap of patients."""
    by_patient = found.groupby("patient_id")["right"].agg(["sum", "size"]).to_numpy()
    rng = np.random.default_rng(0)
    drawn = by_patient[rng.integers(len(by_patient), size=(DRAWS, len(by_patient)))].sum(axis=1)
    low, high = np.quantile(drawn[:, 0] / drawn[:, 1], [0.025, 0.975])
    return {
        "view": name,
        "n_films": len(found),
        "n_patients": len(by_patient),
        "accuracy": float(found["right"].mean()),
        "accuracy_ci95": [float(low), float(high)],
    }


def markdown(summary: dict[str, Any]) -> str:
    """Accuracy by view, and what a least probability does."""
    columns = {
        "view": "{view}",
        "films:": "{n_films}",
        "patients:": "{n_patients}",
        "told right (95 % CI)": "{accuracy:.1%} ({accuracy_ci95[0]:.1%} to {accuracy_ci95[1]:.1%})",
    }
    sure = summary["sure"]
    return document(
        f"View classifier at {summary['image_size']} pixels, patients of split 'test'.",
        table(columns, summary["views"]),
        f"With a probability of at least {LEAST}: {sure['share']:.1%} of the films, "
        f"{sure['accuracy']:.1%} of them right.",
    )


if __name__ == "__main__":
    run(main)
