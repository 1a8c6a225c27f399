from pathlib import Path

import pandas as pd
import pytest

from cxrneighbors.data.mimic.labels import label_names, label_table
from cxrneighbors.errors import UserError

CSV = Path("chexpert.csv")


def table(**columns):
    count = len(next(iter(columns.values())))
    frame = {"study_id": [str(number) for number in range(count)], **columns}
    return pd.DataFrame(frame, dtype=object)


HEALTHY = ["No Finding", "Support Devices"]
MIXED = {
    #                    effusion  only -1   only 0   blank  healthy with device   -1 and 1
    "Pleural Effusion": ["1.0", "-1.0", "0.0", "", "", "1"],
    "Edema": ["0.0", "", "0.0", "", "", "-1.0"],
    "No Finding": ["", "", "", "", "1.0", ""],
    "Support Devices": ["", "", "", "", "1.0", ""],
}


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("ignore", [["Effusion"], [], [], [], HEALTHY, ["Effusion"]]),
        ("positive", [["Effusion"], ["Effusion"], [], [], HEALTHY, ["Effusion", "Edema"]]),
        ("negative", [["Effusion"], ["No Finding"], ["No Finding"], [], HEALTHY, ["Effusion"]]),
    ],
)  # fmt: skip
def test_policies(policy, expected):
    labels = label_table(table(**MIXED), CSV, policy, [])
    found = [sorted(names) for names in labels["findings"]]
    assert found == [sorted(names) for names in expected]
    assert labels["uncertain_findings"].tolist() == ["", "Effusion", "", "", "", "Edema"]


def test_names_are_the_packages():
    names = label_names()["names"]
    assert len(names) == 14 and names["Pleural Effusion"] == "Effusion"
    assert all(
        names[kept] == kept for kept in ("Lung Opacity", "Support Devices", "Fracture", "Pleural Other")
    )


def test_odd_cells_are_noted_and_repeated_studies_counted_once():
    frame = pd.DataFrame({"study_id": ["1", "1", "2"], "Edema": ["1.0", "0.0", "yes"]}, dtype=object)
    notes = []
    labels = label_table(frame, CSV, "ignore", notes)
    assert labels["findings"].tolist() == [["Edema"], []]
    assert "'yes'" in notes[0] and "1 labels" in notes[0]


def test_table_without_observations():
    with pytest.raises(UserError, match="none of the 14"):
        label_table(table(other=["1"]), CSV, "ignore", [])


def test_unknown_policy():
    with pytest.raises(UserError, match="policy"):
        label_table(table(Edema=["1"]), CSV, "maybe", [])
