import pytest

from cxrneighbors.reports.cleaning import clean_report, unwrap


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("Comparison to ___.", "Comparison to."),
        ("Chest radiograph on XXXX.", "Chest radiograph on."),
        ("XXXX-year-old with xxxx", "-year-old with"),
        ("Clear lung XXXX bilaterally.", "Clear lung bilaterally."),
        ("fever (39\ufffdC)", "fever (39 C)"),
        ("seen ( ___ ) there", "seen there"),
        ("a  b\t c\u00a0d\r\ne", "a b c d e"),
        ("reducing in size.. No effusion..", "reducing in size. No effusion."),
        ("1.5 cm, 2:1 ratio", "1.5 cm, 2:1 ratio"),
        ("Dr. ___, called", "Dr. called"),
        ("one\n\n\ntwo\nlines", "one\n\ntwo lines"),
        ("XXXX.\n\n___", ""),
        ("", ""),
        ("DEXXXXIN stays", "DEXXXXIN stays"),
        ("a_b stays", "a_b stays"),
    ],
)
def test_holes_and_white_space(raw, clean):
    assert clean_report(raw) == clean
    assert clean_report(clean) == clean


def test_unwrap_keeps_paragraphs_and_list_items():
    text = "The lungs\nare clear.\n \n1. No\n effusion\n2) Normal\n- heart\n10 mm nodule"
    assert unwrap(text) == "The lungs are clear.\n\n1. No effusion\n2) Normal\n- heart 10 mm nodule"
