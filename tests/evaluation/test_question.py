from __future__ import annotations

import pytest

from cxrneighbors.errors import UserError
from cxrneighbors.evaluation import Question


def test_what_can_be_asked():
    assert Question().one_per == "patient"
    with pytest.raises(UserError, match="k=0"):
        Question(0)
    with pytest.raises(UserError, match="definition 'some'"):
        Question(5, "some")
    with pytest.raises(UserError, match="one_per 'film'; choose one of: image, study, patient"):
        Question(one_per="film")


def test_candidates_in_words():
    assert Question(3, one_per="image").candidates() == "3 candidates"
    assert Question(3).candidates() == "3 candidates of different patients"
