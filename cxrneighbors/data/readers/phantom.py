"""Phantoms: generated X-rays with reports and known lesions, the data set that needs no download."""

from __future__ import annotations

import os
import shutil
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from cxrneighbors.artifact import MANIFEST, Kind
from cxrneighbors.data.imports import ImportResult
from cxrneighbors.data.splits import patient_split
from cxrneighbors.data.tables import (
    REGION_COLUMNS,
    read_regions,
    read_table,
    regions_path,
    write_regions,
    write_table,
)
from cxrneighbors.files import read_json
from cxrneighbors.phantom.draw import FOLDERS, GENERATOR_VERSION, PhantomSettings, Row, draw_phantoms
from cxrneighbors.processes import process_count

PHANTOMS = Kind("phantoms", version=GENERATOR_VERSION, made_by="cxrneighbors import phantom")
STUDIES_FILE = "studies.parquet"


def read(
    root: str | Path, n_patients: int | None = None, image_size: int | None = None, seed: int | None = None
) -> ImportResult:
    """Read the phantom set under `root`, or generate it there.

    None takes what an existing set has; for a new one 400 patients, 224 pixels, seed 0.
    Raises `UserError` where an existing set was generated with other settings than those asked for, or by
    another version of the generator.
    """
    path = Path(root) / MANIFEST
    there = (
        read_json(path, remedy="delete the folder and generate the phantoms again") if path.exists() else {}
    )
    asked = {"n_patients": n_patients, "image_size": image_size, "seed": seed}
    known = {name: there[name] for name in asked if name in there}
    wanted = known | {name: value for name, value in asked.items() if value is not None}
    return _generate(root, PhantomSettings(**wanted), process_count(None), restart=False)


def generate_phantoms(
    root: str | Path, n_patients: int = 400, image_size: int = 224, seed: int = 0, workers: int | None = None
) -> ImportResult:
    """Write phantom patients under `root`: images/, masks/, studies.parquet, its regions, manifest.json.

    `n_patients`: each has one to four studies, a study one frontal film and sometimes a lateral one: about
    2.4 images a patient. `image_size`: side in pixels, 32 to 4096. `workers`: processes, None = one per
    usable CPU. The same `n_patients`, `image_size` and `seed` give byte-identical pictures whatever `workers`
    is, and a patient does not depend on `n_patients`. An earlier phantom set under `root` is replaced; other
    files stay.

    Raises `UserError` for a size or number that makes no sense, or a `root` whose images are not phantoms.
    """
    settings = PhantomSettings(n_patients, image_size, seed)
    return _generate(root, settings, process_count(workers), restart=True)


def _generate(root: str | Path, settings: PhantomSettings, workers: int, restart: bool) -> ImportResult:
    root = Path(os.path.abspath(root))
    tables = (STUDIES_FILE, regions_path(STUDIES_FILE).name)
    work = PHANTOMS.begin(root, asdict(settings), restart, own=(*FOLDERS, *tables))
    if not work.complete:
        for name in FOLDERS:
            shutil.rmtree(root / name, ignore_errors=True)
        _write_tables(root, *draw_phantoms(root, settings, workers), settings.seed)
        work.finish(files=FOLDERS)  # studies.parquet may be imported over
    return _read_tables(root)


def _write_tables(root: Path, studies: list[Row], regions: list[Row], seed: int) -> None:
    table = pd.DataFrame(studies).assign(dataset="phantom")
    table["split"] = patient_split(table["patient_id"], seed=seed)
    boxes = pd.DataFrame(regions, columns=list(REGION_COLUMNS))
    write_table(_below(root, table, "path"), root / STUDIES_FILE)
    write_regions(_below(root, boxes, "mask_path"), root / STUDIES_FILE)


def _read_tables(root: Path) -> ImportResult:
    studies, regions = read_table(root / STUDIES_FILE), read_regions(root / STUDIES_FILE)
    return ImportResult(_below(root, studies, "path"), _below(root, regions, "mask_path"))


def _below(root: Path, table: pd.DataFrame, column: str) -> pd.DataFrame:
    """`table` with its files (FOLDER/NAME) below `root`, where the set is now."""
    return table.assign(**{column: [str(root.joinpath(*Path(path).parts[-2:])) for path in table[column]]})
