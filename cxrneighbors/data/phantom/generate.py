"""Phantom patients to a folder of films, lesion masks and tables: the data set that needs no download."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

import cxrneighbors
from cxrneighbors.data.imports import ImportResult
from cxrneighbors.data.phantom.worker import render_share
from cxrneighbors.data.splits import patient_split
from cxrneighbors.data.tables import read_regions, read_table, write_regions, write_table
from cxrneighbors.errors import UserError
from cxrneighbors.files import read_json, replace_dir, write_json_atomic
from cxrneighbors.progress import track

SETTINGS_FILE = "phantom.json"
STUDIES_FILE = "studies.parquet"
GENERATOR_VERSION = 2  # raise it when the same seed gives other files
SMALLEST, LARGEST = 32, 4096  # image sizes
_FOLDERS = ("images", "masks")
_WORTH_A_WORKER = 20  # patients; below, starting a process costs more than it saves


def generate_phantoms(
    root: str | Path, n_patients: int = 400, image_size: int = 224, seed: int = 0, workers: int | None = None
) -> ImportResult:
    """Write phantom patients under `root`: images/, masks/, studies.parquet, its regions, phantom.json.

    `n_patients`: each has one to four studies, a study one frontal film and sometimes a lateral one: about
    2.4 images a patient. `image_size`: side in pixels, 32 to 4096. `workers`: processes, None = one per core.
    The same `n_patients`, `image_size` and `seed` give byte-identical pictures whatever `workers` is, and a
    patient does not depend on `n_patients`. An earlier phantom set under `root` is replaced; the rest stays.

    Raises `UserError` for a size or number that makes no sense, or a `root` whose images are not phantoms.
    """
    root = Path(os.path.abspath(root))
    settings = _settings(n_patients, image_size, seed)
    _check_root(root)
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=root, prefix=".phantom.") as temporary:
        folder = Path(temporary)
        for name in _FOLDERS:
            (folder / name).mkdir()
        patients = _render(folder, settings, _n_workers(workers, n_patients))
        (root / SETTINGS_FILE).unlink(missing_ok=True)
        for name in _FOLDERS:
            replace_dir(folder / name, root / name)
    studies, regions = _tables(patients, root, seed)
    write_table(studies, root / STUDIES_FILE)
    write_regions(regions, root / STUDIES_FILE)
    write_json_atomic(root / SETTINGS_FILE, settings)  # last: it says that the set is complete
    return read_phantoms(root)


def read_phantoms(root: str | Path) -> ImportResult:
    """Read the complete phantom set under `root`; paths point into `root` even when it has been moved."""
    root = Path(os.path.abspath(root))
    studies = read_table(root / STUDIES_FILE)
    regions = read_regions(root / STUDIES_FILE)
    studies["path"] = [str(root / "images" / Path(path).name) for path in studies["path"]]
    regions["mask_path"] = [str(root / "masks" / Path(path).name) for path in regions["mask_path"]]
    return ImportResult(studies=studies, regions=regions)


def read_settings(root: str | Path) -> dict[str, Any] | None:
    """The settings that the set under `root` was generated with, None where there is no complete set."""
    path = Path(root) / SETTINGS_FILE
    if not path.is_file():
        return None
    settings: dict[str, Any] = read_json(path, remedy="delete the folder and generate the phantoms again")
    return settings


def _settings(n_patients: int, image_size: int, seed: int) -> dict[str, Any]:
    if n_patients < 1:
        raise UserError(f"n_patients {n_patients}: too few; ask for at least 1 phantom patient")
    if not SMALLEST <= image_size <= LARGEST:
        raise UserError(f"image_size {image_size}: out of range; choose {SMALLEST} to {LARGEST} pixels")
    if seed < 0:
        raise UserError(f"seed {seed}: negative; choose 0 or more")
    return {
        "n_patients": int(n_patients),
        "image_size": int(image_size),
        "seed": int(seed),
        "version": GENERATOR_VERSION,
    }


def _check_root(root: Path) -> None:
    if root.exists() and not root.is_dir():
        raise UserError(f"{root}: is a file; give a folder for the phantoms")
    foreign = [name for name in _FOLDERS if (root / name).exists()]
    if foreign and not (root / SETTINGS_FILE).is_file():
        raise UserError(
            f"{root}: holds a folder {foreign[0]!r} that is not a complete phantom set; "
            "give another folder, or delete that one"
        )


def _n_workers(workers: int | None, n_patients: int) -> int:
    if workers is not None and workers < 1:
        raise UserError(f"workers {workers}: too few; ask for at least 1")
    wanted = workers or len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else workers or 1
    return max(1, min(wanted, n_patients // _WORTH_A_WORKER))


def _render(folder: Path, settings: dict[str, Any], workers: int) -> list[dict[str, Any]]:
    n, size, seed = (int(settings[name]) for name in ("n_patients", "image_size", "seed"))
    if workers == 1:
        results = render_share(folder, range(n), size, seed)
    else:
        shares = [(start, n, workers, size, seed) for start in range(workers)]
        results = _from_programs(folder, shares)
    patients = list(track(results, "phantom patients", total=n))
    return sorted(patients, key=lambda rows: rows["index"])


def _from_programs(folder: Path, shares: list[tuple[int, int, int, int, int]]) -> Iterator[dict[str, Any]]:
    """Rows of all shares as worker programs deliver them.

    Programs of their own instead of `multiprocessing`: forking is unsafe once torch runs threads, and
    spawning runs the caller's script again where it has no main guard.
    """
    lines: queue.Queue[str | BaseException | None] = queue.Queue()
    package = str(Path(cxrneighbors.__file__).resolve().parents[1])
    search = os.pathsep.join([package, *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "PYTHONPATH": search}
    programs = [
        subprocess.Popen(
            [sys.executable, "-m", "cxrneighbors.data.phantom.worker", str(folder), *map(str, share)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        for share in shares
    ]
    threads = [threading.Thread(target=_pump, args=(program, lines), daemon=True) for program in programs]
    try:
        for thread in threads:
            thread.start()
        running = len(programs)
        while running:
            line = lines.get()
            if isinstance(line, BaseException):
                raise line
            if line is None:
                running -= 1
            else:
                yield json.loads(line)
    finally:
        for program in programs:
            program.kill()
            program.wait()


def _pump(program: subprocess.Popen[str], lines: queue.Queue[str | BaseException | None]) -> None:
    assert program.stdout is not None and program.stderr is not None
    for line in program.stdout:
        lines.put(line)
    message = program.stderr.read().strip()
    if program.wait() != 0:
        lines.put(RuntimeError(f"a phantom worker failed: {message.splitlines()[-1] if message else '?'}"))
    lines.put(None)


def _tables(patients: list[dict[str, Any]], root: Path, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    studies = pd.DataFrame([row for rows in patients for row in rows["studies"]])
    studies["path"] = [str(root / path) for path in studies["path"]]
    studies["split"] = patient_split(studies["patient_id"], seed=seed)
    studies["dataset"] = "phantom"
    columns = ["image_id", "finding", "x", "y", "width", "height", "mask_path"]
    regions = pd.DataFrame([row for rows in patients for row in rows["regions"]], columns=columns)
    regions["mask_path"] = [str(root / path) for path in regions["mask_path"]]
    return studies, regions
