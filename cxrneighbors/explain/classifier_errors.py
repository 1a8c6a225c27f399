"""A classifier's errors on the films of an index: which to explain, and how each film came out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch

from cxrneighbors.data.pixels import load_images
from cxrneighbors.data.skipped import Skipped
from cxrneighbors.errors import UserError, choose
from cxrneighbors.explain.predictor import Predictor
from cxrneighbors.index.neighbor_index import NeighborIndex
from cxrneighbors.progress import say, track

ERRORS = ("false-positive", "false-negative")
CHUNK = 256  # films read and scored at once


def films_among(index: NeighborIndex, where: str | None) -> list[str]:
    """Image ids of the films with an image vector and a file that pass an expression, in the table's order.

    `UserError` for a wrong expression, and where there is no such film.
    """
    rows = index.rows_where(where, "among") & index.has["image"] & index.studies["path"].notna().to_numpy()
    if not rows.any():
        raise UserError(f"among {where!r}: no film of the index passes that has an image; change it")
    return [str(image_id) for image_id in index.studies["image_id"][rows]]


def find_errors(
    predictor: Predictor,
    index: NeighborIndex,
    target: str,
    error: str,
    threshold: float = 0.5,
    where: str | None = None,
) -> pd.DataFrame:
    """Films whose score is at odds with their findings, the worst first: columns image_id, score.

    `error`: 'false-positive', score of `target` at `threshold` or above and findings without it;
    'false-negative', score below and findings with it. Films that are not labelled (no findings) are
    neither. `where`: which films may be taken. Unreadable films are left out, and their number is said.

    Raises `UserError` for an unknown label or error, a threshold outside (0, 1), and where there is none.
    """
    choose("kind of error", error, ERRORS)
    predictor.column(target)
    if not 0 < threshold < 1:
        raise UserError(f"threshold {threshold:g}: not a score between 0 and 1; give one such as 0.5")
    table = index.studies.set_index("image_id").loc[films_among(index, where)]
    wanted = "absent" if error == "false-positive" else "present"
    table = table[[label_of(findings, target) == wanted for findings in table["findings"]]]
    scores = score_films(predictor, table["path"], target)
    wrong = scores >= threshold if error == "false-positive" else scores < threshold
    side = "or more" if error == "false-positive" else "at most"
    found = f"{int(wrong.sum())} of {int(scores.notna().sum())} films labelled"
    kind = "without" if wanted == "absent" else "with"
    say(f"{found} {kind} {target} score {threshold:g} {side}: {error}s")
    if not wrong.any():
        raise UserError(
            f"{error}s of {target}: {found} {kind} it; move --threshold ({threshold:g}) or the films among "
            "which they are looked for"
        )
    result = scores[wrong].sort_values(ascending=error == "false-negative", kind="stable")
    return result.rename("score").rename_axis("image_id").reset_index()


def score_films(predictor: Predictor, paths: pd.Series, target: str) -> pd.Series:
    """Score of `target` for the films at `paths` (files, any index): float64, NaN where one is unreadable."""
    if predictor.image_size is None:
        raise UserError("classifier: films are read at its size to be scored; give image_size")
    scores, skipped = np.full(len(paths), np.nan), Skipped("explain")
    for start in track(range(0, len(paths), CHUNK), "scoring", total=-(-len(paths) // CHUNK)):
        chunk = list(paths.iloc[start : start + CHUNK])
        images, kept = load_images(chunk, predictor.image_size, predictor.aspect, skipped)
        for first in range(0, len(kept), predictor.batches.size):
            rows = slice(first, first + predictor.batches.size)
            batch = torch.from_numpy(images[rows]).to(predictor.device)
            scores[start + kept[rows]] = predictor.score(batch, target).cpu().numpy()
    if len(skipped):
        say(f"not scored: {skipped.summary()}")
    return pd.Series(scores, paths.index, dtype=np.float64)


def label_of(findings: Sequence[str], target: str) -> str:
    """Whether a film's findings hold `target`: 'present', 'absent', or 'unknown' for one without labels.

    >>> label_of(["Mass"], "Mass"), label_of(["No Finding"], "Mass"), label_of([], "Mass")
    ('present', 'absent', 'unknown')
    """
    if not len(findings):
        return "unknown"
    return "present" if target in findings else "absent"


def outcome(score: float, label: str, threshold: float) -> str:
    """'true-' or 'false-' and 'positive' or 'negative'; '' for a film that is not labelled.

    >>> outcome(0.7, "absent", 0.5), outcome(0.2, "absent", 0.5), outcome(0.7, "unknown", 0.5)
    ('false-positive', 'true-negative', '')
    """
    if label == "unknown":
        return ""
    positive = score >= threshold
    return (
        f"{'true' if positive == (label == 'present') else 'false'}-{'positive' if positive else 'negative'}"
    )
