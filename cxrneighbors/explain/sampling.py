"""Masked films' scores, round by round: what the surrogate is fitted on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from cxrneighbors.explain.locality import Locality
from cxrneighbors.explain.perturb import Fill, MaskedFilms
from cxrneighbors.explain.predictor import Predictor
from cxrneighbors.explain.surrogate import Sample


@dataclass(frozen=True)
class MaskDesign:
    """Which films are masked, and how often.

    `sources`: float32 (M, C, H, W), the target first; `segments`: int (H, W), the target's. `rounds`: masks
    (n · P, S), 1 = kept, round by round, of the first `n_masked` = n sources one after the other. With `fill`
    'neighbour' the masked segments of the target show the other sources in turn, or, with `mixed`, each one
    that this generator draws for it; `feather`: see `MaskedFilms`. The surrogate's features are 1 where a
    segment is kept, or, with `ones_are_masked`, where it is masked.
    """

    sources: np.ndarray
    segments: np.ndarray
    rounds: Iterator[np.ndarray]
    n_masked: int = 1
    fill: Fill = "grey"
    ones_are_masked: bool = False
    mixed: np.random.Generator | None = None
    feather: float = 0.0


def sample_rounds(
    predictor: Predictor, target: str, design: MaskDesign, locality: Locality
) -> Iterator[Sample]:
    """Score one round of masked films after the other, as long as one is asked for.

    A sample has the masked films source by source; the first round's begins with the unmasked target.
    """
    for number, z in enumerate(design.rounds):
        source = np.repeat(np.arange(design.n_masked), len(z) // design.n_masked)
        shown = _shown(design, source, z.shape[1])
        if number == 0:
            z = np.concatenate([np.ones_like(z[:1]), z])
            source, shown = np.insert(source, 0, 0), np.insert(shown, 0, 0, axis=0)
        films = MaskedFilms(design.sources, design.segments, z, shown, design.fill, design.feather)
        y = predictor.scores(films, target)
        x = 1 - z if design.ones_are_masked else z
        yield Sample(x, source, y, locality.distance(films, predictor.batches))


def in_turn(n_rows: int, n_sources: int) -> np.ndarray:
    """Which source fills the target's n-th masked film, all but the target in turn: int64 (N,) in 1..M-1.

    >>> in_turn(5, 3).tolist()
    [1, 2, 1, 2, 1]
    """
    return 1 + np.arange(n_rows) % (n_sources - 1)


def _shown(design: MaskDesign, source: np.ndarray, n_segments: int) -> np.ndarray:
    """Whose pixels fill row n: its own source's; those of the target other sources', see `MaskDesign`."""
    if design.fill != "neighbour":
        return source
    n_sources = len(design.sources)
    if design.mixed is not None:
        drawn = design.mixed.integers(1, n_sources, (len(source), n_segments))
        return np.where(source[:, None] == 0, drawn, source[:, None])
    own = np.flatnonzero(source == 0)
    shown = source.copy()
    shown[own] = in_turn(len(own), n_sources)
    return shown
