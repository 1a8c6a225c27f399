"""MIMIC-CXR's report texts: from the published zip, its unpacked folder, or beside the DICOMs."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from cxrneighbors.data.mimic.layout import walk_files
from cxrneighbors.errors import UserError
from cxrneighbors.processes import usable_cpus
from cxrneighbors.progress import track
from cxrneighbors.reports.sections import parse_sections

ARCHIVE = "mimic-cxr-reports.zip"
_CHUNK = 500


@dataclass(frozen=True)
class Report:
    """`text` None: not there, or not readable for `trouble`. `sections`: None where the text has none."""

    text: str | None
    sections: dict[str, str] | None
    broken: bool = False
    trouble: str = ""


class ReportFolder:
    """Reports as files below `folder` ('p10/p10000032/s50414267.txt')."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def names(self) -> set[str]:
        """All reports that lie there, by path below the folder."""
        return set(walk_files(self.folder, [".txt"]))

    def read(self, name: str) -> bytes | None:
        """Bytes of a report; None when there is none."""
        try:
            return (self.folder / name).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None


class ReportArchive:
    """Reports as members of the published zip, which is not unpacked."""

    def __init__(self, path: Path) -> None:
        try:
            self._zip = zipfile.ZipFile(path)
        except (OSError, zipfile.BadZipFile) as error:
            raise UserError(f"{path}: cannot be read as a zip archive ({error}); get it again") from None
        self._member = {
            "/".join(name.split("/")[-3:]): name for name in self._zip.namelist() if name.endswith(".txt")
        }

    def names(self) -> set[str]:
        """All reports in the archive, by path below 'files'."""
        return set(self._member)

    def read(self, name: str) -> bytes | None:
        """Bytes of a report; None when there is none. May be called from several threads."""
        member = self._member.get(name)
        return None if member is None else self._zip.read(member)


def find_reports(given: Path | None, places: Sequence[Path]) -> ReportFolder | ReportArchive | None:
    """The reports at `given` (zip or folder), else the first found in `places`; None where there are none.

    A folder may hold the zip, the unpacked 'mimic-cxr-reports', or 'files' with the texts in the patients'
    folders. Raises `UserError` when `given` holds no report.
    """
    if given is not None and given.is_file():
        return ReportArchive(given)
    for place in places if given is None else [given]:
        if (place / ARCHIVE).is_file():
            return ReportArchive(place / ARCHIVE)
        below = place / "mimic-cxr-reports"
        for folder in (below / "files", below, place / "files", place):
            if _holds_reports(folder):
                return ReportFolder(folder)
    if given is not None:
        raise UserError(f"{given}: no {ARCHIVE} and no p10/p10.../s....txt there; give the reports' folder")
    return None


def read_reports(source: ReportFolder | ReportArchive, names: Sequence[str]) -> list[Report]:
    """The reports called `names`, in that order, read and split into sections by threads."""
    chunks = [names[start : start + _CHUNK] for start in range(0, len(names), _CHUNK)]
    with ThreadPoolExecutor(max(4, usable_cpus())) as pool:
        results = pool.map(lambda chunk: [read_report(source, name) for name in chunk], chunks)
        return [report for part in track(results, "reading reports", len(chunks)) for report in part]


def decode_report(content: bytes) -> tuple[str, bool]:
    """Text of a report, and whether its bytes were not valid UTF-8.

    Where characters of several bytes are mostly whole, the rest is damage (U+FFFD, which `clean_report`
    drops); otherwise the text was written as Latin-1 (read as Windows-1252, its superset).

    >>> decode_report("37 \\N{DEGREE SIGN}C".encode("latin-1"))
    ('37 °C', True)
    """
    try:
        return content.decode("utf-8-sig").replace("\x00", ""), False
    except UnicodeDecodeError:
        text = content.decode("utf-8-sig", errors="replace")
    damaged = text.count("\ufffd")
    whole = sum(char > "\x7f" for char in text) - damaged
    if whole <= damaged:
        text = content.decode("cp1252", errors="replace")
    return text.replace("\x00", ""), True


def read_report(source: ReportFolder | ReportArchive, name: str) -> Report:
    """The report called `name`, split into sections."""
    try:
        content = source.read(name)
    except (OSError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        return Report(None, None, trouble=f"report cannot be read ({type(error).__name__})")
    if content is None:
        return Report(None, None)
    text, broken = decode_report(content)
    if not text.strip():
        return Report(None, None, trouble="report is empty")
    return Report(text, parse_sections(text) or None, broken)


def _holds_reports(folder: Path) -> bool:
    """Whether the first patients' folders hold a text; a few hundred are enough to know the layout."""
    patients = islice(folder.glob("p[0-9][0-9]/p*"), 200)
    return any(True for patient in patients for _ in patient.glob("s*.txt"))
