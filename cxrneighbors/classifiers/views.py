"""A small classifier that tells PA, AP and lateral films apart, for images whose view nobody wrote down."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cxrneighbors.classifiers.base import Classifier
from cxrneighbors.classifiers.registry import build, load_classifier
from cxrneighbors.classifiers.training import train_classifier
from cxrneighbors.data.pixels import load_images
from cxrneighbors.data.schema import has_text
from cxrneighbors.data.skipped import Skipped
from cxrneighbors.data.splits import uniform_hash
from cxrneighbors.data.views import VIEWS
from cxrneighbors.errors import UserError
from cxrneighbors.progress import track

KNOWN_VIEWS = VIEWS[:3]
PREDICTED = "predicted"  # `view_source` of a view that the classifier filled in
IMAGE_SIZE = 64  # pixels a side: the outline of ribs, scapulae and spine is enough
LEAST_IMAGES = 10  # of a view, for it to be one of the classes
_CHUNK = 512


def train_view_classifier(
    studies: pd.DataFrame,
    out: str | Path,
    *,
    per_view: int = 4000,
    image_size: int = IMAGE_SIZE,
    epochs: int = 20,
    resume: bool = True,
    seed: int = 0,
    device: str = "auto",
) -> dict[str, Any]:
    """Train small-cnn on the rows of known view and write it to folder `out` (`classifiers.training`).

    Of each view at most `per_view` images are used, chosen by a hash of image and `seed`; views with fewer
    than `LEAST_IMAGES` images are no class. Views that an earlier prediction filled in do not count as
    known. Splits are by patient, views weigh alike.

    Returns the metrics of `train_classifier`: `accuracy` and AUROC per view on val and test patients.
    Raises `UserError` when fewer than two views have enough images.
    """
    rows = _training_rows(studies, per_view, seed)
    classes = [view for view in KNOWN_VIEWS if (rows["view"] == view).any()]
    table = rows.assign(findings=pd.Series([[view] for view in rows["view"]], dtype=object))
    model = build("small-cnn", labels=classes, seed=seed, image_size=image_size, multi_label=False, width=8)
    settings: dict[str, Any] = {"epochs": epochs, "class_weights": "balanced", "patience": 6}
    return train_classifier(model, table, out, resume=resume, seed=seed, device=device, **settings)


def predict_views(
    studies: pd.DataFrame, model: Classifier, skipped: Skipped | None = None, device: str = "auto"
) -> pd.DataFrame:
    """The view of each image by `model`: `image_id`, `view`, `probability` (softmax, in (0, 1]).

    Rows without an image file are left out; unreadable images go to `skipped`, or raise without it.
    """
    rows = studies[has_text(studies["path"])]
    ids, paths = rows["image_id"].tolist(), rows["path"].tolist()
    parts: list[pd.DataFrame] = []
    for start in track(range(0, len(ids), _CHUNK), "predicting views"):
        chunk = slice(start, start + _CHUNK)
        images, kept = load_images(paths[chunk], model.image_size, model.aspect, skipped, names=ids[chunk])
        if len(kept):
            scores = model.predict(images, device=device)
            named: dict[str, Any] = {
                "image_id": [ids[start + position] for position in kept],
                "view": [model.labels[best] for best in scores.argmax(1)],
            }
            parts.append(pd.DataFrame({**named, "probability": scores.max(1).astype(float)}))
    columns = {"image_id": [], "view": [], "probability": []}  # type: dict[str, list[Any]]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns)


def complete_views(
    studies: pd.DataFrame,
    classifier: Classifier | str | Path,
    *,
    least_probability: float = 0.8,
    check_known: bool = False,
    skipped: Skipped | None = None,
    device: str = "auto",
) -> pd.DataFrame:
    """A copy of the study table with the missing views filled in.

    `classifier`: from `train_view_classifier`, or its folder. New columns: `view_predicted` (text or None)
    and `view_probability` (float, NaN where not predicted). A row whose view is UNKNOWN takes the predicted
    one when its probability is at least `least_probability`, and `view_source` becomes 'predicted'; what
    the data set says to be another view (UNKNOWN with a source, such as an oblique) is left alone.
    `check_known`: predict the images of known view too; their view stays, a disagreement shows in the new
    columns (`disagreements` lists it).
    """
    if not 0 <= least_probability <= 1:
        raise UserError(f"least probability {least_probability}: must lie between 0 and 1")
    model = classifier if isinstance(classifier, Classifier) else load_classifier(classifier, device)
    if model.multi_label or not set(model.labels) <= set(KNOWN_VIEWS):
        raise UserError(
            f"classifier: it tells {', '.join(model.labels[:3])}{', ...' * (len(model.labels) > 3)}, not the "
            f"views {', '.join(KNOWN_VIEWS)}; give one that predict-views or train_view_classifier made"
        )
    table = studies.reset_index(drop=True)
    source = _sources(table)
    blank = (table["view"] == "UNKNOWN").to_numpy() & np.isin(source, ["none", PREDICTED])
    asked = blank | check_known
    found = predict_views(table[asked], model, skipped, device).set_index("image_id")
    predicted, probability = (
        found[name].reindex(table["image_id"]).to_numpy() for name in ("view", "probability")
    )
    probability = probability.astype(float)
    fill = blank & ~np.isnan(probability) & (probability >= least_probability)
    table["view"] = np.where(fill, predicted, table["view"])
    table["view_source"] = pd.Series(np.where(fill, PREDICTED, source), dtype=object)
    views = [view if isinstance(view, str) else None for view in predicted]
    table["view_predicted"] = pd.Series(views, dtype=object)
    table["view_probability"] = probability
    return table


def disagreements(studies: pd.DataFrame, least_probability: float = 0.95) -> pd.DataFrame:
    """Rows of known view for which the classifier is sure of another one: perhaps a wrong tag."""
    known = studies["view"].isin(KNOWN_VIEWS) & (studies["view_source"] != PREDICTED)
    other = studies["view_predicted"].notna() & (studies["view_predicted"] != studies["view"])
    return studies[known & other & (studies["view_probability"] >= least_probability)]


def _sources(table: pd.DataFrame) -> np.ndarray:
    """`view_source`, or for a table without it 'table' where the view is known and 'none' where not."""
    if "view_source" in table.columns:
        return table["view_source"].fillna("none").to_numpy(dtype=object)
    return np.where(table["view"] == "UNKNOWN", "none", "table").astype(object)


def _training_rows(studies: pd.DataFrame, per_view: int, seed: int) -> pd.DataFrame:
    known = has_text(studies["path"]) & studies["view"].isin(KNOWN_VIEWS).to_numpy()
    rows = studies[known & (_sources(studies) != PREDICTED)]
    draws = np.array([uniform_hash(image, seed) for image in rows["image_id"]])
    rank = pd.Series(draws, index=rows.index).groupby(rows["view"]).rank(method="first")
    counts = rows["view"].map(rows["view"].value_counts())
    rows = rows[(rank <= per_view) & (counts >= LEAST_IMAGES)]
    if rows["view"].nunique() < 2:
        raise UserError(
            f"study table: fewer than two views have {LEAST_IMAGES} images of known view; "
            "train the view classifier on a table that has them and give its folder"
        )
    chosen: pd.DataFrame = rows.reset_index(drop=True)
    return chosen
