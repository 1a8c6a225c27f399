"""A report encoder by name, adapted to the reports that it is to encode: `encode --adapt`."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from cxrneighbors.encoders.base import TextEncoder
from cxrneighbors.encoders.registry import SIDE_BY_SIDE, load_report_encoder
from cxrneighbors.encoders.report_training import train_report_encoder
from cxrneighbors.encoders.side_by_side_reports import ReportsSideBySide
from cxrneighbors.errors import UserError

_NO_MODELS = ("tfidf", "findings", "none")  # fitted or by rules: nothing to adapt


def adapted_encoder(
    spec: str, studies: pd.DataFrame, folder: str | Path, objective: str = "sections", device: str = "auto"
) -> TextEncoder:
    """The encoder `spec` with its language model adapted to the reports of split 'train'.

    `spec` as for `load_report_encoder`, such as 'minilm' or 'minilm+findings'. The adapted model is written
    to `folder`, or read back from it (`train_report_encoder`). Raises `UserError` unless `spec` names one
    language model, and as `train_report_encoder` does.
    """
    names = [spec] if Path(spec).exists() else spec.split(SIDE_BY_SIDE)
    models = [name for name in names if name not in _NO_MODELS]
    if len(models) != 1:
        raise UserError(
            f"adapt: report encoder {spec!r} has {len(models)} language models; give one, such as minilm, "
            "or leave adapt out"
        )
    parts: list[TextEncoder] = []
    for name in names:
        made = (
            train_report_encoder(studies, name, folder, objective, device=device)
            if name in models
            else load_report_encoder(name, device)
        )
        if made is not None:
            parts.append(made)
    return parts[0] if len(parts) == 1 else ReportsSideBySide(parts)
