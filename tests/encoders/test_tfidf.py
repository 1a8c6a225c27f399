from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from cxrneighbors.encoders.tfidf import TfidfEncoder
from cxrneighbors.errors import UserError

TEXTS = [
    "No pleural effusion. No pneumothorax. No focal consolidation.",
    "Large left effusion, effusion increasing.",
    "Heart size is normal.",
    "Heart is enlarged with effusion.",
]


@pytest.mark.parametrize(("cap", "sublinear"), [(2048, True), (5, True), (2048, False)])
def test_vectors_are_those_of_scikit_learn(cap: int, sublinear: bool):
    found = (
        TfidfEncoder(max_features=cap, sublinear_tf=sublinear).fit(TEXTS).encode([*TEXTS, "effusion heart"])
    )
    reference = TfidfVectorizer(max_features=cap, sublinear_tf=sublinear).fit(TEXTS)
    expected = reference.transform([*TEXTS, "effusion heart"]).toarray()
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_unknown_words_give_zeros_and_none_gives_none():
    encoder = TfidfEncoder().fit(TEXTS)
    assert (encoder.encode(["xyz"]) == 0).all()
    assert encoder.encode([]).shape == (0, encoder.dim)


def test_save_and_load_give_the_same_bits(tmp_path: Path):
    encoder = TfidfEncoder(max_features=6).fit(TEXTS)
    encoder.save(tmp_path)
    back = TfidfEncoder.load(tmp_path)
    assert back.weights_hash() == encoder.weights_hash() and back.dim == 6
    assert np.array_equal(back.encode(TEXTS), encoder.encode(TEXTS))
    assert encoder.weights_hash() != TfidfEncoder(max_features=6).fit(TEXTS[:3]).weights_hash()


def test_errors(tmp_path: Path):
    with pytest.raises(UserError, match="not fitted"):
        TfidfEncoder().encode(TEXTS)
    with pytest.raises(UserError, match="nothing to save"):
        TfidfEncoder().save(tmp_path)
    with pytest.raises(UserError, match="empty vocabulary"):
        TfidfEncoder().fit(["", "?"])
    TfidfEncoder().fit(TEXTS).save(tmp_path)
    (tmp_path / "vocabulary.json").write_text('["one"]')
    with pytest.raises(UserError, match=r"vocabulary\.json: 1 words for"):
        TfidfEncoder.load(tmp_path)
