"""Open-i, the Indiana University collection (Demner-Fushman et al., 2016): reports as XML with MeSH codes."""

from __future__ import annotations

import re
import tarfile
import tomllib
import zlib
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pandas as pd

from cxrneighbors.data.image_files import find_images
from cxrneighbors.data.imports import ImportResult, require_root
from cxrneighbors.data.schema import NO_FINDING, SECTIONS
from cxrneighbors.data.skipped import Skipped
from cxrneighbors.data.splits import patient_split
from cxrneighbors.errors import UserError
from cxrneighbors.progress import track

_ARCHIVES = (".tgz", ".tar.gz", ".tar")


def read(root: Path, seed: int = 0) -> ImportResult:
    """Read the report XMLs from folder `root`, or from the published `NLMCXR_reports.tgz` (in it or itself).

    The archive is streamed, nothing is unpacked. A report whose images (`parentImage`) lie as PNG or JPEG
    anywhere below the folder gives one row per image found, `image_id` the image's id; otherwise it gives
    one row with `path` None and `image_id` the report's id ('CXR1'). There are no patient ids: a report is a
    patient. Views are UNKNOWN: captions name the study's views, not the image's.

    The report is its `AbstractText` parts with their headings, `sections` the same by name. Findings are the
    hand-assigned major MeSH codes, named by `openi_findings.toml` (see `mesh_findings`).

    A file that is no XML report, or a repeated report id, is skipped. Raises `UserError` when `root` is
    missing or holds no report.
    """
    root = require_root(root, "Open-i")
    skipped = Skipped()
    rows: list[dict[str, Any]] = []
    reports: dict[str, dict[str, Any]] = {}
    for name, content in track(_xml_files(root, skipped), "reading reports"):
        try:
            report = _parse(content)
        except (ElementTree.ParseError, LookupError, ValueError) as error:  # Lookup: an unknown encoding
            skipped.add(name, f"no readable report ({error})")
            continue
        if report["id"] in reports:
            skipped.add(name, f"duplicate report (id {report['id']})")
            continue
        reports[report["id"]] = report
    images = _images(root)
    for report in sorted(reports.values(), key=lambda report: _natural(report["id"])):
        rows += _rows(report, images, skipped)
    if not rows and not len(skipped):
        raise UserError(
            f"{root}: no report XML and no reports archive (.tgz) in it; give the folder or the archive"
        )
    studies = pd.DataFrame(rows)
    if len(studies):
        studies["split"] = patient_split(studies["patient_id"], seed=seed)
    return ImportResult(studies, skipped=skipped)


def mesh_findings(codes: list[str]) -> list[str]:
    """Findings that major MeSH codes such as 'Pulmonary Atelectasis/base/left' name, in order, each once.

    The term before the first '/' is the finding, under its ChestX-ray14 name where there is one; a term
    that is a place ('Lung/hypoinflation') needs its first describing qualifier; 'normal' is 'No Finding'
    and stands alone; 'No Indexing' and remarks on the image's quality are no label.

    >>> mesh_findings(["Pleural Effusion/right/small", "Lung/left/hypoinflation"]), mesh_findings(["normal"])
    (['Effusion', 'Lung/hypoinflation'], ['No Finding'])
    """
    found = list(dict.fromkeys(name for code in codes for name in _mesh_finding(code)))
    return [name for name in found if name != NO_FINDING] or found


def _mesh_finding(code: str) -> list[str]:
    rules = _rules()
    term, *qualifiers = [part.strip() for part in code.split("/")]
    term = " ".join(word[:1].upper() + word[1:] for word in term.split())  # one spelling of each term
    names = {key.lower(): value for key, value in rules["names"].items()}
    if not term or term.lower() in rules["no_label"]:
        return []
    if term.lower() == "normal":
        return [NO_FINDING]
    for key in (f"{term}/{qualifiers[0]}" if qualifiers else "", term):
        if key.lower() in names:
            return list(names[key.lower()])
    if term.lower() in rules["places"]:
        where = {*rules["places"], *rules["whereabouts"], *rules["degrees"]}
        described = [qualifier for qualifier in qualifiers if qualifier.lower() not in where]
        return [f"{term}/{(described or qualifiers)[0]}"] if qualifiers else [term]
    return [term]


@cache
def _rules() -> dict[str, Any]:
    path = files("cxrneighbors.data.readers").joinpath("openi_findings.toml")
    return tomllib.loads(path.read_text(encoding="utf-8"))


def _xml_files(root: Path, skipped: Skipped) -> Iterator[tuple[str, bytes]]:
    if root.is_file():
        yield from _from_archive(root, skipped)
        return
    loose = sorted(root.rglob("*.xml"))
    for path in loose:
        yield path.name, path.read_bytes()
    if not loose:
        for path in sorted(path for path in root.iterdir() if path.name.endswith(_ARCHIVES)):
            yield from _from_archive(path, skipped)


def _from_archive(path: Path, skipped: Skipped) -> Iterator[tuple[str, bytes]]:
    """The XML members of a tar archive, streamed; a damaged archive gives what comes before the damage."""
    count = 0
    try:
        with tarfile.open(path, mode="r|*") as archive:
            for member in archive:
                stream = archive.extractfile(member) if member.name.endswith(".xml") else None
                if stream is not None:
                    count += 1
                    yield Path(member.name).name, stream.read()
            # tarfile takes a cut between two members for the end, which is a block of zeros.
            if archive.fileobj is not None and archive.fileobj.tell() < archive.offset + tarfile.BLOCKSIZE:
                raise tarfile.ReadError("its end is missing")
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        if not count:
            raise UserError(f"{path}: cannot be read as a tar archive ({error}); get it again") from None
        skipped.add(path.name, f"the archive is damaged after {count} reports ({error})")


def _parse(content: bytes) -> dict[str, Any]:
    tree = ElementTree.fromstring(content)
    uid = tree.find("uId")
    report_id = "" if uid is None else uid.get("id", "")
    if not report_id:
        raise ValueError("no uId")
    parts = [
        (part.get("Label") or "", " ".join("".join(part.itertext()).split()))
        for part in tree.iter("AbstractText")
    ]
    parts = [(label, text) for label, text in parts if text]
    sections = {label.lower(): text for label, text in parts if label.lower() in SECTIONS}
    return {
        "id": report_id,
        "report": "\n\n".join(f"{label}: {text}" if label else text for label, text in parts) or None,
        "sections": sections or None,
        "findings": mesh_findings([(code.text or "").strip() for code in tree.findall("MeSH/major")]),
        "images": [image.get("id", "") for image in tree.findall("parentImage")],
    }


def _images(root: Path) -> dict[str, tuple[str, int]]:
    """Image id (file name without suffix) -> (path, bytes)."""
    folder = root.parent if root.is_file() else root
    return {Path(name).stem: found for name, found in find_images(folder).items()}


def _rows(
    report: dict[str, Any], images: dict[str, tuple[str, int]], skipped: Skipped
) -> list[dict[str, Any]]:
    shared = {
        "patient_id": report["id"],
        "study_id": report["id"],
        "findings": report["findings"],
        "report": report["report"],
        "sections": report["sections"],
        "dataset": "openi",
    }
    rows = []
    for image in dict.fromkeys(report["images"]):
        if image in images and not images[image][1]:
            skipped.add(image, "image file is empty (0 bytes)")
        elif image in images:
            rows.append({"image_id": image, "path": images[image][0], **shared})
    return rows or [{"image_id": report["id"], "path": None, **shared}]


def _natural(text: str) -> list[tuple[int, str]]:
    """Sort key that puts CXR2 before CXR10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", text)]
