import pandas as pd
import pytest

from cxrneighbors.encoders.texts import report_texts
from cxrneighbors.reports.labeler.labels import label_report
from cxrneighbors.reports.sections import find_stretches, heading_spans, parse_sections, unplaced

PUBLISHED = """                                 FINAL REPORT
 EXAMINATION:  CHEST (PA AND LAT)

 INDICATION:  ___ year old woman with cough  // eval for
 pneumonia

 TECHNIQUE:  Chest PA and lateral

 COMPARISON:  ___

 FINDINGS:

 Lung volumes are low.
 No effusion.

 Bones are intact.

 IMPRESSION:

 1. No acute process.
 2. Low volumes.

 NOTIFICATION:  Told to Dr. ___.
"""


def test_report_with_all_headings():
    assert parse_sections(PUBLISHED) == {
        "examination": "CHEST (PA AND LAT)",
        "indication": "___ year old woman with cough // eval for pneumonia",
        "technique": "Chest PA and lateral",
        "comparison": "___",
        "findings": "Lung volumes are low. No effusion.\n\nBones are intact.",
        "impression": "1. No acute process.\n2. Low volumes.",
        "notification": "Told to Dr. ___.",
    }


@pytest.mark.parametrize(
    "text",
    [
        "FINDINGS: Clear.\nIMPRESSION: Normal.",
        "findings: Clear.\nimpression: Normal.",
        "Findings\nClear.\n\nConclusion\nNormal.",
        "FINDINGS Clear.\nIMPRESSION Normal.",
        "Findings - Clear.\nImpression - Normal.",
        "FINDINGS: Clear. IMPRESSION: Normal.",
        "**Findings:** Clear.\n**Impression:** Normal.",
        "FINAL REPORT FINDINGS: Clear. IMPRESSION Normal.",
        "Findings: Clear. Impression: Normal.",
        "FINAL REPORT\nFindings : Clear.\r\nImpressions:\r\nNormal.\r\n",
    ],
)
def test_spellings_of_headings(text):
    assert parse_sections(text) == {"findings": "Clear.", "impression": "Normal."}


@pytest.mark.parametrize(
    ("heading", "section"),
    [
        ("Reason for exam", "indication"),
        ("CLINICAL INFORMATION", "history"),
        ("Clinical History", "history"),
        ("COMPARISONS", "comparison"),
        ("Exam", "examination"),
        ("FINDINGS AND IMPRESSION", "impression"),
        ("FINDINGS/IMPRESSION", "impression"),
        ("RECOMMENDATION", "recommendations"),
    ],
)
def test_synonyms(heading, section):
    assert parse_sections(f"{heading}: Text.") == {section: "Text."}


def test_ordinary_sentences_open_no_section():
    text = (
        "FINDINGS: Clear.\nFindings are stable.\nHistory of asthma; the impression: none.\nStudy is limited."
    )
    assert list(parse_sections(text)) == ["findings"]
    assert parse_sections("FINDINGS ARE CONSISTENT WITH EDEMA.") == {}


def test_repeated_sections_are_joined_and_blank_ones_left_out():
    text = "IMPRESSION: One.\nCOMPARISON:\nIMPRESSION: Two."
    assert parse_sections(text) == {"impression": "One.\n\nTwo."}


def test_a_text_without_headings_has_no_sections():
    assert parse_sections("Chest film.\n\nLungs clear.\n\nNormal.") == {}
    assert parse_sections("  ") == {}


EXAMPLES = {
    "views after a comparison": (
        "COMPARISON: ___. PORTABLE CHEST: Moderate left pneumothorax is new.{n}IMPRESSION: New since ___.",
        "Moderate left pneumothorax is new.\n\nNew since ___.",
        {"Pneumothorax": "present"},
    ),
    "views on their own line": (
        "COMPARISON:  ___.\n\n PORTABLE CHEST:\n\n Moderate left pneumothorax\n is new.\n\n IMPRESSION: New.",
        "Moderate left pneumothorax is new.\n\nNew.",
        {"Pneumothorax": "present"},
    ),
    "views without a colon": (
        "COMPARISON: None.\n\nPORTABLE CHEST\n\nModerate left pneumothorax.\n\nIMPRESSION\n\nNew.",
        "Moderate left pneumothorax.\n\nNew.",
        {"Pneumothorax": "present"},
    ),
    "views in small letters": (
        "history: cough.{n}chest, portable ap: right lower lobe consolidation.{n}impression: new.",
        "right lower lobe consolidation.\n\nnew.",
        {"Consolidation": "present"},
    ),
    "views after a history": (
        "HISTORY: Prior edema.{n}CHEST, PORTABLE AP: Right lower lobe consolidation.{n}IMPRESSION: New.",
        "Right lower lobe consolidation.\n\nNew.",
        {"Consolidation": "present"},
    ),
    "a body, as above": (
        "HISTORY: Prior edema.{n}There is right lower lobe consolidation.{n}IMPRESSION: As above.",
        "There is right lower lobe consolidation.\n\nAs above.",
        {"Consolidation": "present"},
    ),
    "a body after the indication, as above": (
        "INDICATION: Edema?{n}There is a small left pleural effusion.{n}Impression: as described above.",
        "There is a small left pleural effusion.\n\nas described above.",
        {"Pleural Effusion": "present"},
    ),
    "a body after a comparison": (
        "COMPARISON: CT of ___.{n}There is a small left pleural effusion.{n}IMPRESSION: New.",
        "There is a small left pleural effusion.\n\nNew.",
        {"Pleural Effusion": "present"},
    ),
    "recommendations": (
        "FINDINGS: The lungs are clear.{n}IMPRESSION: None.{n}RECOMMENDATION(S): Treat tuberculosis.",
        "The lungs are clear.\n\nNone.",
        {},
    ),
    "a title": (
        "FINAL REPORT\n CHEST, TWO VIEWS:\n\n INDICATION: Edema.\n\n FINDINGS: Left pneumothorax.",
        "Left pneumothorax.",
        {"Pneumothorax": "present"},
    ),
}


@pytest.mark.parametrize("between", [" ", "\n", "\n\n", "\n \n "], ids=repr)
@pytest.mark.parametrize(("text", "described", "present"), EXAMPLES.values(), ids=EXAMPLES)
def test_what_describes_the_image_is_encoded_and_labelled(text, described, present, between):
    for report in {text.format(n=between), text.format(n=between).replace("\n", "\r\n")}:
        table = pd.DataFrame({"report": [report], "sections": [parse_sections(report)], "findings": [[]]})
        assert report_texts(table)[0] == described
        found = {each.finding: each.status for each in label_report(report)}
        assert found.keys().isdisjoint({"Edema", "Tuberculosis"})
        assert {name: found.get(name) for name in present} == present


def test_a_recommendation_alone_labels_nothing():
    assert label_report("RECOMMENDATION(S): Treat tuberculosis") == []


def test_parts_of_the_film_stay_with_their_text():
    text = "COMPARISON: None.\n LUNGS: Clear.\n HEART: Large.\n IMPRESSION: Cardiomegaly."
    assert parse_sections(text) == {
        "comparison": "None.",
        "findings": "LUNGS: Clear. HEART: Large.",
        "impression": "Cardiomegaly.",
    }


def test_a_heading_in_capitals_that_is_unknown_ends_the_history():
    text = "HISTORY: Cough.\n ORDERED BY: Dr. ___\n FINDINGS: Clear."
    assert parse_sections(text) == {"history": "Cough.", "findings": "Clear."}
    assert unplaced(text) == (len("ORDEREDBYDr"), len("CoughORDEREDBYDrClear"))


def test_stretches_cover_the_text_in_order():
    for text, *_ in EXAMPLES.values():
        stretches = find_stretches(text.format(n="\n"))
        ends = [0, *(each.end for each in stretches)]
        assert [each.start for each in stretches][1:] == ends[1:-1] and ends[-1] == len(text.format(n="\n"))
        assert all(each.start <= each.text_start <= each.end for each in stretches)


def test_spans_leave_out_what_says_nothing_of_the_image():
    text = "IMPRESSION: Normal.\nNOTIFICATION: Told.\nWET READ: Clear."
    assert [(name, text[a:b].strip()) for name, _, a, b in heading_spans(text)] == [
        ("impression", "Normal."), ("notification", ""), ("wet read", "Clear."),
    ]  # fmt: skip


def test_unplaced_counts_letters_and_digits():
    assert unplaced("FINAL REPORT\nFINDINGS: 1 cm.") == (0, 3)
    assert unplaced("Clear lungs.") == (10, 10)
    assert unplaced("") == (0, 0)


def test_text_before_the_first_heading_is_the_examination():
    assert parse_sections("CHEST, TWO VIEWS\n\nIMPRESSION: Normal.") == {
        "examination": "CHEST, TWO VIEWS",
        "impression": "Normal.",
    }


def test_real_reports_give_the_sections_their_xml_has(shared_data):
    from cxrneighbors.data.imports import read_studies

    table = read_studies("openi", shared_data / "openi")
    table = table[table["report"].notna()]
    same = [parse_sections(r) == s for r, s in zip(table["report"], table["sections"], strict=True)]
    assert sum(same) / len(same) > 0.995
    counts = [unplaced(report) for report in table["report"]]
    assert sum(count for count, _ in counts) < 0.01 * sum(total for _, total in counts)
