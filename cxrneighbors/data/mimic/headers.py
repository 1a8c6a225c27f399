"""DICOM headers of many files, read side by side, by an allow-list of attributes.

Run as a program it reads a JSON list of paths from standard input and writes a JSON list of headers.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cxrneighbors
from cxrneighbors.data.patients import parse_age, parse_sex
from cxrneighbors.progress import track

# Nothing else of a header is even read: names, dates and identifiers never enter the process.
TEXTS = ("ViewPosition", "PerformedProcedureStepDescription", "SeriesDescription")
CODES = ("ViewCodeSequence", "PatientOrientationCodeSequence")
NUMBERS = ("Rows", "Columns", "BitsAllocated", "BitsStored", "SamplesPerPixel")
ALLOWED = (*TEXTS, *CODES, *NUMBERS, "PatientSex", "PatientAge", "PhotometricInterpretation")
_PHOTOMETRIC = ("MONOCHROME1", "MONOCHROME2", "RGB", "YBR_FULL", "YBR_FULL_422", "PALETTE COLOR")
_CHUNK = 4000
_WORTH_A_PROCESS = 400  # files; below, starting programs costs more than it saves


def read_headers(paths: Sequence[str], workers: int | None = None) -> list[dict[str, Any]]:
    """Headers of N DICOM files, without reading pixels; in the order of `paths`.

    Keys of each: `TEXTS`, `CODES` (the first item's CodeMeaning), `NUMBERS` (0 missing), PatientSex ('F',
    'M', None), PatientAge (years, None missing), PhotometricInterpretation ('' unknown), and `trouble`: why
    the file is of no use ('' where it is). Reasons never quote the header. The texts serve to find the view
    and are not for tables. `workers`: programs at a time, one per usable CPU by default.
    """
    from cxrneighbors.data.pixels import usable_cpus

    workers = workers or usable_cpus()
    if workers == 1 or len(paths) < _WORTH_A_PROCESS:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pydicom's warnings quote the values that it finds odd
            return [read_header(path) for path in track(paths, "reading headers", len(paths))]
    size = max(1, min(_CHUNK, -(-len(paths) // workers)))
    chunks = [list(paths[start : start + size]) for start in range(0, len(paths), size)]
    with ThreadPoolExecutor(workers) as pool:
        parts = track(pool.map(_by_program, chunks), "reading headers", len(chunks))
        return [header for part in parts for header in part]


def read_header(path: str) -> dict[str, Any]:
    """One header as `read_headers` describes it."""
    import pydicom

    try:
        dataset = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=list(ALLOWED))
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


def _by_program(paths: list[str]) -> list[dict[str, Any]]:
    """A program of its own: forking is unsafe beside threads, spawning runs an unguarded script again."""
    package = str(Path(cxrneighbors.__file__).resolve().parents[1])
    search = os.pathsep.join([package, *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "cxrneighbors.data.mimic.headers"],
        input=json.dumps(paths),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONPATH": search},
    )
    if done.returncode:
        raise RuntimeError(f"a header program ended with code {done.returncode}")
    return json.loads(done.stdout)


if __name__ == "__main__":
    print(json.dumps([read_header(path) for path in json.load(sys.stdin)]))
