import time

import pytest

from cxrneighbors.reports.labeler.labels import label_report
from cxrneighbors.reports.labeler.mentions import find_mentions

REPORT = """                                 FINAL REPORT
 EXAMINATION:  CHEST (PORTABLE AP)

 INDICATION:  ___ year old man with pneumothorax, evaluate chest tube

 COMPARISON:  Prior study with pulmonary edema

 FINDINGS:

 Right chest tube in place.  The right apical
 pneumothorax has resolved.  Possible small left effusion.

 IMPRESSION:

 1. Moderate cardiomegaly, unchanged.
 2. No edema.
"""


def statuses(text):
    return {label.finding: label.status for label in label_report(text)}


def test_only_the_parts_that_describe_the_image_are_read():
    assert statuses(REPORT) == {
        "No Finding": "absent", "Cardiomegaly": "present", "Edema": "absent", "Pneumothorax": "absent",
        "Pleural Effusion": "uncertain", "Effusion": "uncertain", "Chest Tube": "present",
        "Support Devices": "present",
    }  # fmt: skip


def test_evidence_is_the_sentence_at_its_place_in_the_report_as_given():
    labels = {label.finding: label for label in label_report(REPORT)}
    for label in labels.values():
        assert REPORT[label.start : label.end] == label.evidence
    assert labels["Pneumothorax"].evidence == "The right apical\n pneumothorax has resolved."
    assert labels["No Finding"].evidence == labels["Effusion"].evidence.replace(
        "Possible small left effusion.", "Moderate cardiomegaly, unchanged."
    )
    mention = next(m for m in find_mentions(REPORT) if "Pneumothorax" in m.names)
    assert REPORT[mention.word_start : mention.word_end] == "pneumothorax"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("No effusion. Small effusion.", "present"),
        ("No effusion. Possible effusion.", "uncertain"),
        ("Possible effusion. Small effusion. No effusion.", "present"),
        ("No effusion. No effusion.", "absent"),
    ],
)
def test_the_strongest_mention_counts(text, expected):
    assert statuses(text)["Effusion"] == statuses(text)["Pleural Effusion"] == expected


def test_the_first_of_the_strongest_mentions_is_the_evidence():
    label = next(x for x in label_report("No mass. A mass. Large mass.") if x.finding == "Mass")
    assert (label.start, label.end, label.evidence) == (9, 16, "A mass.")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("No acute cardiopulmonary disease.", ("present", "No acute cardiopulmonary disease.")),
        ("No effusion.", ("present", "")),
        ("Lungs are clear. Pacemaker in place.", ("present", "Lungs are clear.")),
        ("Normal chest. Possible nodule.", ("uncertain", "Possible nodule.")),
        ("Normal chest. Possible nodule. Scoliosis.", ("absent", "Scoliosis.")),
    ],
)
def test_no_finding(text, expected):
    label = label_report(text)[0]
    assert (label.finding, label.status, label.evidence) == ("No Finding", *expected)


@pytest.mark.parametrize("text", ["", "   ", "Thank you for this referral.", "INDICATION: Pneumonia?"])
def test_a_report_that_states_nothing_has_no_labels(text):
    assert label_report(text) == []


def test_neighbouring_label_sets_share_a_mention():
    found = statuses("Calcified nodule with pleural thickening.")
    assert found["Nodule"] == found["Lung Lesion"] == "present"
    assert found["Pleural_Thickening"] == found["Pleural Other"] == "present"


def test_paragraphs_after_a_headed_one_are_read():
    assert statuses("HISTORY: Pneumonia.\n\nThe heart is enlarged.") == {
        "No Finding": "absent",
        "Cardiomegaly": "present",
    }


def test_a_text_without_full_stops_takes_time_by_its_length_alone():
    text = "no effusion, " * 4000 + ". Large mass."
    started = time.process_time()
    labels = {label.finding: label for label in label_report(text)}
    assert time.process_time() - started < 5  # minutes, where all of it is judged as one sentence
    assert labels["Pleural Effusion"].status == "absent" and labels["Lung Lesion"].status == "present"
    assert all(text[label.start : label.end] == label.evidence for label in labels.values())
