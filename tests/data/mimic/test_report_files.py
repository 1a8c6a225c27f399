import zipfile

import pytest

from cxrneighbors.data.mimic.report_files import decode_report, find_reports, read_reports
from cxrneighbors.errors import UserError

NAME = "p10/p10000032/s50414267.txt"
TEXT = "FINAL REPORT\n FINDINGS:\n\n Clear.\n\n IMPRESSION:\n\n Normal.\n"


@pytest.mark.parametrize(
    ("content", "text", "broken"),
    [
        ("37 °C, naïve".encode(), "37 °C, naïve", False),
        ("37 °C".encode("latin-1"), "37 °C", True),
        (b"size \x93large\x94", "size “large”", True),
        ("é ü ß °".encode() + b"\xff", "é ü ß °\ufffd", True),
        (b"\xef\xbb\xbfClear\x00.", "Clear.", False),
    ],
)
def test_decoding(content, text, broken):
    assert decode_report(content) == (text, broken)


def lay(folder, text=TEXT):
    path = folder / NAME
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.mark.parametrize("below", ["mimic-cxr-reports/files", "mimic-cxr-reports", "files", "."])
def test_folders(tmp_path, below):
    lay(tmp_path / below)
    source = find_reports(None, [tmp_path / "none", tmp_path])
    assert source.names() == {NAME}
    report, missing = read_reports(source, [NAME, "p10/p10000032/s1.txt"])
    assert report.text == TEXT and report.sections == {"findings": "Clear.", "impression": "Normal."}
    assert missing.text is None and not missing.trouble


def test_archive_beats_folder_and_empty_reports_are_told(tmp_path):
    with zipfile.ZipFile(tmp_path / "mimic-cxr-reports.zip", "w") as archive:
        archive.writestr(f"files/{NAME}", TEXT)
        archive.writestr("files/p10/p10000032/s2.txt", " \n")
    lay(tmp_path / "files", "other")
    source = find_reports(None, [tmp_path])
    first, empty = read_reports(source, [NAME, "p10/p10000032/s2.txt"])
    assert first.text == TEXT
    assert empty.text is None and empty.trouble == "report is empty"
    assert find_reports(tmp_path / "mimic-cxr-reports.zip", []).names() == source.names()


def test_damaged_member(tmp_path):
    path = tmp_path / "mimic-cxr-reports.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"files/{NAME}", TEXT)
    data = bytearray(path.read_bytes())
    place = data.index(b"Clear.")
    data[place : place + 5] = b"CLEAR"
    path.write_bytes(bytes(data))
    (report,) = read_reports(find_reports(path, []), [NAME])
    assert report.text is None and "cannot be read" in report.trouble


def test_nothing_there(tmp_path):
    assert find_reports(None, [tmp_path]) is None
    with pytest.raises(UserError, match=r"no mimic-cxr-reports.zip"):
        find_reports(tmp_path, [])
    (tmp_path / "x.zip").write_text("no zip")
    with pytest.raises(UserError, match="zip archive"):
        find_reports(tmp_path / "x.zip", [])
