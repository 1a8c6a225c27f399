"""The films of an explanation at the size they were taken, to be shown: classifiers see them smaller."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cxrneighbors.data.pixels import resize
from cxrneighbors.explain.explanation import Explanation
from cxrneighbors.explain.films import Film, FilmReader
from cxrneighbors.explain.page import enlarged

Films = Sequence[np.ndarray] | np.ndarray
LARGEST, NEIGHBOUR = 1024, 448  # pixels a side; no panel shows more of a film, of a neighbour


@dataclass(frozen=True)
class FullSize:
    """`film`: float32 (C, H', W'); `changed`: the film at which the decision turns, (C, H'', W''), None for
    none; `neighbours`: K of (C, H, W), each of a size of its own, None for none."""

    film: np.ndarray
    changed: np.ndarray | None
    neighbours: Films | None

    @classmethod
    def as_seen(cls, explanation: Explanation) -> FullSize:
        """The films as the classifier sees them."""
        return cls(explanation.image, explanation.counterfactual, explanation.neighbour_images)


def full_size(explanation: Explanation, film: Film, reader: FilmReader) -> FullSize:
    """The explained `film`, read by `reader`, its changed film and neighbours, as large as their files, up to
    `LARGEST` and `NEIGHBOUR`.

    Framed as the classifier's films are (`resize`). A film that was given as an array stays as the classifier
    sees it, and so does a changed film whose donor was registered, matched or feathered.
    """
    seen, image = FullSize.as_seen(explanation), film.path or film.image_id
    if reader.size is None:
        return seen
    seen = replace(seen, neighbours=_neighbours(explanation, reader))
    if image is None:
        return seen
    whole = _pixels(image, reader)
    side = min(LARGEST, max(whole.shape))
    if side <= reader.size:
        return seen
    large = resize(whole, side, reader.aspect)[None]
    return replace(seen, film=large, changed=_changed(explanation, large, reader))


def _neighbours(explanation: Explanation, reader: FilmReader) -> Films | None:
    small, size = explanation.neighbour_images, reader.size
    if small is None or size is None or reader.studies is None or size >= NEIGHBOUR:
        return small
    larger = []
    for name, seen in zip(explanation.neighbours["neighbor_id"], small, strict=True):
        whole = _pixels(str(name), reader)
        side = min(NEIGHBOUR, max(whole.shape))
        larger.append(resize(whole, side, reader.aspect)[None] if side > size else seen)
    return larger


def _changed(explanation: Explanation, large: np.ndarray, reader: FilmReader) -> np.ndarray | None:
    settings, changed = explanation.settings, explanation.settings.get("counterfactual")
    laid = settings.get("registration", "none") != "none" or settings.get("intensity", "none") != "none"
    if changed is None or laid or settings.get("feather"):
        return explanation.counterfactual
    donor = resize(_pixels(changed["donor"], reader), large.shape[-1], reader.aspect)[None]
    area = enlarged(np.isin(explanation.segments, changed["segments"]), large)
    return np.asarray(np.where(area, donor, large))


def _pixels(image: str | Path, reader: FilmReader) -> np.ndarray:
    """A film of the table, or of a file, as it is: float32 (H, W)."""
    studies = reader.studies if isinstance(image, str) else None
    return np.asarray(FilmReader(studies, None).read(image).pixels[0])
