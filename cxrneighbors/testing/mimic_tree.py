"""A tree of MIMIC-CXR's exact shape from any study table: for tests and examples (MIMIC is credentialed)."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cxrneighbors.data.mimic.layout import image_file, report_file
from cxrneighbors.data.pixels import read_pixels
from cxrneighbors.data.skipped import Skipped
from cxrneighbors.errors import UserError, choose
from cxrneighbors.files import write_bytes_atomic, write_text_atomic
from cxrneighbors.progress import track
from cxrneighbors.testing.dicom_file import (
    SYNTAXES,
    Encoding,
    all_encodings,
    available_syntaxes,
    write_dicom,
)
from cxrneighbors.testing.mimic_ids import shape_rows, unique_texts
from cxrneighbors.testing.mimic_report import mimic_report
from cxrneighbors.testing.mimic_tables import write_jpg_tables, write_lists, write_patients

FORMS = ("dicom", "jpg", "both")
REPORT_PLACES = ("zip", "folder", "beside")
JPEG_QUALITY = 95
_IDS = ["source_id", "source_study", "image_id", "patient_id", "study_id", "encoding"]
# Elements that a DICOM file has under the name of a column.
_ELEMENTS = (
    "StudyDate", "StudyTime", "ViewPosition", "ViewCodeSequence", "PatientOrientationCodeSequence",
    "PerformedProcedureStepDescription", "SeriesDescription",
)  # fmt: skip


@dataclass
class TreeSummary:
    """What was written: counts, the ids given (`ids`: columns source_id, image_id, patient_id, study_id,
    source_study, encoding), `skipped` images, `notes`.
    """

    counts: dict[str, int]
    ids: pd.DataFrame
    skipped: Skipped
    notes: list[str] = field(default_factory=list)


def write_mimic_tree(
    studies: pd.DataFrame,
    out: str | Path,
    form: str = "both",
    reports: str = "zip",
    labels: str = "findings",
    syntaxes: Iterable[str] | None = None,
    seed: int = 0,
) -> TreeSummary:
    """Write `out/mimic-cxr` (DICOM, lists, reports), `out/mimic-cxr-jpg` (JPEG, tables), `out/mimic-iv/hosp`.

    `studies`: a study table; rows without a readable image are skipped. `reports`: 'zip'
    (mimic-cxr-reports.zip), 'folder' (unpacked) or 'beside' the study folders. `labels`: 'findings', 1 for
    the table's (`mimic/labels.toml` says as what), with some of the others 0 or blank; 'reports', what
    the package's labeler reads in the reports. `syntaxes`: of `dicom_file.SYNTAXES`, by default those that
    can be written here; images take all combinations of syntax, MONOCHROME1 or 2, 12 or 16 bits and VOI
    transformation in turn. The views go to ViewPosition for most images, for some only to
    ViewCodeSequence or to a description, and for a few nowhere.

    Ids depend on the source's ids alone, all else on them and `seed`. Reports have dates and ages masked. An
    image whose source has one report for each image gets all of its study's. Files of an earlier tree are
    overwritten; a folder that holds anything else is refused with a `UserError`.
    """
    choose("form", form, FORMS)
    choose("place of reports", reports, REPORT_PLACES)
    choose("source of labels", labels, ("findings", "reports"))
    out = Path(out)
    _check_out(out)
    chosen = tuple(available_syntaxes() if syntaxes is None else syntaxes)
    notes = [f"{name} cannot be written here: no encoder package" for name in SYNTAXES if name not in chosen]
    skipped = Skipped("make-tree")
    rows = shape_rows(studies[studies["path"].notna()], seed)
    for image in studies.loc[studies["path"].isna(), "image_id"]:
        skipped.add(image, "no image file")
    rows = _write_images(rows, out, form, all_encodings(chosen), skipped)
    texts = _report_texts(rows)
    _write_reports(out / "mimic-cxr", texts, reports)
    if form in ("dicom", "both"):
        write_lists(out / "mimic-cxr", rows)
    if form in ("jpg", "both"):
        notes += write_jpg_tables(out / "mimic-cxr-jpg", rows, texts, labels, seed)
    write_patients(out / "mimic-iv/hosp", rows)
    counts = {
        "images": len(rows),
        "studies": rows["study_id"].nunique(),
        "patients": rows["patient_id"].nunique(),
        "reports": len(texts),
    }
    return TreeSummary(counts, rows[_IDS].copy(), skipped, notes)


def _write_images(
    rows: pd.DataFrame, out: Path, form: str, encodings: list[Encoding], skipped: Skipped
) -> pd.DataFrame:
    """Write every image in its forms; the rows that could be read, with `encoding`, `Rows`, `Columns`."""
    written = []
    records: list[Any] = rows.to_dict("records")
    for position, row in enumerate(track(records, "writing images", len(records))):
        try:
            _write_image(row, out, form, encodings[position % len(encodings)])
        except UserError as error:
            skipped.add(row["source_id"], str(error))
            continue
        written.append(row)
    if not written:
        raise UserError("study table: no image of it can be read; give one whose image files are there")
    return pd.DataFrame(written)


def _write_image(row: dict[str, Any], out: Path, form: str, encoding: Encoding) -> None:
    """Write one image in its forms; adds its size and encoding to `row`."""
    pixels = read_pixels(row["source_path"])
    row["Rows"], row["Columns"] = pixels.shape
    row["encoding"] = "/".join(str(value) for value in vars(encoding).values())
    ids = (row["patient_id"], row["study_id"], row["image_id"])
    if form in ("dicom", "both"):
        path = out / "mimic-cxr/files" / image_file(*ids, ".dcm")
        write_dicom(path, pixels, encoding, row["uid"], _attributes(row))
    if form in ("jpg", "both"):
        write_bytes_atomic(out / "mimic-cxr-jpg/files" / image_file(*ids, ".jpg"), _jpeg(pixels))


def _check_out(out: Path) -> None:
    ours = {"mimic-cxr", "mimic-cxr-jpg", "mimic-iv"}
    if out.exists() and (not out.is_dir() or {path.name for path in out.iterdir()} - ours):
        raise UserError(f"{out}: holds something else than a tree of MIMIC's shape; give a new folder")


def _attributes(row: dict[str, Any]) -> dict[str, Any]:
    """Elements of the DICOM file, with the values that the published files keep."""
    return {
        "PatientID": row["patient_id"],
        "PatientName": "",
        "PatientSex": row["sex"] if isinstance(row["sex"], str) else "",
        "StudyInstanceUID": row["study_uid"],
        "StudyID": row["study_id"],
        **{name: row[name] for name in _ELEMENTS},
    }


def _jpeg(pixels: np.ndarray) -> bytes:
    from PIL import Image

    stream = io.BytesIO()
    grey = np.clip(np.rint(pixels * 255), 0, 255).astype(np.uint8)
    Image.fromarray(grey).save(stream, "JPEG", quality=JPEG_QUALITY)
    return stream.getvalue()


def _report_texts(rows: pd.DataFrame) -> dict[tuple[str, str], str]:
    """(subject, study) -> text, for the studies that have one."""
    texts = {}
    for (subject, study), own in rows.groupby(["patient_id", "study_id"], sort=False):
        reports = unique_texts(own["report"])
        sections = own["sections"].iloc[0] if len(reports) == 1 else None
        person = {"F": "woman", "M": "man"}.get(own["sex"].iloc[0], "patient")
        text = mimic_report(
            "\n\n".join(reports) or None,
            sections if reports else None,
            own["PerformedProcedureStepDescription"].iloc[0] or "CHEST",
            f"___-year-old {person}.  // Please evaluate.",
        )
        if text:
            texts[(str(subject), str(study))] = text
    return texts


def _write_reports(root: Path, texts: dict[tuple[str, str], str], place: str) -> None:
    if place == "zip":
        write_bytes_atomic(root / "mimic-cxr-reports.zip", _zip(texts))
        return
    base = root / ("mimic-cxr-reports/files" if place == "folder" else "files")
    for ids, text in texts.items():
        write_text_atomic(base / report_file(*ids), text)


def _zip(texts: dict[tuple[str, str], str]) -> bytes:
    import zipfile

    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for ids, text in sorted(texts.items()):
            # A fixed date: the same table makes the same bytes.
            member = zipfile.ZipInfo(f"files/{report_file(*ids)}", date_time=(2019, 9, 1, 0, 0, 0))
            member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, text)
    return stream.getvalue()
