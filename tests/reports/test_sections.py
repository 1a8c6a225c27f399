import pytest

from cxrneighbors.reports.sections import parse_sections

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
        ("CLINICAL INFORMATION", "indication"),
        ("Clinical History", "history"),
        ("COMPARISONS", "comparison"),
        ("Exam", "examination"),
        ("FINDINGS AND IMPRESSION", "findings"),
        ("FINDINGS/IMPRESSION", "findings"),
        ("RECOMMENDATION", "impression"),
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


def test_paragraphs_without_headings():
    assert parse_sections("Chest film.\n\nLungs clear.\n\nNormal.") == {
        "findings": "Chest film.\n\nLungs clear.",
        "impression": "Normal.",
    }
    assert parse_sections("FINAL REPORT\n\nLungs clear.\nNormal.") == {}
    assert parse_sections("  ") == {}


def test_paragraphs_after_the_last_other_heading():
    text = "INDICATION: Cough.\n\nCOMPARISON: None.\n\nLungs\nclear.\n\nNo acute process."
    assert parse_sections(text) == {
        "indication": "Cough.",
        "comparison": "None.",
        "findings": "Lungs clear.",
        "impression": "No acute process.",
    }


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
    assert sum(same) / len(same) > 0.99
