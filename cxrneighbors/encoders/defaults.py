"""The encoders of a study table for which none is named: of what its rows have, nothing else."""

from __future__ import annotations

import pandas as pd

from cxrneighbors.data.schema import has_text
from cxrneighbors.encoders.texts import report_texts
from cxrneighbors.errors import UserError
from cxrneighbors.progress import say

DEFAULT_IMAGE_ENCODER, DEFAULT_REPORT_ENCODER = "pca-centre", "minilm"


def default_encoders(
    studies: pd.DataFrame, image: str | None = None, report: str | None = None
) -> tuple[str, str]:
    """Names of image and report encoder, the given ones or by default those of what the table has.

    A modality that no row has and for which no encoder is named becomes 'none'; a line says so. Raises
    `UserError` where nothing is named and there is nothing at all.
    """
    films, texts = (bool(has_text(each).any()) for each in (studies["path"], report_texts(studies)))
    if image is None and report is None and not films and not texts:
        raise UserError("study table: no row has an image file or a report; import the data set with them")
    return (
        _default("image", "an image file", DEFAULT_IMAGE_ENCODER, films) if image is None else image,
        _default("report", "a report", DEFAULT_REPORT_ENCODER, texts) if report is None else report,
    )


def _default(modality: str, what: str, name: str, there: bool) -> str:
    if not there:
        say(f"no row has {what}: {modality}s are left out")
    return name if there else "none"
