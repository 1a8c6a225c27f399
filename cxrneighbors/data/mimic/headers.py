"""DICOM headers of many files, read side by side, by an allow-list of attributes."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from typing import Any

from cxrneighbors.data.patients import parse_age, parse_sex
from cxrneighbors.data.pixel_limit import Bounded, check_deflated
from cxrneighbors.processes import each_by_process, process_count

# Nothing else of a header is even read: names, dates and identifiers never enter the process.
TEXTS = ("ViewPosition", "PerformedProcedureStepDescription", "SeriesDescription")
CODES = ("ViewCodeSequence", "PatientOrientationCodeSequence")
NUMBERS = ("Rows", "Columns", "BitsAllocated", "BitsStored", "SamplesPerPixel")
ALLOWED = (*TEXTS, *CODES, *NUMBERS, "PatientSex", "PatientAge", "PhotometricInterpretation")
_PHOTOMETRIC = ("MONOCHROME1", "MONOCHROME2", "RGB", "YBR_FULL", "YBR_FULL_422", "PALETTE COLOR")
_WORTH_A_PROCESS = 400  # files
Header = dict[str, Any]
# Of an image without a file.
NO_HEADER: Header = dict.fromkeys((*TEXTS, *CODES, "PhotometricInterpretation", "trouble"), "")
NO_HEADER |= dict.fromkeys(NUMBERS, 0) | {"PatientSex": None, "PatientAge": None}


def read_headers(paths: Sequence[str], workers: int | None = None) -> list[Header]:
    """Headers of N DICOM files, without reading pixels; in the order of `paths`.

    Keys of each: `TEXTS`, `CODES` (the first item's CodeMeaning), `NUMBERS` (0 missing), PatientSex ('F',
    'M', None), PatientAge (years, None missing), PhotometricInterpretation ('' unknown), and `trouble`: why
    the file is of no use ('' where it is). Reasons never quote the header. The texts serve to find the view
    and are not for tables. `workers`: processes, one per usable CPU by default.
    """
    return list(
        each_by_process(read_header, paths, "reading headers", process_count(workers), _WORTH_A_PROCESS)
    )


def read_header(path: str) -> Header:
    """One header as `read_headers` describes it."""
    import pydicom

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pydicom's warnings quote the values that it finds odd
            check_deflated(path)
            with Bounded(path) as stream:
                dataset = pydicom.dcmread(stream, stop_before_pixels=True, specific_tags=list(ALLOWED))
            found = {name: str(dataset.get(name) or "").strip() for name in TEXTS}
            found |= {name: _meaning(dataset.get(name)) for name in CODES}
            numbers = {name: int(dataset.get(name) or 0) for name in NUMBERS}
            sex, age = parse_sex(str(dataset.get("PatientSex") or "")), str(dataset.get("PatientAge") or "")
            photometric = str(dataset.get("PhotometricInterpretation") or "")
            syntax = dataset.file_meta.get("TransferSyntaxUID")
            trouble = _trouble(numbers, os.path.getsize(path), syntax is None or not syntax.is_compressed)
    except Exception as error:  # whatever pydicom makes of damaged bytes: the file is listed, its kind only
        return {"trouble": f"DICOM header cannot be read ({type(error).__name__})"}
    years = parse_age(age)
    return {
        **found,
        **numbers,
        "PatientSex": sex,
        "PatientAge": None if years != years else years,
        "PhotometricInterpretation": photometric if photometric in _PHOTOMETRIC else "",
        "trouble": trouble,
    }


def _meaning(sequence: Any) -> str:
    return str(sequence[0].get("CodeMeaning") or "").strip() if sequence else ""


def _trouble(numbers: dict[str, int], size: int, native: bool) -> str:
    """Why the pixels cannot be what the header says; compressed pixels can be judged by decoding alone."""
    if not numbers["Rows"] or not numbers["Columns"]:
        return "DICOM header without rows or columns: no image"
    needed = numbers["Rows"] * numbers["Columns"] * max(1, numbers["BitsAllocated"] // 8)
    if native and size < needed * max(1, numbers["SamplesPerPixel"]):
        return "DICOM file is smaller than the pixels that its header promises"
    return ""
