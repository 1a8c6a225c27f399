"""One picture under several ids: found by a perceptual hash, confirmed by the pixels.

The hash is a difference hash (dHash, N. Krawetz 2013) in both directions over a grid of means: it outlives
compression, other sizes, brightness and noise. Chest films are all alike to it, so that what agrees is then
compared by the correlation of the films' details, with the blurred film taken away. A mirrored copy and a
negative are looked for too. A copy that was cropped or shifted by more than some hundredths is not found.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy.ndimage import gaussian_filter

from cxrneighbors.data.content import content_hash, first_linked
from cxrneighbors.errors import UserError

SIDE, GRID = 64, 16
# Measured on 750 films of ChestX-ray14 and copies made of 200 of them (JPEG of quality 20, three quarters of
# the size, gamma 1.5): copies agree in 84 % of the bits or more, and their details correlate by 0.88 or more;
# films of other patients reach 0.69, of one patient 0.83. Of copies with noise of 0.03 some 4 % are missed.
LEAST_AGREEMENT = 0.83
LEAST_CORRELATION = 0.86
KINDS = ("identical", "near", "mirrored", "negative", "mirrored negative")
_BLUR, _MARGIN = 3.0, 4
_BLOCK = 2048


def difference_bits(films: np.ndarray) -> np.ndarray:
    """The hash of films (N, 64, 64), any range: 480 bits as float32 (N, 480) of 1 and -1."""
    step = SIDE // GRID
    grid = films.reshape(-1, GRID, step, GRID, step).astype(np.float32).mean(axis=(2, 4))
    across, down = np.diff(grid, axis=2) > 0, np.diff(grid, axis=1) > 0
    n = len(films)
    bits = np.concatenate([across.reshape(n, -1), down.reshape(n, -1)], axis=1)
    return np.where(bits, np.float32(1), np.float32(-1))


def details(films: np.ndarray) -> np.ndarray:
    """What is finer than a blur, without the margin, of mean 0 and length 1: float32 (N, 56 · 56)."""
    inner = slice(_MARGIN, SIDE - _MARGIN)
    films = films.astype(np.float32)
    fine = np.stack([film - gaussian_filter(film, _BLUR) for film in films])[:, inner, inner]
    flat = fine.reshape(len(films), -1)
    flat = flat - flat.mean(axis=1, keepdims=True)
    return np.asarray(flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6))


def find_copies(films: np.ndarray) -> pd.DataFrame:
    """Pairs of films (N, 64, 64), any range, that show one picture: `first` < `second`, int rows of `films`,
    `kind` (of `KINDS` but 'identical'), `correlation` of their details (of a negative: without its sign).
    """
    rows = [
        (first, second, kind, correlation)
        for mirrored in (False, True)
        for firsts, seconds in _candidates(films, mirrored)
        for first, second, kind, correlation in _confirmed(films, firsts, seconds, mirrored)
    ]
    pairs = pd.DataFrame(rows, columns=["first", "second", "kind", "correlation"])
    best = pairs.sort_values("correlation", ascending=False, kind="stable")
    return best.drop_duplicates(["first", "second"]).sort_values(["first", "second"], ignore_index=True)


def mark_identical(pairs: pd.DataFrame, paths: list[str]) -> pd.DataFrame:
    """The pairs with `kind` 'identical' where both files hold the same pixels, whatever they are called."""
    hashes = {row: _hash(paths[row]) for row in {*pairs["first"], *pairs["second"]}}
    same = [
        hashes[first] is not None and hashes[first] == hashes[second]
        for first, second in zip(pairs["first"], pairs["second"], strict=True)
    ]
    return pairs.assign(kind=np.where(same, "identical", pairs["kind"]))


def groups_of(pairs: pd.DataFrame, n: int) -> np.ndarray:
    """Films linked by pairs, directly or through others: int (n,), the number of each film's group from 1 on,
    0 for a film without a copy."""
    units = [*pairs["first"], *pairs["second"]]
    links = [*range(len(pairs)), *range(len(pairs))]
    found = np.zeros(n, dtype=np.int64)
    numbers: dict[int, int] = {}
    for row, first in sorted(zip(units, first_linked(units, links), strict=True)):
        found[row] = numbers.setdefault(first, len(numbers) + 1)
    return found


def _candidates(films: np.ndarray, mirrored: bool) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Pairs of rows whose hashes agree, or, as of a negative, disagree throughout."""
    bits = difference_bits(films)
    others = difference_bits(films[:, :, ::-1]) if mirrored else bits
    least = (2 * LEAST_AGREEMENT - 1) * bits.shape[1]
    for start in range(0, len(films), _BLOCK):
        for other in range(start, len(films), _BLOCK):
            agreement = bits[start : start + _BLOCK] @ others[other : other + _BLOCK].T
            first, second = np.nonzero(np.abs(agreement) >= least)
            first, second = first + start, second + other
            yield first[first < second], second[first < second]


def _confirmed(
    films: np.ndarray, firsts: np.ndarray, seconds: np.ndarray, mirrored: bool
) -> Iterator[tuple[int, int, str, float]]:
    for start in range(0, len(firsts), _BLOCK):
        first, second = firsts[start : start + _BLOCK], seconds[start : start + _BLOCK]
        turned = films[second][:, :, ::-1] if mirrored else films[second]
        found = (details(films[first]) * details(turned)).sum(axis=1)
        for place in np.flatnonzero(np.abs(found) >= LEAST_CORRELATION):
            kind = " ".join(["mirrored"] * mirrored + ["negative"] * bool(found[place] < 0)) or "near"
            yield int(first[place]), int(second[place]), kind, float(abs(found[place]))


def _hash(path: str) -> str | None:
    try:
        return content_hash(path)
    except UserError:
        return None
