"""Import of MIMIC-CXR's tables at four sizes: seconds, memory and growth, beside bare `pandas.read_csv`.

The tables are those of `mimic_scale`: the published number of images, studies and patients, and shares of
it. No other library makes this study table. `read_csv` of the same files, in the same run, is what reading
alone costs; import joins, checks and writes.
"""

from __future__ import annotations

import tempfile
import time
from argparse import Namespace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.fresh import fresh
from benchmarks.turns import exponent, ratio, settings, spread, summary
from common.markdown import document, table
from cxrneighbors.progress import say
from mimic_scale import IMAGES, import_tables, write_tables

SIZES = (IMAGES // 8, IMAGES // 4, IMAGES // 2, IMAGES)
SMALL = (500, 1000)
TABLES = ("*-metadata", "*-split", "*-chexpert", "cxr-study-list", "patients")  # that an import reads
LIMIT = (
    "Before (another run, two cores, other jobs on them): 55 s, 40 s of processor time and 1.1 GB for "
    "377,110 images; by profiles of fewer rows most of it went into texts looked at one by one, then into "
    "CSV records. Now: CSV cells made into Python texts, joining, checking and writing, none of them alone."
)


def measure(given: Namespace) -> dict[str, Any]:
    """A row a size."""
    rows = []
    for images in SMALL if given.small else SIZES:
        say(f"import of {images:,} images")
        with tempfile.TemporaryDirectory() as folder:
            write_tables(Path(folder), images, np.random.default_rng(0), reports=False)
            rows.append(turns(folder, given.rounds))
    sizes = [row["images"] for row in rows]
    powers = {name: exponent(sizes, [row[f"cpu, {name}"] for row in rows]) for name in ("ours", "read_csv")}
    return settings(given, rows=rows, exponents=powers, limit=LIMIT)


def turns(folder: str, rounds: int) -> dict[str, Any]:
    """Both ways in turn, each time in a new process."""
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in ("ours", "read_csv")}
    for _ in range(rounds):
        found["ours"].append(fresh("benchmarks.imports", "by_us", folder))
        found["read_csv"].append(fresh("benchmarks.imports", "by_pandas", folder))
    seconds = {name: [each["seconds"] for each in times] for name, times in found.items()}
    cpu = {f"cpu, {name}": median(each["cpu_seconds"] for each in times) for name, times in found.items()}
    peaks = {f"peak, {name}": max(each["peak_gb"] for each in times) for name, times in found.items()}
    row = {"images": found["ours"][0]["images"], **cpu, **peaks}
    row |= {name: summary(each) for name, each in seconds.items()}
    return row | {"ratio": ratio(seconds, "ours", "read_csv")}


def by_us(folder: str) -> dict[str, Any]:
    """The study table, written."""
    return import_tables(Path(folder))


def by_pandas(folder: str) -> dict[str, Any]:
    """The same files, read."""
    started = time.perf_counter()
    frames = [pd.read_csv(path) for name in TABLES for path in Path(folder).glob(f"{name}.csv.gz")]
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "cpu_seconds": time.process_time(), "rows": sum(map(len, frames))}


def markdown(found: dict[str, Any]) -> str:
    """A row a size."""
    columns = {
        "images:": "{images:,}",
        "import, s": "{ours}",
        "processor time, s:": "{cpu, ours:.1f}",
        "GB:": "{peak, ours:.2f}",
        "`read_csv`, s": "{read_csv}",
        "its processor time, s:": "{cpu, read_csv:.1f}",
        "its GB:": "{peak, read_csv:.2f}",
        "import takes, times": "{ratio}",
    }
    rows = [
        row | {name: spread(row[name]) for name in ("ours", "read_csv", "ratio")} for row in found["rows"]
    ]
    powers = found["exponents"]
    return document(
        "MIMIC-CXR-JPG's tables to a written study table, without reports and without looking for files; "
        f"{found['rounds']} rounds, median (lowest to highest), a new process each; processor time is "
        "that of the whole process.",
        table(columns, rows),
        f"Processor time grows with the number of images to the power {powers['ours']} (`read_csv`: "
        f"{powers['read_csv']}).",
        found["limit"],
    )
