import shutil

import pytest

from cxrneighbors.errors import UserError
from cxrneighbors.reports.labeler.queries import finding_status
from cxrneighbors.reports.labeler.rules import RULES_FOLDER, load_rules
from cxrneighbors.reports.labeler.vocabulary import NO_FINDING

CHEXPERT = (
    NO_FINDING, "Enlarged Cardiomediastinum", "Cardiomegaly", "Lung Opacity", "Lung Lesion", "Edema",
    "Consolidation", "Pneumonia", "Atelectasis", "Pneumothorax", "Pleural Effusion", "Pleural Other",
    "Fracture", "Support Devices",
)  # fmt: skip
CHESTXRAY14 = (
    "Atelectasis", "Cardiomegaly", "Effusion", "Infiltration", "Mass", "Nodule", "Pneumonia", "Pneumothorax",
    "Consolidation", "Edema", "Emphysema", "Fibrosis", "Pleural_Thickening", "Hernia",
)  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    shutil.copytree(RULES_FOLDER, tmp_path / "rules")
    return tmp_path / "rules"


def append(path, text):
    path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")


def test_both_label_sets_are_covered():
    names = {NO_FINDING, *load_rules().names()}
    assert len(CHEXPERT) == len(CHESTXRAY14) == 14
    assert set(CHEXPERT) | set(CHESTXRAY14) <= names


def test_devices_are_their_own_group():
    devices = load_rules().names("devices")
    assert {"Chest Tube", "Pigtail Catheter", "Pacemaker", "Surgical Clips", "Endotracheal Tube"} <= set(
        devices
    )
    assert not set(devices) & set(CHESTXRAY14)


def test_an_own_rule_is_used(folder):
    append(folder / "findings.toml", '\n[[finding]]\nnames = ["Snow"]\npresent = ["snowflakes"]\n')
    assert finding_status("No snowflake.", "Snow", load_rules(folder)) == "absent"
    with pytest.raises(UserError, match="unknown finding 'Snow'"):
        finding_status("No snowflake.", "Snow")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("findings.toml", "\n[[finding]\n", "cannot be read as TOML"),
        ("findings.toml", '\n[[finding]]\nnames = ["A"]\nmaybe = ["b"]\n', "keys must be"),
        ("findings.toml", '\n[[finding]]\npresent = ["b"]\n', "keys must be"),
        ("devices.toml", '\n[[finding]]\nnames = ["A"]\npresent = ["... b"]\n', "correct the rule file"),
    ],
)
def test_broken_rules_are_named(folder, name, text, message):
    append(folder / name, text)
    with pytest.raises(UserError, match=message):
        load_rules(folder)


@pytest.mark.parametrize(
    ("old", "new"), [('kind = "negation"', 'kind = "no"'), ('acts_on = "both"', 'acts_on = "all"')]
)
def test_unknown_kinds_and_sides_are_refused(folder, old, new):
    path = folder / "triggers.toml"
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    with pytest.raises(UserError, match="unknown"):
        load_rules(folder)


def test_a_missing_rule_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"findings\.toml: no such rule file"):
        load_rules(tmp_path)


@pytest.mark.parametrize("text", ["", "finding = 3", "[[finding]]\nnames = 5"])
def test_rule_files_of_another_shape_are_refused(folder, text):
    (folder / "findings.toml").write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match="copy the package's own and change them"):
        load_rules(folder)
