"""The films of Figure 4: example targets, each with its nearest neighbours, and what is said of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cxrneighbors.data.schema import NO_FINDING
from cxrneighbors.errors import UserError
from cxrneighbors.evaluation.evaluate import OverlapResult

SHOWN = 5  # neighbours of a target: more would be too small to read in print
PIXELS = 320
PARTS = ("image", "report")


@dataclass(frozen=True)
class ShownFilm:
    """One film. `rank`: 0 for the target; `findings`: names, each with whether the target has it too (never
    so for the target's own); `pixels`: float32 (PIXELS, PIXELS) in [0, 1], None where no file can be read.

    `distance`: in the space of the method; `parts`: of image and report, those that are known.
    """

    rank: int
    image_id: str
    view: str
    findings: tuple[tuple[str, bool], ...]
    pixels: np.ndarray | None
    distance: float | None = None
    parts: tuple[tuple[str, float], ...] = ()

    @property
    def distance_text(self) -> str:
        """'d = 0.42'; '' for the target."""
        return "" if self.distance is None else f"d = {_number(self.distance)}"

    @property
    def parts_text(self) -> str:
        """'image 0.31, report 0.53', what is known of it."""
        return ", ".join(f"{part} {_number(value)}" for part, value in self.parts)


@dataclass(frozen=True)
class Case:
    """An example target (`examples.RULE`): its rule, its overlap and the overlap by chance, its films."""

    rule: str
    overlap: float
    expected: float
    films: tuple[ShownFilm, ...]


def cases(result: OverlapResult, method: str) -> list[Case]:
    """The example targets of an index method, each with at most `SHOWN` neighbours."""
    studies = result.studies.set_index("image_id", drop=False)
    table = result.neighbors[result.neighbors["method"] == method]
    shown = []
    for example in result.examples[method]:
        target = studies.loc[example["image_id"]]
        films = [_film(target, None, method, set())]
        hits = table[table["query_id"] == example["image_id"]].sort_values("rank").head(SHOWN)
        for _, hit in hits.iterrows():
            films.append(_film(studies.loc[hit["neighbor_id"]], hit, method, set(target["findings"])))
        shown.append(Case(example["rule"], example["overlap"], example["expected"], tuple(films)))
    return shown


def cases_table(shown: list[Case]) -> pd.DataFrame:
    """What Figure 4 shows, a row a film; findings are joined by "|"."""
    rows = [
        {
            "example": case.rule,
            "role": "neighbour" if film.rank else "target",
            "rank": film.rank,
            "image_id": film.image_id,
            "view": film.view,
            "distance": film.distance,
            "image_distance": dict(film.parts).get("image"),
            "report_distance": dict(film.parts).get("report"),
            "findings": "|".join(name for name, _ in film.findings),
            "shared_findings": "|".join(name for name, shared in film.findings if shared),
            "target_overlap": case.overlap,
            "target_overlap_by_chance": case.expected,
        }
        for case in shown
        for film in case.films
    ]
    return pd.DataFrame(rows)


def read_picture(path: Any, size: int = PIXELS) -> np.ndarray | None:
    """Pixels float32 (size, size) in [0, 1] for showing, or None where the file cannot be read."""
    if not isinstance(path, str):
        return None
    from cxrneighbors.data.pixels import load_image

    try:
        return np.asarray(load_image(path, size=size, aspect="pad")[0])
    except (UserError, OSError, ValueError):
        return None


def _film(study: pd.Series, hit: pd.Series | None, method: str, target: set[str]) -> ShownFilm:
    names = sorted(study["findings"], key=lambda name: (name not in target, name == NO_FINDING, name))
    parts = {} if hit is None else {part: hit[f"{part}_distance"] for part in PARTS if part != method}
    return ShownFilm(
        rank=0 if hit is None else int(hit["rank"]),
        image_id=str(study["image_id"]),
        view=str(study["view"]),
        findings=tuple((name, name in target) for name in names),
        pixels=read_picture(study["path"]),
        distance=None if hit is None else float(hit["distance"]),
        parts=tuple((part, float(value)) for part, value in parts.items() if value >= 0),
    )


def _number(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.2f}"
