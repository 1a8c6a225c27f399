"""What `train-report-encoder` learns from: texts drawn from reports in pairs or threes, without any label."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import numpy as np
import pandas as pd

from cxrneighbors.encoders.texts import report_texts
from cxrneighbors.errors import UserError, choose

OBJECTIVES = ("sections", "simcse", "tsdae", "statements")
KEPT_WORDS = 0.4  # TSDAE deletes 60 % of the words (Wang et al., 2021, section 4.2)
_WORD = re.compile(r"\S+")
Pair = tuple[str, ...]


def training_pairs(studies: pd.DataFrame, objective: str = "sections") -> list[Pair]:
    """Distinct pairs of texts of the rows with split 'train', in the order of the table.

    'sections': findings and impression of one report. 'simcse' and 'tsdae': the text that is encoded (see
    `report_texts`), twice. 'statements': sentences in threes, see `report_statements`. The images of a study
    share a report, which counts once.

    Raises `UserError` for an unknown objective, without training rows, or with fewer than two pairs.
    """
    choose("objective", objective, OBJECTIVES)
    train = studies[studies["split"] == "train"]
    if not len(train):
        raise UserError(
            "study table: no row has split 'train', so there is nothing to adapt to; set the split"
        )
    distinct = list(dict.fromkeys(_drawn(train, objective)))
    if len(distinct) < 2:
        what = {"sections": "reports with findings and impression", "statements": "statements"}.get(
            objective, "reports"
        )
        raise UserError(
            f"study table: {len(distinct)} different {what} have split 'train', at least 2 are needed; "
            "import more reports, or use objective simcse or tsdae for reports without sections"
        )
    return distinct


def _drawn(train: pd.DataFrame, objective: str) -> Iterable[Pair]:
    if objective == "statements":
        from cxrneighbors.encoders.report_statements import statement_triples

        return statement_triples(train)
    return _section_pairs(train) if objective == "sections" else _whole_reports(train)


def number_of_batches(n_pairs: int, batch_size: int) -> int:
    """Batches of an epoch; a batch of one pair would have nothing to tell it from."""
    return max(1, min(-(-n_pairs // batch_size), n_pairs // 2))


def delete_words(text: str, rng: np.random.Generator, kept: float = KEPT_WORDS) -> str:
    """The text with each word kept with probability `kept`, at least one word left.

    >>> delete_words("Small left pleural effusion.", np.random.default_rng(0))
    'left pleural effusion.'
    """
    words = _WORD.findall(text)
    if not words:
        return text
    stays = rng.random(len(words)) < kept
    if not stays.any():
        stays[rng.integers(len(words))] = True
    return " ".join(word for word, stay in zip(words, stays, strict=True) if stay)


def _section_pairs(studies: pd.DataFrame) -> Iterator[Pair]:
    for sections in studies["sections"]:
        findings, impression = ((sections or {}).get(name, "").strip() for name in ("findings", "impression"))
        if findings and impression:
            yield findings, impression


def _whole_reports(studies: pd.DataFrame) -> Iterator[Pair]:
    for text in report_texts(studies):
        if text is not None:
            yield text, text
