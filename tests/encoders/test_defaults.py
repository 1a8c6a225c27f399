from __future__ import annotations

import pandas as pd
import pytest

from cxrneighbors.encoders.defaults import default_encoders
from cxrneighbors.errors import UserError


def test_what_the_table_has_is_encoded(studies: pd.DataFrame, capsys: pytest.CaptureFixture[str]):
    assert default_encoders(studies) == ("pca-centre", "minilm")
    assert capsys.readouterr().err == ""
    assert default_encoders(studies.assign(report=None)) == ("pca-centre", "none")
    assert capsys.readouterr().err == "no row has a report: reports are left out\n"
    assert default_encoders(studies.assign(path=" ")) == ("none", "minilm")
    assert capsys.readouterr().err == "no row has an image file: images are left out\n"


def test_a_report_may_be_there_as_sections_alone(studies: pd.DataFrame):
    sections = pd.Series([None] * 22 + [{"impression": "Clear."}], dtype=object)
    assert default_encoders(studies.assign(report=None, sections=sections))[1] == "minilm"


def test_a_named_encoder_is_kept(studies: pd.DataFrame):
    bare = studies.assign(report=None, path=None)
    assert default_encoders(bare, "hog", "tfidf") == ("hog", "tfidf")
    assert default_encoders(bare, "none") == ("none", "none")


def test_nothing_at_all(studies: pd.DataFrame):
    with pytest.raises(UserError, match="no row has an image file or a report; import"):
        default_encoders(studies.assign(report=None, path=None))
