"""Lung masks against radiologists': the trained segmenter and the rule, Dice and IoU a film.

    python eval/lungs.py ROOT --lungs DIR [--chestxray14 ROOT] [--films 1500] [--device auto]

ROOT: films with lung masks (labels.csv); DIR: what train-lungs wrote with --seed. Scored are the patients of
split 'test', whom the training did not see. On ChestX-ray14, which has no masks: how often each finder's own
answer is believable and how far they agree, on patients of its splits train and val. Writes
eval/results/lungs.json, lungs.md and lungs.png; a picture of single films, lungs-films.png, goes to --work,
for patients' films are no result.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from common.markdown import document, table
from common.options import options, run
from common.results import write_results
from cxrneighbors.data.imports import import_dataset
from cxrneighbors.data.pixels import load_images
from cxrneighbors.data.skipped import Skipped
from cxrneighbors.figures import BLUE, ORANGE, PAGE_WIDTH, TEAL, new_figure, to_png
from cxrneighbors.files import write_bytes_atomic
from cxrneighbors.lungs.films import read_lung_films, read_lungs
from cxrneighbors.lungs.masks import believable, completed, dice
from cxrneighbors.lungs.rule import dark_lungs
from cxrneighbors.lungs.segmenter import LungSegmenter
from cxrneighbors.progress import say, track

if TYPE_CHECKING:
    from matplotlib.figure import Figure


FAILED = 0.8  # a Dice overlap below it
SIZE = 256  # pixels a side at which masks are compared
COLOURS = {"segmenter": BLUE, "rule": ORANGE}
SHOWN = 4  # films of each data set in the picture


@dataclass(frozen=True)
class Answers:
    """One finder's masks bool (N, 2, H, W) after falling back, and before it; seconds for all films."""

    masks: np.ndarray
    own: np.ndarray
    seconds: float
    sources: dict[str, int]

    @property
    def per_thousand(self) -> float:
        """Seconds for 1,000 films."""
        return round(1000 * self.seconds / len(self.masks), 1)


def main(arguments: Sequence[str] | None = None) -> None:
    given = parse(arguments)
    segmenter = LungSegmenter.load(given.lungs, given.device)
    films = read_lung_films(given.root, Skipped(), given.seed)
    films = films[films["split"] == "test"].reset_index(drop=True)
    images, _ = load_images(films["path"].tolist(), SIZE)
    true = np.stack([read_lungs(path) for path in films["mask_path"]])
    answers = both_finders(segmenter, images)
    overlaps = {name: dice(either(true), either(found.masks)) for name, found in answers.items()}
    summary: dict[str, Any] = {
        "weights_hash": segmenter.weights_hash(),
        "masked": {
            "films": len(films),
            "patients": int(films["patient_id"].nunique()),
            "finders": {
                name: {
                    "seconds_per_1000_films": found.per_thousand,
                    "sources": found.sources,
                    **by_source(films["source"], overlaps[name], found.own),
                }
                for name, found in answers.items()
            },
        },
    }
    rows = picture_rows(images, answers, overlaps["segmenter"], true)
    if given.chestxray14:
        others = chest_films(given.chestxray14, given.films, given.seed)
        answers = both_finders(segmenter, others)
        agreement = dice(*(either(found.masks) for found in answers.values()))
        summary["chestxray14"] = unmasked(answers, agreement)
        rows += picture_rows(others, answers, agreement)
    write_bytes_atomic(given.work / "lungs-films.png", to_png(draw_films(rows)))
    figures = {"lungs": draw_dice(overlaps)}
    write_results(given.results, "lungs", summary, markdown(summary), figures, given.device)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = options(__doc__, "root", "--seed", "--device", "--work", "--results")
    parser.add_argument("--lungs", type=Path, required=True, help="folder written by train-lungs")
    parser.add_argument("--chestxray14", type=Path, help="ChestX-ray14 in its published layout")
    parser.add_argument("--films", type=int, default=1500, help="at most so many films of it")
    return parser.parse_args(arguments)


def chest_films(root: Path, at_most: int, seed: int) -> np.ndarray:
    """Frontal films of patients who are not of split 'test', drawn at random: float32 (N, 1, H, W)."""
    studies = import_dataset("chestxray14", root).studies
    rows = studies[(studies["split"] != "test") & studies["view"].isin(["PA", "AP"])]
    rows = rows.sample(min(at_most, len(rows)), random_state=seed)
    return load_images(rows["path"].tolist(), SIZE, skipped=Skipped())[0]


def either(lungs: np.ndarray) -> np.ndarray:
    """Both lungs bool (N, 2, H, W) as one mask (N, H, W)."""
    return np.asarray(lungs.any(axis=1))


def both_finders(segmenter: LungSegmenter, images: np.ndarray) -> dict[str, Answers]:
    segmenter.network_masks(images[:1])  # what is loaded on first use is not timed
    started = time.perf_counter()
    found = segmenter.find(images)
    network_seconds = time.perf_counter() - started
    say(found.summary())
    started = time.perf_counter()
    dark = [dark_lungs(image[0]) for image in track(images, "lungs by the rule", len(images))]
    masks = np.stack([completed(lungs, known) for lungs, known in dark])
    rule_seconds = time.perf_counter() - started
    seen = Counter(("usual place", "mirrored", "rule")[int(known.sum())] for _, known in dark)
    own = np.stack([lungs for lungs, _ in dark])
    return {
        "segmenter": Answers(
            found.masks, segmenter.network_masks(images), network_seconds, dict(Counter(found.sources))
        ),
        "rule": Answers(masks, own, rule_seconds, dict(seen)),
    }


def by_source(sources: pd.Series, overlap: np.ndarray, own: np.ndarray) -> dict[str, Any]:
    """Figures of all films and of each hospital's."""
    everyone = np.ones(len(sources), dtype=bool)
    groups = {"all": everyone} | {name: (sources == name).to_numpy() for name in sorted(set(sources))}
    return {name: figures(overlap[rows], own[rows]) for name, rows in groups.items()}


def figures(overlap: np.ndarray, own: np.ndarray) -> dict[str, Any]:
    """Of films with Dice `overlap` (N,) and the finder's own masks (N, 2, H, W), before falling back."""
    iou, credible = overlap / (2 - overlap), believable(own)
    return {
        "n": len(overlap),
        "dice": overlap.mean(),
        "dice_p5": np.percentile(overlap, 5),
        "dice_least": overlap.min(),
        "iou": iou.mean(),
        "iou_p5": np.percentile(iou, 5),
        "dice_too_low": (overlap < FAILED).mean(),
        "not_believable": (~credible).mean(),
        "failed": ((overlap < FAILED) | ~credible).mean(),
    }


def unmasked(answers: dict[str, Answers], agreement: np.ndarray) -> dict[str, Any]:
    """Films without masks: who is believable, and how well the two agree."""
    own = {name: believable(found.own) for name, found in answers.items()}
    return {
        "films": len(agreement),
        "believable": {name: values.mean() for name, values in own.items()},
        "both_believable": (own["segmenter"] & own["rule"]).mean(),
        "agreement_dice": agreement.mean(),
        "agreement_dice_p5": np.percentile(agreement, 5),
        "agree": (agreement >= FAILED).mean(),
        "sources": {name: found.sources for name, found in answers.items()},
        "seconds_per_1000_films": {name: found.per_thousand for name, found in answers.items()},
    }


Row = tuple[np.ndarray, dict[str, np.ndarray], str]


def picture_rows(
    images: np.ndarray, answers: dict[str, Answers], overlap: np.ndarray, true: np.ndarray | None = None
) -> list[Row]:
    """The films of the two least and the two median overlaps: pixels, masks by name, title."""
    order, middle = np.argsort(overlap), len(overlap) // 2
    rows: list[Row] = []
    for row in [*order[: SHOWN // 2], *order[middle : middle + SHOWN // 2]]:
        masks = {name: found.masks[row].any(0) for name, found in answers.items()}
        what = "overlap of the two" if true is None else "segmenter's Dice"
        truth = {} if true is None else {"radiologist": true[row].any(0)}
        rows.append((images[row, 0], masks | truth, f"{what} {overlap[row]:.2f}"))
    return rows


def draw_films(rows: list[Row]) -> Figure:
    """Films with the outlines of radiologist (teal), segmenter (blue) and rule (orange)."""
    lines = -(-len(rows) // SHOWN)
    figure = new_figure(PAGE_WIDTH, 2.0 * lines, constrained=True)
    for place, (picture, masks, title) in enumerate(rows, 1):
        axes = figure.add_subplot(lines, SHOWN, place)
        axes.imshow(picture, cmap="gray", vmin=0, vmax=1)
        for name, mask in masks.items():
            axes.contour(mask, [0.5], colors=[(COLOURS | {"radiologist": TEAL})[name]], linewidths=0.8)
        axes.set_title(title, fontsize=7)
        axes.set_axis_off()
    return figure


def draw_dice(overlaps: dict[str, np.ndarray]) -> Figure:
    """For each Dice overlap the share of films below it."""
    figure = new_figure(PAGE_WIDTH / 2, 2.4, constrained=True)
    axes = figure.add_subplot()
    for name, overlap in overlaps.items():
        shares = np.arange(1, len(overlap) + 1) / len(overlap)
        axes.step(np.sort(overlap), 100 * shares, where="post", color=COLOURS[name], label=name)
    axes.set_xlabel("Dice overlap with the radiologist's mask", fontsize=8)
    axes.set_ylabel("films at or below, %", fontsize=8)
    axes.tick_params(labelsize=7)
    axes.legend(fontsize=8, frameon=False)
    return figure


def markdown(summary: dict[str, Any]) -> str:
    masked = summary["masked"]
    rows = [
        {"finder": name, "source": source, **values}
        for name, found in masked["finders"].items()
        for source, values in found.items()
        if isinstance(values, dict) and "dice" in values
    ]
    columns = {
        "finder": "{finder}",
        "films": "{source} ({n})",
        "Dice:": "{dice:.3f}",
        "5th percentile:": "{dice_p5:.3f}",
        "least:": "{dice_least:.3f}",
        "IoU:": "{iou:.3f}",
        "5th percentile of IoU:": "{iou_p5:.3f}",
        "Dice < 0.8:": "{dice_too_low:.1%}",
        "not believable:": "{not_believable:.1%}",
        "either:": "{failed:.1%}",
    }
    seconds = {name: found["seconds_per_1000_films"] for name, found in masked["finders"].items()}
    about = (
        f"Lungs of {masked['films']} films of {masked['patients']} patients whom the training did not see, "
        f"against radiologists' masks, at {SIZE} pixels. "
        f"{speed(seconds)}"
    )
    blocks = [about, table(columns, rows)]
    if "chestxray14" in summary:
        blocks.append(chest_text(summary["chestxray14"]))
    return document(*blocks)


def chest_text(found: dict[str, Any]) -> str:
    network, rule = (100 * found["believable"][name] for name in ("segmenter", "rule"))
    return (
        f"ChestX-ray14, {found['films']} films without masks: the network's own answer is believable on "
        f"{network:.1f} % of them, the rule's on {rule:.1f} %. After falling back their Dice overlap is "
        f"{found['agreement_dice']:.3f} on average (5th percentile {found['agreement_dice_p5']:.3f}); on "
        f"{100 * found['agree']:.1f} % of the films it is {FAILED} or more."
    )


def speed(seconds: dict[str, float]) -> str:
    return f"1,000 films take the segmenter {seconds['segmenter']} s and the rule {seconds['rule']} s."


if __name__ == "__main__":
    run(main)
