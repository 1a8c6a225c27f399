from cxrneighbors.reports.sections import parse_sections
from cxrneighbors.testing.mimic_report import mask_identifying, mimic_report


def test_own_sections_are_kept():
    sections = {
        "comparison": "None.",
        "findings": "Clear lungs. " * 12,
        "impression": "1. Normal.\n2. Stable.",
    }
    text = mimic_report("ignored", sections, "CHEST (PA AND LAT)", "Cough.")
    lines = text.splitlines()
    assert lines[0].strip() == "FINAL REPORT" and lines[0].startswith("  ")
    assert all(len(line) <= 78 for line in lines)
    headings = [line.split(":")[0].strip() for line in lines if ":" in line]
    assert headings == [
        "EXAMINATION", "INDICATION", "COMPARISON", "FINDINGS", "IMPRESSION",
    ]  # fmt: skip
    parsed = parse_sections(text)
    assert parsed["findings"] == sections["findings"].strip()
    assert parsed["impression"] == sections["impression"]
    assert parsed["examination"] == "CHEST (PA AND LAT)" and parsed["indication"] == "Cough."


def test_a_note_without_headings():
    text = mimic_report("Fever. CT findings: nodules. History: smoker. Dense right base.", None, "CHEST", "?")
    parsed = parse_sections(text)
    assert parsed["impression"] == "Dense right base."
    assert parsed["findings"] == "Fever. CT findings, nodules. History, smoker."
    assert "history" not in parsed


def test_a_note_with_an_impression_alone():
    parsed = parse_sections(mimic_report("Fever. Opacities.\nImpression: Pneumonia.", None, "CHEST", "?"))
    assert parsed["findings"] == "Fever. Opacities." and parsed["impression"] == "Pneumonia."


def test_nothing_to_write():
    assert mimic_report(None, None, "CHEST", "?") is None
    assert mimic_report("  ", None, "CHEST", "?") is None


def test_identifying_words_go_and_measures_stay():
    masked = mask_identifying(
        "On 12/03/2020, 3rd May 2019, 2018; 58 yo, 61 years old; 12 mm nodule, day 10, T10."
    )
    assert masked == "On ___, ___, ___; ___ yo, ___ years old; 12 mm nodule, day 10, T10."
