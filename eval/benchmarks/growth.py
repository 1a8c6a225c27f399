"""How each stage grows with the number of films: its exponent over four sizes, a straight line in logarithms.

Films are squares of noise with an id's findings, four a patient: reading, encoding, indexing, searching for
all films and evaluating cost what they cost whatever is to be seen. The exact search looks at all pairs, in
blocks; everything else should grow in proportion, or as n log n.
"""

from __future__ import annotations

import tempfile
import time
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from PIL import Image

from benchmarks.turns import exponent, settings
from common.markdown import document, table
from cxrneighbors.data.imports import import_dataset
from cxrneighbors.encoders.encode import encode
from cxrneighbors.evaluation.evaluate import evaluate_overlap
from cxrneighbors.index.neighbor_index import NeighborIndex

SIZES, SMALL = (2000, 4000, 8000, 16_000), (200, 400)
SIDE, FINDINGS, K = 32, ("Effusion", "Mass", "No Finding"), 5


def measure(given: Namespace) -> dict[str, Any]:
    """Seconds of each stage at each size: the best of up to three rounds."""
    sizes = SMALL if given.small else SIZES
    seconds: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as temporary:
        write_films(Path(temporary), max(sizes))
        for size in sizes:
            rounds = [stages(Path(temporary), size) for _ in range(min(given.rounds, 3))]
            for name in rounds[0]:
                seconds.setdefault(name, []).append(round(min(each[name] for each in rounds), 3))
    rows = [
        {"stage": name, "seconds": each, "exponent": exponent(list(sizes), each)}
        for name, each in seconds.items()
    ]
    return settings(given, sizes=list(sizes), rows=rows)


def write_films(folder: Path, n: int) -> None:
    """PNGs of noise and the table of each size."""
    rng = np.random.default_rng(0)
    for number in range(n):
        picture = rng.integers(0, 255, (SIDE, SIDE), dtype=np.uint8)
        Image.fromarray(picture).save(folder / f"{number:06}.png")
    names = [f"{number:06}.png" for number in range(n)]
    columns = {
        "image_id": names,
        "path": names,
        "patient_id": [f"p{number // 4}" for number in range(n)],
        "view": rng.choice(["PA", "AP"], n),
        "findings": rng.choice(FINDINGS, n),
    }
    films = pd.DataFrame(columns)
    for size in {*SIZES, *SMALL}:
        films[:size].to_csv(folder / f"films-{size}.csv", index=False)


def stages(folder: Path, size: int) -> dict[str, float]:
    """Seconds of one pass."""
    seconds: dict[str, float] = {}

    def timed(name: str, work: Callable[[], Any]) -> Any:
        started = time.perf_counter()
        result = work()
        seconds[name] = time.perf_counter() - started
        return result

    read = timed("import", lambda: import_dataset("folder", folder / f"films-{size}.csv"))
    embeddings = timed("encode", lambda: encode(read.studies, image="pca"))
    index = timed("index, hnsw", lambda: NeighborIndex.build(embeddings, read.studies))
    exact = NeighborIndex.build(embeddings, read.studies, backend="exact")
    everyone = np.arange(size)
    timed("search for all, as chosen", lambda: index.neighbors(everyone, K, modality="image"))
    timed("search for all, exact", lambda: exact.neighbors(everyone, K, modality="image"))
    timed("evaluate", lambda: evaluate_overlap(index, K, n_permutations=199))
    return seconds


def figure(found: dict[str, Any]) -> Figure:
    """Seconds over films, both in logarithms."""
    drawn = Figure(figsize=(8, 4), layout="constrained")
    axes = drawn.subplots()
    for row in found["rows"]:
        axes.plot(found["sizes"], row["seconds"], marker="o", label=f"{row['stage']}: {row['exponent']}")
    axes.set(xscale="log", yscale="log", xlabel="films", ylabel="seconds")
    axes.set_xticks(found["sizes"], [f"{size:,}" for size in found["sizes"]], minor=False)
    axes.minorticks_off()
    axes.grid(alpha=0.3)
    drawn.legend(title="stage: exponent", frameon=False, loc="outside right upper")
    return drawn


def markdown(found: dict[str, Any]) -> str:
    """A row a stage."""
    columns = {"stage": "{stage}"} | {
        f"{size:,} films, s:": f"{{seconds[{place}]:.2f}}" for place, size in enumerate(found["sizes"])
    }
    return document(
        "Growth of each stage with the number of films (32 pixels a side, four a patient); *exponent*: of a "
        "power law through the four, 1 is in proportion, 2 is every pair.",
        table(columns | {"exponent:": "{exponent}"}, found["rows"]),
    )
