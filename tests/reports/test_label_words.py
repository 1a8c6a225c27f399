import pytest

from cxrneighbors.data.schema import NO_FINDING
from cxrneighbors.reports.label_words import _vocabulary, mask_label_words, words_of

CHESTXRAY14 = [
    "Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Effusion", "Emphysema",
    "Fibrosis", "Hernia", "Infiltration", "Mass", "Nodule", "Pleural_Thickening", "Pneumonia", "Pneumothorax",
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "findings", "masked"),
    [
        ("COVID-19 and covid19, Covid 19.", ["COVID-19"], "___ and ___, ___."),
        ("2019-nCoV, SARS-CoV-2, coronavirus disease", ["COVID-19"], "___, ___, ___ disease"),
        ("Small pleural effusions; pleural fluid", ["Effusion"], "Small pleural ___; ___"),
        ("EFFUSION", ["Effusion"], "___"),
        ("The heart is\nenlarged. Cardiomegaly.", ["Cardiomegaly"], "The ___. ___."),
        ("Enlarged cardiac  silhouette", ["Cardiomegaly"], "___"),
        ("Atelectatic changes, atelectases", ["Atelectasis"], "___ changes, ___"),
        ("mass, massive, masses", ["Mass"], "___, massive, ___"),
        ("pleural thickening, thickening", ["Pleural_Thickening"], "___, thickening"),
        ("bronchopneumonia", ["Pneumonia"], "___"),
        ("no pneumothorax", ["Effusion"], "no pneumothorax"),
        ("effusion and edema", ["Effusion", "Edema"], "___ and ___"),
        ("flu, influx", ["Influenza"], "___, influx"),
        ("Normal heart. No acute disease.", [NO_FINDING], "___ heart. ___."),
        ("nothing named", [], "nothing named"),
        ("", ["Mass"], ""),
    ],
)
def test_masking(text, findings, masked):
    assert mask_label_words(text, findings) == masked


def test_longest_phrase_first():
    assert mask_label_words("acute respiratory distress syndrome", ["ARDS"]) == "___"


def test_unknown_findings_are_masked_by_their_own_words():
    masked = mask_label_words("A broken rib, 2 Ribs; old cyst. Lung", ["Ribs/cysts of the lung"])
    assert masked == "A broken ___, 2 ___; old ___. Lung"
    assert mask_label_words("weird (x+y) thing", ["(x+y)"]) == "weird ___ thing"


@pytest.mark.parametrize("finding", [*CHESTXRAY14, NO_FINDING, "COVID-19", "SARS", "ARDS", "Pneumocystis"])
def test_every_common_finding_has_an_entry_that_masks_its_own_name(finding):
    assert words_of(finding) in _vocabulary().values()
    assert mask_label_words(finding.replace("_", " "), [finding]).replace("___", "").strip() == ""


def test_names_are_found_in_any_spelling():
    assert words_of("pleural thickening") == words_of("Pleural_Thickening")
    assert words_of("Pleural Effusion") == words_of("Effusion")


def test_every_real_finding_masks_its_own_name(shared_data):
    from cxrneighbors.data.imports import read_studies

    for dataset in ("covid-chestxray", "chestxray14"):
        folder = {"chestxray14": "chestxray14-256"}.get(dataset, dataset)
        findings = {
            name for names in read_studies(dataset, shared_data / folder)["findings"] for name in names
        }
        for finding in findings:
            assert mask_label_words(finding.replace("_", " "), [finding]).strip("_ ") == "", finding
