import pytest

from cxrneighbors.reports.heading_names import all_headings, classify, published_headings
from cxrneighbors.reports.sections import parse_sections

PUBLISHED = sorted((heading, section) for heading, (section, _) in published_headings().items())
# MIMIC-CXR's parser opens the findings at any heading in capitals that holds one of these.
VIEWS = (
    "chest", "portable", "pa and lateral", "lateral and pa", "ap and lateral", "lateral and ap",
    "frontal and", "two views", "frontal view", "pa view", "ap view", "one view", "lateral view",
    "bone window", "frontal upright", "frontal semi-upright", "ribs", "pa and lat",
)  # fmt: skip


def test_the_published_list_is_whole():
    assert len(PUBLISHED) == 58 - 1  # 'preamble' is the text before all headings
    counts = {heading: count for heading, (_, count) in published_headings().items()}
    assert list(counts)[:4] == ["impression", "comparison", "indication", "findings"]
    assert (counts["chest, two views"], counts["recommendation(s)"], counts["reference exam"]) == (
        1735,
        1700,
        347,
    )


@pytest.mark.parametrize(("heading", "section"), PUBLISHED)
def test_every_published_heading_opens_its_section(heading, section):
    other = "TECHNIQUE" if section != "technique" else "HISTORY"
    for written in (heading, heading.upper(), heading.capitalize()):
        assert parse_sections(f"{written}: Text.") == {section: "Text."}
        assert parse_sections(f"{other}: Before.\n {written}:\n\n Text.\n")[section] == "Text."
        assert parse_sections(f"{other}: Before. {written}: Text.")[section] == "Text."


@pytest.mark.parametrize(("heading", "section"), PUBLISHED)
def test_every_published_heading_counts_without_a_colon(heading, section):
    text = f"FINDINGS: Before.\n\n{heading.upper()}\n\nText.\n"
    assert parse_sections(text)[section].endswith("Text.")
    assert parse_sections(f"Findings: Before.\n{heading.upper()} Small text.")[section].endswith(
        "Small text."
    )


@pytest.mark.parametrize("views", VIEWS)
def test_headings_that_name_the_views_open_the_findings(views):
    for written in (views.upper(), f"SINGLE {views.upper()} OF TODAY", f"{views} exam".capitalize(), views):
        assert parse_sections(f"HISTORY: Cough.\n\n{written}:\n\nLungs clear.")["findings"] == "Lungs clear."


@pytest.mark.parametrize(
    ("words", "opened"),
    [
        ("pa and lateral views of the chest", ("findings", "view")),
        ("CHEST RADIOGRAPH, 3 VIEWS", ("findings", "view")),
        ("LEFT LUNG FINDINGS", ("findings", "named")),
        ("HISTORY OF PRESENT ILLNESS", ("history", "named")),
        ("Reference Findings", ("findings", "named")),
        ("INDICATION/HISTORY", ("indication", "named")),
        ("Findings & Impression", ("impression", "named")),
        ("reason for chest x-ray", ("indication", "named")),
        ("Prior chest radiograph", ("comparison", "named")),
        ("Lines and tubes", ("findings", "part")),
        ("ORDERED BY", ("", "unknown")),
        ("chest pain", None),
        ("prior pneumonia", None),
        ("the impression of a mass", None),
        ("x" * 200, None),
    ],
)
def test_classify(words, opened):
    assert classify(words) == opened


def test_all_headings_begin_with_the_published():
    assert list(all_headings())[:2] == ["impression", "comparison"] and "dictated by" in all_headings()
