import pytest

from cxrneighbors.reports.sentences import split_sentences


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("Lungs are clear. Heart is normal.", ["Lungs are clear.", "Heart is normal."]),
        ("lungs are clear. heart is normal", ["lungs are clear.", "heart is normal"]),
        ("Nodule of 1.5 cm. Stable.", ["Nodule of 1.5 cm.", "Stable."]),
        ("Measures 2 cm. The rest is clear.", ["Measures 2 cm.", "The rest is clear."]),
        ("Discussed with Dr. Smith at 3 p.m. by phone.", ["Discussed with Dr. Smith at 3 p.m. by phone."]),
        ("Atelectasis vs. pneumonia.", ["Atelectasis vs. pneumonia."]),
        ("Devices, e.g. a pacemaker, i.e. wires.", ["Devices, e.g. a pacemaker, i.e. wires."]),
        ("Hepatitis C. The heart is large.", ["Hepatitis C.", "The heart is large."]),
        ("Dr. J. Smith was told.", ["Dr. J. Smith was told."]),
        ("Effusion? No. The heart is fine.", ["Effusion?", "No.", "The heart is fine."]),
        ("Rib No. 3 is broken.", ["Rib No. 3 is broken."]),
        ("1. No effusion. 2. Heart is large. 3. Clips.", ["No effusion.", "Heart is large.", "Clips."]),
        ("1. No effusion\n2. Heart is\nlarge", ["No effusion", "Heart is large"]),
        ("- one\n* two", ["one", "two"]),
        ("Grade 2. The heart.", ["Grade 2.", "The heart."]),
        ("In segment 2. 3 nodules.", ["In segment 2.", "3 nodules."]),
        ("reducing in size.. No effusion..", ["reducing in size..", "No effusion.."]),
        ('He said "clear." Then left (early.) Done!', ['He said "clear."', "Then left (early.)", "Done!"]),
        ("No heading\n\nNew paragraph", ["No heading", "New paragraph"]),
        ("The lungs\nare clear.", ["The lungs are clear."]),
        ("Compared to ___. ___ is stable.", ["Compared to ___.", "___ is stable."]),
        ("", []),
        (" .\n\n--- ", []),
    ],
)
def test_sentences(text, sentences):
    assert split_sentences(text) == sentences


def test_no_word_is_lost_in_real_reports(shared_data):
    from cxrneighbors.data.imports import read_studies

    reports = read_studies("openi", shared_data / "openi")["report"].dropna().tolist()[:300]
    for report in reports:
        words = [word for word in report.split() if any(char.isalpha() for char in word)]
        found = [w for s in split_sentences(report) for w in s.split() if any(char.isalpha() for char in w)]
        assert found == words
