"""Report encoders side by side, against distances added up by scipy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import cdist, pdist

from cxrneighbors.encoders.findings import FindingsEncoder
from cxrneighbors.encoders.joint import JointEncoder
from cxrneighbors.encoders.registry import load_encoder_folder, load_report_encoder
from cxrneighbors.encoders.side_by_side_reports import ReportsSideBySide
from cxrneighbors.encoders.tfidf import TfidfEncoder
from cxrneighbors.errors import UserError

REPORTS = [
    "Small left pleural effusion.",
    "No effusion. Heart size normal.",
    "Cardiomegaly with mild edema.",
    "Right pneumothorax.",
    "The lungs are clear.",
    "Moderate cardiomegaly and an effusion.",
]


@pytest.fixture
def studies() -> pd.DataFrame:
    return pd.DataFrame({"report": REPORTS, "split": "train"})


def test_squared_distances_add_up_each_over_its_own_mean(studies: pd.DataFrame) -> None:
    encoder = load_report_encoder("tfidf+findings")
    assert isinstance(encoder, ReportsSideBySide) and isinstance(encoder, JointEncoder)
    assert not encoder.fitted and encoder.name == "tfidf+findings"
    encoder.fit(studies)
    parts = [TfidfEncoder().fit(REPORTS).encode(REPORTS), FindingsEncoder().encode(REPORTS)]
    expected = sum(cdist(p, p, "sqeuclidean") / np.square(pdist(p)).mean() for p in parts)
    vectors = encoder.encode(REPORTS)
    np.testing.assert_allclose(cdist(vectors, vectors, "sqeuclidean"), expected, rtol=1e-4, atol=1e-4)
    assert vectors.dtype == np.float32 and vectors.shape[1] == encoder.dim


def test_save_and_load_give_the_same_bits(tmp_path: Path, studies: pd.DataFrame) -> None:
    encoder = ReportsSideBySide([TfidfEncoder(), FindingsEncoder()], [1.0, 2.0]).fit(studies)
    encoder.save(tmp_path)
    back = load_encoder_folder(tmp_path)
    assert isinstance(back, ReportsSideBySide) and back.weights_hash() == encoder.weights_hash()
    assert np.array_equal(back.encode(REPORTS[:3]), encoder.encode(REPORTS[:3]))


def test_one_alone_is_none_side_by_side() -> None:
    with pytest.raises(UserError, match="two or more"):
        ReportsSideBySide([FindingsEncoder()])
