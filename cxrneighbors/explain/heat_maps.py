"""Heat maps of many films as pictures: where a classifier looks for one finding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from cxrneighbors.artifact import Kind
from cxrneighbors.data.skipped import Skipped
from cxrneighbors.errors import UserError, choose
from cxrneighbors.explain.cohort import film_name
from cxrneighbors.explain.explainer import Explainer
from cxrneighbors.explain.films import Film
from cxrneighbors.explain.full_size import full_size
from cxrneighbors.explain.identity import model_hash
from cxrneighbors.explain.page import grey, tints
from cxrneighbors.explain.perturb import MaskedFilms
from cxrneighbors.explain.predictor import Model, Predictor
from cxrneighbors.explain.registry import build_explainer
from cxrneighbors.files import atomic_path
from cxrneighbors.progress import track
from cxrneighbors.records import write_records

HEAT_MAPS = Kind("heat maps", 1, "predict")
METHODS = {"grad-cam": 3, "occlusion": 256}  # and how often each may ask the classifier
TABLE = "heat_maps.csv"
COLUMNS = ("image_id", "target", "score", "file")
TILES = 8  # a side; maps need no segments, and a grid is the cheapest


def heat_maps(
    model: Model | Predictor,
    films: pd.DataFrame | Sequence[str | Path],
    target: str,
    out: str | Path,
    *,
    method: str = "grad-cam",
    device: str = "auto",
    skipped: Skipped | None = None,
) -> pd.DataFrame:
    """A picture of each film with the evidence for label `target` laid over it, in folder `out`.

    `films`: a study table, or image files. `method`: 'grad-cam' or 'occlusion' (16 × 16 squares, see
    `explain.rivals`). Orange speaks for the target, blue against it; the strongest colour is each film's
    own largest evidence, so a film of low score has colours too: read it with the score. The pictures have
    the film's size, up to 1024 pixels.

    Returns and writes heat_maps.csv: `image_id`, `target`, `score` (float, in [0, 1]), `file`. Pictures that
    lie there from an interrupted run of the same classifier, target and method are kept. Unreadable films go
    to `skipped`. Raises `UserError` for an unknown target or method, and a folder of other heat maps.
    """
    choose("method of heat maps", method, list(METHODS))
    predictor = model if isinstance(model, Predictor) else Predictor(model, device=device)
    explainer = build_explainer(method, predictor, n_masks=METHODS[method], segmentation=_grid)
    plan = {"classifier": model_hash(predictor.model), "target": target, "method": method}
    predictor.column(target)
    work = HEAT_MAPS.begin(out, plan)
    if work.complete:
        work.reopen()
    rows, left_out = [], Skipped("heat maps") if skipped is None else skipped
    for image_id, film_path in track(_listed(films), f"heat maps ({explainer.title})"):
        try:
            if film_path is None:
                raise UserError("no image file")
            film = explainer.reader.read(Path(film_path))
            named = film if film_path == image_id else replace(film, image_id=image_id, path=None)
            file = f"{film_name(named, image_id)}.png"
            score = _drawn(explainer, film, target, work.folder / file)
            rows.append({"image_id": image_id, "target": target, "score": score, "file": file})
        except UserError as error:
            left_out.add(image_id, str(error))
    table = pd.DataFrame(rows, columns=list(COLUMNS)).astype({"score": np.float32})
    write_records(table, work.folder / TABLE)
    work.finish(files=[TABLE, *table["file"]])
    return table


def overlaid(film: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """Evidence (h, w) laid over a film (C, H, W) in [0, 1], enlarged to it: uint8 (H, W, 3).

    The largest evidence of either sign has the strongest colour; where it is 0 the film is as it was.
    """
    height, width = film.shape[-2:]
    small = Image.fromarray(np.asarray(heat, dtype=np.float32))
    large = np.asarray(small.resize((width, height), Image.Resampling.BILINEAR))
    colours = tints()(large / (2 * np.abs(large).max() or 1.0) + 0.5)
    picture = grey(film) * (1 - colours[..., 3:]) + colours[..., :3] * colours[..., 3:]
    return np.asarray((255 * np.clip(picture, 0, 1)).round().astype(np.uint8))


def _drawn(explainer: Explainer, film: Film, target: str, path: Path) -> float:
    """The film's score; its picture is at `path`, drawn unless it was there."""
    if path.is_file():
        return float(explainer.predictor.scores(MaskedFilms.unmasked(film.pixels), target)[0])
    explanation = explainer.explain_film(film, target)
    full = full_size(explanation, film, explainer.reader)
    with atomic_path(path) as temporary:
        Image.fromarray(overlaid(full.film, explanation.heatmap())).save(temporary)
    return explanation.prediction


def _listed(films: pd.DataFrame | Sequence[str | Path]) -> list[tuple[str, str | None]]:
    """Image ids and files; of a file from outside its path is both."""
    if isinstance(films, pd.DataFrame):
        paths = [path if isinstance(path, str) and path.strip() else None for path in films["path"]]
        return list(zip(films["image_id"], paths, strict=True))
    return [(str(path), str(path)) for path in films]


def _grid(pixels: np.ndarray) -> np.ndarray:
    """Squares, `TILES` a side: int32 (H, W)."""
    rows, columns = (np.arange(side) * TILES // side for side in pixels.shape[-2:])
    return np.asarray(rows[:, None] * TILES + columns, dtype=np.int32)
