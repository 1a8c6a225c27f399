"""Readers before damaged files, in a process of their own that may hang, crash or want too much memory."""

from __future__ import annotations

import json
import multiprocessing
import resource
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cxrneighbors.errors import UserError

MEMORY = 2**30  # bytes that a file may take
SECONDS = 5.0  # of computing
WAIT = 90.0  # seconds without an answer, on a machine that does other work too
OUTCOMES = ("read", "refused", "fault", "slow", "memory", "hang", "crash")


@dataclass(frozen=True)
class Outcome:
    """What became of one file: one of `OUTCOMES`, and for all but the first two what was said."""

    path: str
    outcome: str
    said: str
    seconds: float


def judge(kind: str, paths: list[Path]) -> Iterator[Outcome]:
    """Outcomes of reading each of `paths` as `kind` (see `READERS`); a crash or hang costs one file."""
    context, start = multiprocessing.get_context("spawn"), 0
    while start < len(paths):
        ours, theirs = context.Pipe()
        child = context.Process(target=_work, args=(kind, [str(path) for path in paths[start:]], theirs))
        child.start()
        theirs.close()
        while start < len(paths):
            try:
                found = Outcome(*ours.recv()) if ours.poll(WAIT) else None
            except EOFError:
                child.join()
                found = Outcome(str(paths[start]), "crash", f"exit code {child.exitcode}", 0.0)
            start += 1
            yield found or Outcome(str(paths[start - 1]), "hang", f"no answer in {WAIT:g} s", WAIT)
            if found is None or found.outcome == "crash":
                break
        child.kill()
        child.join()
        ours.close()


def _work(kind: str, paths: list[str], pipe: Any) -> None:
    reader = READERS[kind]
    reader(Path(paths[0]).parent / f"good{Path(paths[0]).suffix}")  # loads what there is to load
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    for path in paths:
        started = time.process_time()
        outcome, said = _read(reader, Path(path))
        seconds = time.process_time() - started
        if outcome in ("read", "refused") and seconds > SECONDS:
            outcome, said = "slow", f"{seconds:.1f} s"
        pipe.send((path, outcome, said, seconds))
    pipe.close()


def _read(reader: Any, path: Path) -> tuple[str, str]:
    try:
        reader(path)
    except UserError as error:
        return ("fault", "more than one line") if "\n" in str(error).strip() else ("refused", "")
    except MemoryError:
        return "memory", f"more than {MEMORY >> 20} MB"
    except Exception as error:
        return "fault", f"{type(error).__name__}: {error}"[:200]
    return "read", ""


def _film(path: Path) -> None:
    from cxrneighbors.data.pixels import read_pixels

    film = read_pixels(path)
    assert film.ndim == 2 and film.min() >= 0 and film.max() <= 1, "pixels outside [0, 1]"


def _dicom(path: Path) -> None:
    from cxrneighbors.data.dicom import read_dicom_header

    read_dicom_header(path)
    _film(path)


def _csv(path: Path) -> None:
    from cxrneighbors.data.imports import import_dataset

    import_dataset("folder", path)


def _xml(path: Path) -> None:
    """The good report beside it has to be read whatever the other is."""
    import shutil
    import tempfile

    from cxrneighbors.data.imports import import_dataset

    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(path, Path(folder) / "1.xml")
        shutil.copy(path.parent / "good.xml", Path(folder) / "2.xml")
        found = import_dataset("openi", folder)
    assert len(found.studies), "the good report is lost"


def _report(path: Path) -> None:
    from cxrneighbors.reports.labeler.labels import label_report
    from cxrneighbors.reports.sections import parse_sections

    text = path.read_bytes().decode("utf-8", errors="replace")
    parse_sections(text)
    for label in label_report(text):
        assert text[label.start : label.end] == label.evidence, "evidence is not in the report"


def _predicate(path: Path) -> None:
    a_table().evaluate(path.read_bytes().decode("utf-8", errors="replace"))


def a_table() -> Any:
    """What evaluates predicates over two rows."""
    import pandas as pd

    from cxrneighbors.data.schema import validate_studies
    from cxrneighbors.index.predicates import Predicates

    table = pd.DataFrame({"image_id": ["a", "b"], "patient_id": ["1", "2"], "age": [50.0, None]})
    table = table.assign(view=["PA", "AP"], sex=["F", "M"], split=["train", "test"])
    table["findings"] = [["Mass", "Edema"], []]
    return Predicates(validate_studies(table), {})


def _index(path: Path) -> None:
    """`path`: JSON of the damaged file of the index, its bytes in hex; its hash is rewritten to fit."""
    import shutil
    import tempfile

    from cxrneighbors.files import sha256_file
    from cxrneighbors.index.neighbor_index import NeighborIndex

    damage = json.loads(path.read_text())
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(shutil.copytree(path.parent / "index", Path(temporary) / "index"))
        victim = folder / damage["file"]
        victim.write_bytes(bytes.fromhex(damage["content"]))
        if damage["file"] != "manifest.json":
            manifest = json.loads((folder / "manifest.json").read_text())
            described = {"bytes": victim.stat().st_size, "sha256": sha256_file(victim)}
            manifest["files"][damage["file"]] = described
            (folder / "manifest.json").write_text(json.dumps(manifest))
        index = NeighborIndex.load(folder)
        index.store.exact_rows = 0  # ask the graphs, however few rows there are
        index.neighbors(index.store.rows_of(index.studies["image_id"][:5].tolist()), 3)


READERS = {
    "png": _film, "jpeg": _film, "dicom": _dicom, "csv": _csv, "xml": _xml, "report": _report,
    "predicate": _predicate, "index": _index,
}  # fmt: skip
