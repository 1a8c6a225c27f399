"""Contradicting labels and torn patients, on tables whose answer is written beside them."""

from __future__ import annotations

import pandas as pd

from cxrneighbors.audit.labels import BESIDE, COPIES, DISJOINT, contradictions, torn_patients
from cxrneighbors.data.schema import validate_studies

ROWS = [  # image, patient, study, findings, split, problem
    ("a", "1", "s", ["No Finding", "Mass"], "train", BESIDE),
    ("b", "2", "t", ["Mass"], "train", DISJOINT),
    ("c", "2", "t", ["Edema"], "train", DISJOINT),
    ("d", "2", "t", [], "train", ""),
    ("e", "3", "u", ["Mass", "Edema"], "train", ""),
    ("f", "3", "u", ["Edema"], "test", ""),
    ("g", "4", "u", ["No Finding"], "val", ""),  # another patient's study of the same name
    ("h", "5", "v", ["Mass"], "train", DISJOINT),
    ("i", "5", "v", ["Mass", "Edema"], "train", DISJOINT),
    ("j", "5", "v", ["No Finding"], "test", DISJOINT),
    ("k", "6", "w", ["No Finding"], "test", ""),
    ("l", "6", "x", ["Mass"], "train", ""),
]


def table() -> pd.DataFrame:
    columns = ["image_id", "patient_id", "study_id", "findings", "split", "problem"]
    return validate_studies(pd.DataFrame(ROWS, columns=columns))


def test_contradictions_are_those_written_beside() -> None:
    found = contradictions(table())
    assert dict(zip(found["image_id"], found["problem"], strict=True)) == {
        image: problem for image, _, _, _, _, problem in ROWS if problem
    }
    assert found.loc[found["image_id"] == "i", "findings"].item() == "Mass|Edema"


def test_copies_of_one_picture() -> None:
    copies = pd.DataFrame({"image_id": ["a", "e", "g", "k", "d"], "group": [1, 1, 2, 2, 2]})
    found = contradictions(table(), copies)
    assert not (found["problem"] == COPIES).any()  # a and e share Mass, g and k are normal, d not labelled
    copies = pd.DataFrame({"image_id": ["k", "l", "d"], "group": [1, 1, 1]})
    found = contradictions(table(), copies)
    assert found.loc[found["problem"] == COPIES, "image_id"].tolist() == ["k", "l"]


def test_torn_patients() -> None:
    found = torn_patients(table()).set_index("patient_id")
    assert found["splits"].to_dict() == {"3": "test|train", "5": "test|train", "6": "test|train"}
    assert found["images"].to_dict() == {"3": 2, "5": 3, "6": 2}
    by_data_set = table().assign(dataset=[row[4] for row in ROWS])  # a patient is one of a data set
    assert not len(torn_patients(by_data_set))


def test_nothing_to_find() -> None:
    quiet = table().iloc[4:5]
    assert not len(contradictions(quiet)) and not len(torn_patients(quiet))
