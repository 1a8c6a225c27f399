"""Adapting as part of encoding: what is adapted, and what is left as it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from cxrneighbors.encoders import adapt
from cxrneighbors.encoders.findings import FindingsEncoder
from cxrneighbors.encoders.side_by_side_reports import ReportsSideBySide
from cxrneighbors.encoders.tfidf import TfidfEncoder
from cxrneighbors.errors import UserError


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What was asked of the training, which gives a TF-IDF encoder in its place."""
    calls: list[Any] = []

    def train(studies: pd.DataFrame, base: str, out: Path, objective: str, device: str) -> TfidfEncoder:
        calls.append((base, out, objective, device))
        return TfidfEncoder()

    monkeypatch.setattr(adapt, "train_report_encoder", train)
    return calls


def test_the_language_model_is_adapted_and_the_rules_stay(tmp_path: Path, asked: list[Any]) -> None:
    encoder = adapt.adapted_encoder("minilm+findings", pd.DataFrame(), tmp_path, device="cpu")
    assert isinstance(encoder, ReportsSideBySide) and isinstance(encoder.encoders[1], FindingsEncoder)
    assert asked == [("minilm", tmp_path, "sections", "cpu")]
    assert isinstance(adapt.adapted_encoder("owner/model", pd.DataFrame(), tmp_path), TfidfEncoder)


@pytest.mark.parametrize("spec", ["tfidf", "findings", "none", "minilm+clinicalbert"])
def test_one_language_model_is_needed(tmp_path: Path, asked: list[Any], spec: str) -> None:
    with pytest.raises(UserError, match="language models; give one, such as minilm"):
        adapt.adapted_encoder(spec, pd.DataFrame(), tmp_path)
    assert not asked
