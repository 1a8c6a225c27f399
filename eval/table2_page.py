"""The page of `table2.py`: which network is right how often, films, confusion, calibration, method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cxrneighbors.classifiers.four_classes import FOUR_CLASSES
from cxrneighbors.classifiers.quality.figures import (
    class_name,
    confusion_table,
    draw_confusion,
    draw_reliability,
    reliability_table,
)
from cxrneighbors.csv_text import csv_text
from cxrneighbors.evaluation.wording import p_cell, percent
from cxrneighbors.figures import figure_files
from cxrneighbors.files import write_bytes_atomic, write_text_atomic
from cxrneighbors.pages.page import film_uri, render, svg_uri

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TEMPLATE = Path(__file__).parent / "templates" / "table2.html"
NAMES = {
    "alexnet": "AlexNet",
    "resnet101v2": "ResNet101V2",
    "mobilenetv2": "MobileNetV2",
    "cnn-lstm": "CNN-LSTM",
}
PAPER = {"alexnet": 85, "resnet101v2": 89, "mobilenetv2": 90, "cnn-lstm": 94}  # accuracy in per cent
SHOWN = 6  # films of a class
LEVEL = 0.05


@dataclass(frozen=True)
class ShownFilm:
    """A test film: `pixels` float32 (H, W) in [0, 1]; `right`: networks that name its class rightly."""

    pixels: np.ndarray
    label: str
    source: str
    right: tuple[str, ...]


def show_films(
    images: np.ndarray, targets: np.ndarray, sources: np.ndarray, correct: Mapping[str, np.ndarray]
) -> list[ShownFilm]:
    """The first `SHOWN` test films of each class. images (N, 1, H, W); correct: bool (N,) by network."""
    return [
        ShownFilm(
            images[row, 0],
            FOUR_CLASSES[label],
            str(sources[row]),
            tuple(NAMES[name] for name, right in correct.items() if right[row]),
        )
        for label in range(len(FOUR_CLASSES))
        for row in np.flatnonzero(targets == label)[:SHOWN]
    ]


def figure_set(summary: Mapping[str, Any]) -> dict[str, bytes]:
    """Every figure in both widths, as PNG and SVG, and its numbers as CSV."""
    files: dict[str, bytes] = {}
    for name, row in summary["models"].items():
        matrix = np.array(row["confusion"])
        draw = partial(_draw_confusion, matrix, NAMES[name])
        table = csv_text(confusion_table(matrix, FOUR_CLASSES))
        files |= figure_files(f"confusion-{name}", draw, table)
    models = {NAMES[name]: row for name, row in summary["models"].items()}
    table = csv_text(reliability_table(models), "%.6g")
    return files | figure_files("reliability", partial(draw_reliability, models), table)


def _draw_confusion(matrix: np.ndarray, title: str, width: float) -> Figure:
    return draw_confusion(matrix, FOUR_CLASSES, title, width)


def write_page(
    folder: Path, summary: Mapping[str, Any], figures: Mapping[str, bytes], films: Sequence[ShownFilm] = ()
) -> Path:
    """Write report.html and figures/ into `folder`; returns the page."""
    for name, content in figures.items():
        write_bytes_atomic(folder / "figures" / name, content)
    write_text_atomic(folder / "report.html", page(summary, figures, films))
    return folder / "report.html"


def page(summary: Mapping[str, Any], figures: Mapping[str, bytes], films: Sequence[ShownFilm] = ()) -> str:
    """The page as HTML; `summary`: table2.json; `figures`: `figure_set`'s."""
    models = summary["models"]
    charts = {name: svg_uri(figures[f"confusion-{name}-1col.svg"]) for name in models}
    wide, narrow = (svg_uri(figures[f"reliability-{width}.svg"]) for width in ("2col", "1col"))
    return render(
        TEMPLATE,
        {"percent": percent, "p_cell": p_cell, "class_name": class_name},
        s=summary,
        first=next(iter(models.values())),
        by_source=summary["source_accuracy_test"][0],
        blind=summary["source_accuracy_test"][1],
        answers=answers(summary),
        films={label: [_shown(film) for film in films if film.label == label] for label in FOUR_CLASSES},
        names=NAMES,
        paper=PAPER,
        confusions=charts,
        reliability={"wide": wide, "narrow": narrow},
        settings=[
            ("Image size", f"{summary['image_size']} pixels a side"),
            ("Epochs", f"at most {summary['epochs']}"),
            ("Seed", str(summary["seed"])),
            *(("Note", note) for note in summary["notes"]),
        ],
    )


def answers(summary: Mapping[str, Any]) -> list[str]:
    """The result in two sentences: the best network, and what of it the source of a film gives away."""
    models = summary["models"]
    best = max(models, key=lambda name: models[name]["accuracy"])
    row, (by_source, blind) = models[best], summary["source_accuracy_test"]
    low, high = row["accuracy_ci95"]
    beaten, tied = list[str](), list[str]()
    for pair in summary["mcnemar"]:
        if best in (pair["a"], pair["b"]):
            other = pair["b"] if pair["a"] == best else pair["a"]
            (beaten if pair["p_value_patients_adjusted"] < LEVEL else tied).append(NAMES[other])
    said = f"{NAMES[best]} names the class of {percent(row['accuracy'])} of the test films rightly "
    said += f"(95 % CI {percent(low)} to {percent(high)}, patients as units)"
    said += f"; better than {', '.join(beaten)}" if beaten else ""
    said += f"; not told apart from {', '.join(tied)}" if tied else ""
    masked = row["shortcut"]["lungs masked"]["accuracy"]
    return [
        f"{said}.",
        f"Always naming the commonest class would be right in {percent(blind)}; knowing only which data set "
        f"a film is from, in {percent(by_source)}. {NAMES[best]} with the lungs masked: {percent(masked)}.",
    ]


def _shown(film: ShownFilm) -> dict[str, str]:
    right = ", ".join(film.right) or "no network"
    return {"uri": film_uri(film.pixels), "source": film.source, "right": right}
