import pandas as pd

from labeler import rival_blocks, sentence_blocks, sentences_right

CHECKS = pd.DataFrame(
    [
        ("development", "No edema.", "Edema", "absent"),
        ("development", "Small effusion.", "Edema", "none"),
        ("held-back", "Small effusion.", "Pleural Effusion", "present"),
        ("held-back", "Small effusion.", "Effusion", "absent"),
    ],
    columns=["part", "sentence", "finding", "status"],
)


def test_right_answers_are_counted_by_half_and_status():
    assert sentences_right(CHECKS) == {
        "development": {"absent": 1, "absent right": 1, "none": 1, "none right": 1},
        "held-back": {"present": 1, "present right": 1, "absent": 1, "absent right": 0},
    }


def test_tables_show_every_half_and_every_rival():
    full = {
        f"{status}{end}": 1 for status in ("present", "uncertain", "absent", "none") for end in ("", " right")
    }
    assert (
        "| development | 1/1 | 1/1 | 1/1 | 1/1 | 4/4 | 100.0% |" in sentence_blocks({"development": full})[1]
    )
    scores = {"precision": 0.5, "recall": 0.25, "f1": 1 / 3}
    halves = {"held-out half": scores, "development half": scores}
    policies = {"uncertain counts as present": halves, "uncertain counts as absent": halves}
    rows = rival_blocks({"NegEx": policies})[1]
    assert "| NegEx | 0.500 | 0.250 | 0.333 | 0.333 | 0.333 | 0.333 |" in rows
