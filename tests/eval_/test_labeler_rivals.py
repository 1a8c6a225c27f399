"""Rivals of the labeler's rules on sentences whose answers their authors' rules fix."""

import sys

import numpy as np
import pytest

from cxrneighbors.errors import UserError
from labeler_rivals import RULES, Target, chexpert, negex, other_environment, said, targets

NAMES = ["Pneumothorax", "Pleural Effusion", "Edema", "Cardiomegaly"]


def judged(rule, text):
    return [rule(target)[0] for target in targets([text], NAMES)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Effusion.", "p"),
        ("No effusion or pneumothorax.", "aa"),
        ("No effusion but pneumothorax.", "ap"),  # an end of scope
        ("No change in effusion.", "p"),  # a pseudo-negation
        ("Effusion is unlikely.", "a"),
        ("Effusion of the left side and the right is unlikely.", "p"),  # farther than five words
        ("Possible effusion.", "p"),  # no doubt
        ("No effusion, edema is severe.", "aa"),  # no clauses
    ],
)
def test_negex(text, expected):
    assert "".join(judged(negex, text)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Effusion.", "p"),
        ("No effusion.", "a"),
        ("Cannot exclude effusion.", "u"),  # doubt about an exclusion comes before negation
        ("Effusion is not excluded.", "u"),
        ("No possible effusion.", "a"),  # and negation before doubt
        ("Possible effusion.", "u"),
        ("Effusion or edema.", "uu"),
        ("Effusion has resolved.", "a"),
        ("No effusion but edema.", "ap"),
    ],
)
def test_chexpert(text, expected):
    assert "".join(judged(chexpert, text)) == expected


def test_targets_name_what_is_looked_for_and_where():
    found = targets([None, "Heart size normal. Large effusion; mass."], NAMES)
    assert [(t.row, t.names, t.text[slice(*t.span)]) for t in found] == [
        (1, ("Pleural Effusion",), "effusion")
    ]
    assert isinstance(found[0], Target) and set(RULES.values()) == {negex, chexpert}


def test_the_strongest_judgement_of_a_report_counts():
    found = targets(["No effusion. Effusion.", None, "No effusion."], NAMES)
    answers = said(found, ["absent", "present", "absent"], 3, NAMES, ("present",))
    np.testing.assert_array_equal(answers["Pleural Effusion"], [True, False, False])
    assert not answers["Edema"].any()


def test_an_environment_without_the_library_is_named(tmp_path):
    with pytest.raises(UserError, match="pip install nowhere"):
        other_environment(sys.executable, "nowhere", [])
    with pytest.raises(UserError, match="cannot run negspacy"):
        other_environment(tmp_path / "python", "negspacy", [])
