import pandas as pd
import pytest

from cxrneighbors.data.mimic.layout import find_sources
from cxrneighbors.data.mimic.options import Options
from cxrneighbors.data.mimic.study_reports import add_reports
from cxrneighbors.data.skipped import Skipped


@pytest.fixture
def add(mimic):
    """Adds reports to three images of two studies; (table, skipped, notes)."""

    def run(**options):
        studies = pd.DataFrame(
            {
                "patient_id": ["10000001", "10000001", "11000002"],
                "study_id": ["50000001", "50000001", "50000002"],
            },
            index=[4, 7, 9],
        )
        skipped, notes = Skipped(), []
        sources = find_sources(mimic / "mimic-cxr-jpg", "mimic-cxr-jpg", None, None)
        known = {"50000001", "50000002", "50000003"}
        add_reports(studies, known, sources, Options(**options), skipped, notes)
        return studies, skipped.to_frame()[["item", "reason"]].values.tolist(), notes

    return run


def test_each_image_has_its_studys_report(add):
    studies, skipped, notes = add()
    assert studies["report"].tolist() == ["IMPRESSION: Effusion."] * 2 + [None]
    assert studies["sections"].tolist() == [{"impression": "Effusion."}] * 2 + [None]
    assert skipped == [] and notes == ["1 of 2 studies have no report (50000002)"]


def test_what_does_not_fit_is_listed_or_counted(mimic, add):
    folder = mimic / "mimic-cxr/files"
    (folder / "p11/p11000002").mkdir(parents=True)
    (folder / "p11/p11000002/s50000002.txt").write_bytes(b"")
    (folder / "p11/p11000002/s50000003.txt").write_text("of a study whose images are not here")
    (folder / "p11/p11000002/s50000008.txt").write_text("of no known study")
    (folder / "p10/p10000001/s50000001.txt").write_bytes("37 °C".encode("latin-1"))
    studies, skipped, notes = add()
    assert studies["report"].tolist() == ["37 °C", "37 °C", None]
    assert skipped == [
        ["s50000002.txt", "report is empty: study 50000002 has none"],
        ["s50000008.txt", "report without a study in the lists"],
    ]
    assert notes[1:] == [
        "1 reports are not valid UTF-8 and were read as Latin-1 or with gaps",
        "1 reports belong to studies without images here and were not read",
    ]
    assert len(add(check_files=False)[1]) == 1  # no folder is looked at for strays


def test_no_reports_anywhere(mimic, add):
    (mimic / "mimic-cxr").rename(mimic / "away")
    studies, _, notes = add()
    assert studies["report"].tolist() == studies["sections"].tolist() == [None] * 3
    assert "no reports found" in notes[0]
    assert add(reports=mimic / "away/files")[0]["report"].notna().sum() == 2
