"""A classifier's probabilities of many films, read and scored in batches; an interrupted run goes on."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from cxrneighbors.artifact import Kind, differences
from cxrneighbors.classifiers.base import Classifier, evaluating
from cxrneighbors.classifiers.registry import load_classifier
from cxrneighbors.data.ahead import ahead
from cxrneighbors.data.pixels import load_images
from cxrneighbors.data.skipped import Skipped
from cxrneighbors.devices import PRECISIONS, autocast, resolve_device
from cxrneighbors.errors import UserError, choose
from cxrneighbors.files import atomic_path
from cxrneighbors.progress import say, track
from cxrneighbors.ray_cluster import by_actors
from cxrneighbors.records import check_replaceable, write_records

PARTS = Kind("unfinished predictions", 1, "predict")
PART = 512  # films that an interruption can lose
REASON = "skipped, because"  # column of a part: why a film has no probabilities


def predict(
    model: Classifier | str | Path,
    studies: pd.DataFrame | Sequence[str | Path],
    *,
    out: str | Path | None = None,
    batch_size: int = 64,
    device: str = "auto",
    precision: str = "auto",
    skipped: Skipped | None = None,
    engine: str = "local",
) -> pd.DataFrame:
    """Probabilities of each film: columns `image_id` and the classifier's labels, float32 in [0, 1].

    `model`: a classifier or its folder. `studies`: a study table, or image files, whose image_id is then the
    path as it is given. `out`: also written there, as .csv, .parquet or .json; until all films are scored,
    what is done lies beside it in a folder `<out>.parts`, from which the same call goes on.
    `precision`: see `devices.autocast`. `engine`: 'local', or 'ray' for actors of a Ray cluster that sees the
    films. Rows are in the order of the films, without those that cannot be
    read; these go to `skipped` with the reason, and a line says how many.

    Raises `UserError` for a file at `out` that is no table of such columns, for scores that are not finite,
    and when no film can be read.
    """
    if batch_size < 1:
        raise UserError(f"batch size {batch_size}: must be at least 1")
    run = ENGINES[choose("engine", engine, list(ENGINES))]
    network = model if isinstance(model, Classifier) else load_classifier(model, device)
    films = _films(studies)
    scorer = _Scorer(network, batch_size, resolve_device(device), choose("precision", precision, PRECISIONS))
    columns = ["image_id", *network.labels]
    if out is None:
        parts = list(run(scorer, films, range(0, len(films), PART)))
    else:
        check_replaceable(out, columns)
        folder = Path(out).with_name(f"{Path(out).name}.parts")
        parts = _in_parts(run, scorer, films, folder)
    found, left_out = pd.concat(parts, ignore_index=True), Skipped("predict") if skipped is None else skipped
    read = found[REASON].isna()
    for image_id, reason in found.loc[~read, ["image_id", REASON]].itertuples(index=False):
        left_out.add(image_id, reason)
    if not read.any():
        if out is not None:
            shutil.rmtree(folder)
        raise UserError(f"predict: not one of {len(films)} films can be read; {left_out.summary()}")
    if not read.all():
        say(left_out.summary())
    result = found.loc[read, columns].reset_index(drop=True)
    if out is not None:
        write_records(result, out)
        shutil.rmtree(folder)
    return result


@dataclass(frozen=True)
class _Scorer:
    model: Classifier
    batch_size: int
    device: str
    precision: str

    def parts(self, films: pd.DataFrame, starts: Sequence[int]) -> Iterator[pd.DataFrame]:
        """Tables of up to `PART` films from each of `starts` on: image_id, C probabilities, `REASON`.

        The next films are read while the present ones are scored.
        """
        steps = [range(start, min(start + PART, len(films)), self.batch_size) for start in starts]
        batches = ahead(lambda at: self._read(films.iloc[at]), [_rows(s, at) for s in steps for at in s])
        shown = track(batches, f"predicting ({self.model.name})", total=sum(map(len, steps)))
        if self.precision == "bfloat16":  # half as fast otherwise
            self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        with evaluating(self.model.to(self.device)):
            for step in steps:
                yield pd.concat([self._scored(*next(shown)) for _ in step], ignore_index=True)

    def plan(self, films: pd.DataFrame) -> dict[str, Any]:
        """All that decides the probabilities."""
        return {
            "classifier": self.model.weights_hash(),
            "config": self.model.config(),
            "films": hashlib.sha256(films.to_json(orient="values").encode()).hexdigest(),
            "precision": self.precision,
        }

    def _read(self, films: pd.DataFrame) -> tuple[list[str], np.ndarray, np.ndarray, dict[str, str]]:
        skipped, ids = Skipped("predict"), films["image_id"].tolist()
        paths = films["path"].tolist()
        images, kept = load_images(paths, self.model.image_size, self.model.aspect, skipped, names=ids)
        listed = skipped.to_frame()
        return ids, images, kept, dict(zip(listed["item"], listed["reason"], strict=True))

    def _scored(
        self, ids: list[str], images: np.ndarray, kept: np.ndarray, reasons: dict[str, str]
    ) -> pd.DataFrame:
        scores = np.full((len(ids), len(self.model.labels)), np.nan, dtype=np.float32)
        if len(kept):
            scores[kept] = self._scores(images, self.precision)
        table = pd.DataFrame(scores, columns=list(self.model.labels))
        table.insert(0, "image_id", ids)
        return table.assign(**{REASON: pd.Series([reasons.get(name) for name in ids], dtype=object)})

    def _scores(self, images: np.ndarray, precision: str) -> np.ndarray:
        batch = torch.from_numpy(images).to(self.device)
        with torch.inference_mode(), autocast(batch.device.type, precision) as half:
            scores = self.model.scores(batch).float().cpu().numpy()
        if np.isfinite(scores).all():
            return scores
        if half:  # an activation beyond float16
            return self._scores(images, "float32")
        raise UserError("classifier: scores that are NaN or infinite; check its weights and the films")


def _rows(step: range, at: int) -> slice:
    return slice(at, min(at + step.step, step.stop))


def _films(studies: pd.DataFrame | Sequence[str | Path]) -> pd.DataFrame:
    """Films as `image_id` and `path` (text or None)."""
    if isinstance(studies, pd.DataFrame):
        paths = [path if isinstance(path, str) and path.strip() else None for path in studies["path"]]
        ids = studies["image_id"].tolist()
    else:
        paths = ids = [str(path) for path in studies]
    if not ids:
        raise UserError("predict: there are no films; give a study table with rows, or image files")
    films = pd.DataFrame({"image_id": ids, "path": pd.Series(paths, dtype=object)})
    if films["image_id"].duplicated().any():
        twice = films["image_id"][films["image_id"].duplicated()].iloc[0]
        raise UserError(f"predict: {twice!r} is given twice; give each film once")
    return films


def _in_parts(run: Engine, scorer: _Scorer, films: pd.DataFrame, folder: Path) -> list[pd.DataFrame]:
    """All parts, those that lie in `folder` from an interrupted run with the same plan read back."""
    plan = scorer.plan(films)
    found = PARTS.check_free(folder, {})
    other = found is not None and bool(differences(found, plan))
    if other:
        shutil.rmtree(folder)
    PARTS.begin(folder, plan)
    paths = {start: folder / f"{start:09d}.parquet" for start in range(0, len(films), PART)}
    missing = [start for start, path in paths.items() if not path.is_file()]
    if len(missing) < len(paths):
        say(f"{folder}: {len(paths) - len(missing)} of {len(paths)} parts are done, going on")
    for start, part in zip(missing, run(scorer, films, missing), strict=True):
        with atomic_path(paths[start]) as temporary:
            part.to_parquet(temporary, index=False)
    return [pd.read_parquet(path) for path in paths.values()]


def _parts_on_ray(scorer: _Scorer, films: pd.DataFrame, starts: Sequence[int]) -> Iterator[pd.DataFrame]:
    """`_Scorer.parts` by actors that hold the classifier, one a GPU or a processor core."""
    ranges = [films.iloc[start : start + PART] for start in starts]
    title = f"predicting ({scorer.model.name}, ray)"
    yield from track(by_actors(scorer, _part, ranges, scorer.device), title, len(ranges))


def _part(scorer: _Scorer, films: pd.DataFrame) -> pd.DataFrame:
    (part,) = scorer.parts(films, [0])
    return part


Engine = Callable[[_Scorer, pd.DataFrame, Sequence[int]], Iterator[pd.DataFrame]]
ENGINES: dict[str, Engine] = {"local": _Scorer.parts, "ray": _parts_on_ray}
