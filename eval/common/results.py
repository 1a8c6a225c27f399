"""Result files: numbers as JSON with how and where they were made, a table as Markdown, figures."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cxrneighbors.devices import resolve_device
from cxrneighbors.figures import to_png, to_svg
from cxrneighbors.files import plain, write_bytes_atomic, write_json_atomic, write_text_atomic
from cxrneighbors.progress import say

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_STARTED = time.perf_counter()
_LIBRARIES = ("cxrneighbors", "torch", "numpy", "scipy", "pandas", "scikit-learn", "hnswlib", "transformers")


def write_results(
    folder: Path,
    name: str,
    summary: Mapping[str, Any],
    text: str = "",
    figures: Mapping[str, bytes | Figure] | None = None,
    device: str = "cpu",
) -> None:
    """Write NAME.json (`summary` and, as 'run', `circumstances`), NAME.md, then STEM.png of each figure.

    NaN becomes null. `text` is printed too; where there is none, NAME.md is not written. `figures`: by stem,
    the bytes of a PNG, or a figure, which becomes STEM.svg too.
    """
    write_json_atomic(folder / f"{name}.json", plain({**summary, "run": circumstances(device)}))
    if text:
        write_text_atomic(folder / f"{name}.md", text)
        print(text)
    for stem, figure in (figures or {}).items():
        png = figure if isinstance(figure, bytes) else to_png(figure)
        write_bytes_atomic(folder / f"{stem}.png", png)
        if not isinstance(figure, bytes):
            write_bytes_atomic(folder / f"{stem}.svg", to_svg(figure))
    say(f"{folder / name}.json: written")


def circumstances(device: str = "cpu") -> dict[str, Any]:
    """Seconds since the script began, versions, machine, and the device that `device` stands for."""
    return {
        "seconds": round(time.perf_counter() - _STARTED, 1),
        "versions": {"python": platform.python_version()} | {name: version(name) for name in _LIBRARIES},
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "device": device_name(device),
    }


def device_name(device: str) -> str:
    """'cpu', or the name that the GPU gives itself."""
    place = resolve_device(device)
    if not place.startswith("cuda"):
        return place
    import torch

    return torch.cuda.get_device_name(place)
