"""Films a second from 1024 × 1024 files to 224 × 224, against bare decoding; memory while many are encoded.

The real films of chestxray14-1024 (a few, over and over) as PNG and written as DICOM, uncompressed and
compressed without loss. Ours reads, brings to displayed grey values, averages over areas and fills one array;
bare decoding is `Image.load` of Pillow or `pixel_array` of pydicom, by as many threads.
"""

from __future__ import annotations

import tempfile
import time
from argparse import Namespace
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from benchmarks.fresh import fresh
from benchmarks.turns import ratio, settings, spread, summary, take_turns
from common.markdown import document, table

FILMS, FEW = 48, 2
MEMORY, LITTLE = (1000, 4000, 12_000), (20, 40)
SIZE = 224
LIMIT = (
    "Decoding limits, except where nothing is compressed: there bare decoding only copies the file, and ours "
    "takes about 4 ms for modality and VOI transformation (float64, block by block) and the mean over areas."
)


def measure(given: Namespace) -> dict[str, Any]:
    """A row a format, and a row a number of films that are encoded."""
    pngs = sorted((given.data / "chestxray14-1024").rglob("*.png"))[: FEW if given.small else None]
    with tempfile.TemporaryDirectory() as folder:
        rows = []
        for name, paths in written(pngs, Path(folder)).items():
            paths = list(islice(cycle(paths), FEW if given.small else FILMS))
            rows.append({"format": name, "films": len(paths)} | turns(paths, given.rounds))
    names = [str(path) for path in pngs]
    memory = [
        fresh("benchmarks.reading", "encode_films", names, n) for n in (LITTLE if given.small else MEMORY)
    ]
    return settings(given, rows=rows, memory=memory, threads=threads(), size=SIZE, limit=LIMIT)


def written(pngs: list[Path], folder: Path) -> dict[str, list[Path]]:
    """The films in each format."""
    from pydicom.uid import generate_uid

    from cxrneighbors.data.pixels import read_pixels
    from cxrneighbors.testing.dicom_file import Encoding, available_syntaxes, write_dicom

    found = {"PNG": pngs}
    for syntax in available_syntaxes():
        paths = [folder / f"{png.stem}-{syntax}.dcm" for png in pngs]
        for png, path in zip(pngs, paths, strict=True):
            encoding = Encoding(syntax, "MONOCHROME2", 12, "window")
            write_dicom(path, read_pixels(png), encoding, generate_uid(), {})
        found[f"DICOM, {syntax}"] = paths
    return found


def turns(paths: list[Path], rounds: int) -> dict[str, Any]:
    """Seconds of both ways, films a second and the ratio."""
    from cxrneighbors.data.pixels import load_images

    bare = by_pydicom if paths[0].suffix == ".dcm" else by_pillow
    ways: dict[str, Callable[[], object]] = {
        "ours": lambda: load_images(paths, SIZE, workers=threads()),
        "bare": partial(each, bare, paths),
    }
    seconds = take_turns(ways, rounds)
    found: dict[str, Any] = {name: summary(times) for name, times in seconds.items()}
    rates = {f"{name}, films a second": len(paths) / found[name]["seconds"] for name in ways}
    return found | rates | {"ratio": ratio(seconds, "ours", "bare")}


def each(decode: Callable[[Path], object], paths: list[Path]) -> None:
    """Decode all, by threads."""
    with ThreadPoolExecutor(threads()) as pool:
        for _ in pool.map(decode, paths):
            pass


def by_pillow(path: Path) -> None:
    """Decoded pixels, as they are stored."""
    from PIL import Image

    with Image.open(path) as image:
        image.load()


def by_pydicom(path: Path) -> None:
    """Decoded pixels, as they are stored."""
    import pydicom

    pydicom.dcmread(path).pixel_array  # noqa: B018


def threads() -> int:
    """Every core."""
    from cxrneighbors.processes import usable_cpus

    return usable_cpus()


def encode_films(paths: list[str], n: int) -> dict[str, Any]:
    """Encode `n` films, the files over and over, by the pixel baseline; meant for a process of its own."""
    import pandas as pd

    from cxrneighbors.encoders.encode import encode

    ids = [f"i{place}" for place in range(n)]
    studies = pd.DataFrame({"image_id": ids, "path": list(islice(cycle(paths), n)), "patient_id": ids})
    studies["findings"] = [[] for _ in ids]
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        encode(studies, image="pixels", out=Path(folder) / "embeddings")
        return {"films": n, "seconds": time.perf_counter() - started}


def markdown(found: dict[str, Any]) -> str:
    """A row a format, a row a number of films."""
    columns = {
        "files": "{format}",
        "ours, films/s:": "{ours, films a second:.0f}",
        "bare decoding, films/s:": "{bare, films a second:.0f}",
        "ours takes, times": "{times}",
    }
    rows = [row | {"times": spread(row["ratio"], 2)} for row in found["rows"]]
    memory = {"films encoded:": "{films:,}", "films/s:": "{rate:.0f}", "peak memory, GB:": "{peak_gb:.2f}"}
    encoded = [row | {"rate": row["films"] / row["seconds"]} for row in found["memory"]]
    return document(
        f"Real films of 1024 × 1024 to {found['size']} × {found['size']}, {found['threads']} threads; "
        f"{found['rounds']} rounds, median (lowest to highest).",
        table(columns, rows),
        "PNG to the embedding store by the pixel baseline, a new process each:",
        table(memory, encoded),
        found["limit"],
    )
