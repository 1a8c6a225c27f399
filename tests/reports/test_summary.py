import pytest

from cxrneighbors.data.imports import import_dataset
from cxrneighbors.encoders.encode import encode
from cxrneighbors.reports.sections import parse_sections
from cxrneighbors.reports.summary import count_sources, reports_line, unplaced_share

REPORTS = [
    "FINDINGS: Clear.\nIMPRESSION: Normal.",
    "HISTORY: Cough.\n\nLungs are clear.\n\nIMPRESSION: As above.",
    "IMPRESSION: Normal.",
    "Ten letters",
    None,
]
SOURCES = {"findings+impression": 1, "body+impression": 1, "impression": 1, "whole": 1}
LETTERS = sum(map(len, ["ClearNormal", "CoughLungsareclearAsabove", "Normal", "Tenletters"]))


def test_counts_and_share():
    sections = [parse_sections(report) if report else None for report in REPORTS]
    assert count_sources(REPORTS, sections) == SOURCES
    assert unplaced_share(REPORTS) == pytest.approx(10 / LETTERS)
    assert unplaced_share([None]) == 0
    assert "whole (1); 19.2 % of their text" in reports_line(REPORTS, sections)


def test_import_says_it_once_a_study_and_encode_keeps_it(tmp_path):
    rows = [f'i{n},p{n},s{n},"{report}"' for n, report in enumerate(REPORTS[:4])]
    rows += [rows[0].replace("i0", "i9")]  # a study of two images
    (tmp_path / "studies.csv").write_text("image_id,patient_id,study_id,report\n" + "\n".join(rows))
    result = import_dataset("folder", tmp_path)
    said = [note for note in result.notes if note.startswith("reports are read by: ")]
    assert len(said) == 1 and all(f"{name} ({count})" in said[0] for name, count in SOURCES.items())
    stored = encode(result.studies, report="tfidf", out=tmp_path / "emb").manifest
    assert stored["modalities"]["report"]["text_from"] == SOURCES | {"findings+impression": 2}
