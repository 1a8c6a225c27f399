"""Whether an encoder is the one that made given vectors: encode some of the films or reports again."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cxrneighbors.data.pixels import load_images
from cxrneighbors.data.schema import has_text
from cxrneighbors.data.skipped import Skipped
from cxrneighbors.encoders.base import ImageEncoder, TextEncoder, film_preparation, is_image_encoder
from cxrneighbors.encoders.texts import report_texts
from cxrneighbors.errors import UserError


def check_made_by(
    encoder: ImageEncoder | TextEncoder,
    ids: list[str],
    vectors: np.ndarray,
    studies: pd.DataFrame,
    tolerance: float,
    n_checked: int,
) -> None:
    """Raise `UserError` unless `encoder` gives `vectors` float32 (N, D), those of the images `ids`, again.

    `tolerance`: of the vectors' root mean squared distance from their mean; up to `n_checked` rows are
    encoded, evenly spaced.
    """
    what = f"encoder {encoder.name!r}"
    if encoder.dim != vectors.shape[1]:
        raise UserError(
            f"{what}: its vectors have {encoder.dim} dimensions, the stored ones {vectors.shape[1]}; "
            "give the encoder that made them"
        )
    checked, again = _encoded_again(encoder, ids, studies, n_checked)
    if not checked:
        raise UserError(
            f"{what}: cannot be checked, no film or report of the {len(ids)} vectors can be read; "
            "give a study table that has them"
        )
    row_of = {name: row for row, name in enumerate(ids)}
    stored = vectors[[row_of[name] for name in checked]]
    spread = float(np.sqrt(np.square(vectors - vectors.mean(0)).sum(1).mean())) or 1.0
    apart = np.linalg.norm(again - stored, axis=1) / spread
    if not (apart <= tolerance).all():
        worst = int(np.argmax(np.nan_to_num(apart, nan=np.inf)))
        raise UserError(
            f"{what}: its vector of image {checked[worst]!r} is {apart[worst]:.2g} of the vectors' spread "
            f"away from the stored one, more than {tolerance:g}; give the encoder that made them"
        )


def _encoded_again(
    encoder: ImageEncoder | TextEncoder, ids: list[str], studies: pd.DataFrame, n_checked: int
) -> tuple[list[str], np.ndarray]:
    """Ids (n,) and vectors (n, D) of some of the rows."""
    rows = studies[studies["image_id"].isin(ids)]
    if not is_image_encoder(encoder):
        texts = report_texts(rows)
        present = _spaced(np.flatnonzero(has_text(texts)), n_checked)
        return list(rows["image_id"].iloc[present]), encoder.encode(list(texts.iloc[present]))
    # Files may be gone: three times as many are tried as are asked for.
    tried = rows.iloc[_spaced(np.flatnonzero(has_text(rows["path"])), 3 * n_checked)]
    images, kept = load_images(
        list(tried["path"]), encoder.image_size, skipped=Skipped(), prepare=film_preparation(encoder)
    )
    chosen = _spaced(np.arange(len(kept)), n_checked)
    return list(tried["image_id"].iloc[kept[chosen]]), encoder.encode(images[chosen])


def _spaced(rows: np.ndarray, at_most: int) -> np.ndarray:
    """At most so many of `rows`, evenly spaced."""
    if len(rows) <= at_most:
        return rows
    chosen: np.ndarray = rows[np.linspace(0, len(rows) - 1, at_most).astype(int)]
    return chosen
