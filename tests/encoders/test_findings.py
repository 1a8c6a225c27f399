"""Findings as a vector: what a text states, not how it is worded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cxrneighbors.encoders import findings as module
from cxrneighbors.encoders.findings import FindingsEncoder
from cxrneighbors.encoders.registry import load_encoder_folder, load_report_encoder
from cxrneighbors.errors import UserError

TEXTS = [
    "Small left pleural effusion. Possible pneumonia.",
    "A pleural effusion is seen on the left side; pneumonia cannot be excluded.",
    "No pleural effusion. No pneumonia.",
    "The heart is enlarged.",
    "Frontal view.",
]


def test_a_vector_holds_what_the_labeler_reads() -> None:
    encoder = FindingsEncoder()
    vectors = encoder.encode(TEXTS)
    assert vectors.shape == (5, encoder.dim) == (5, 3 * len(encoder.findings)) and vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), [1, 1, 1, 1, 0], atol=1e-6)
    vectors, left, _ = np.split(vectors, 3, axis=1)
    stated = [
        {encoder.findings[d]: float(row[d]) for d in np.flatnonzero(row)} for row in vectors / vectors.max()
    ]
    assert {name for name, value in stated[3].items() if value > 0} == {"Cardiomegaly"} and stated[4] == {}
    denied = {name: value for name, value in stated[2].items() if value < 0}
    assert {"Pleural Effusion", "Pneumonia"} <= set(denied) and set(stated[2]) - set(denied) == {"No Finding"}
    np.testing.assert_allclose(list(denied.values()), -0.2 * stated[2]["No Finding"], rtol=1e-5)
    assert stated[0]["Pneumonia"] == pytest.approx(stated[0]["Pleural Effusion"] / 2)
    effusion = encoder.findings.index("Pleural Effusion")
    assert left[0, effusion] == pytest.approx(encoder.side * vectors[0, effusion])


def test_sides_keep_films_apart_and_both_lie_between() -> None:
    left, right, both, none = FindingsEncoder().encode(
        ["Left pneumothorax.", "Right pneumothorax.", "Bilateral pneumothoraces.", "A pneumothorax."]
    )
    apart = np.linalg.norm(left - right)
    assert 0 < np.linalg.norm(left - both) < apart
    assert np.linalg.norm(left - both) == pytest.approx(np.linalg.norm(right - both))
    assert 0 < np.linalg.norm(left - none) < apart
    with pytest.raises(UserError, match="side -1"):
        FindingsEncoder(-1)


def test_other_words_for_the_same_are_nearer_than_a_no() -> None:
    same, opposite = (
        np.linalg.norm(FindingsEncoder().encode(TEXTS)[0] - FindingsEncoder().encode(TEXTS)[i])
        for i in (1, 2)
    )
    assert same < 1e-6 < 1 < opposite


def test_saved_and_read_again_but_not_with_other_rules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    FindingsEncoder().save(tmp_path)
    back = load_encoder_folder(tmp_path)
    assert isinstance(back, FindingsEncoder) and len(back.weights_hash()) == 64
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "a.toml").write_text("")
    monkeypatch.setattr(module, "RULES_FOLDER", tmp_path / "rules")
    with pytest.raises(UserError, match="other rules"):
        load_encoder_folder(tmp_path)


def test_it_goes_by_name() -> None:
    assert isinstance(load_report_encoder("findings"), FindingsEncoder)
