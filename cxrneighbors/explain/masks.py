"""Which segments are kept in which masked film. Everywhere in this package 1 = kept, 0 = masked."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import numpy as np


def draw_masks(n_masks: int, n_segments: int, rng: np.random.Generator) -> np.ndarray:
    """LIME's random masks, each segment kept with probability 1/2: uint8 (P, S), 1 = kept."""
    return rng.integers(0, 2, size=(n_masks, n_segments), dtype=np.uint8)


def random_rounds(
    n_films: int, n_masks: int, n_segments: int, rng: np.random.Generator
) -> Iterator[np.ndarray]:
    """Rounds of random masks without end, each `n_masks` for every film: uint8 (n_films · P, S)."""
    while True:
        yield draw_masks(n_films * n_masks, n_segments, rng)


def pool_masks(n_pool: int, n_segments: int) -> np.ndarray:
    """A fixed pool of random masks, the same for every film of S segments: uint8 (n_pool, S), 1 = kept."""
    return draw_masks(n_pool, n_segments, np.random.default_rng([n_pool, n_segments]))


def hadamard_rounds(
    n_films: int, n_masks: int, n_segments: int, rng: np.random.Generator
) -> Iterator[np.ndarray]:
    """Rounds of `hadamard_design`, the same for every film, at least `n_masks` each; `rng` is not used."""
    order = hadamard_order(n_segments, n_masks)
    for number in count():
        yield np.tile(hadamard_design(n_segments, order, number), (n_films, 1))


def balanced_rounds(n_rows: int, n_segments: int) -> Iterator[np.ndarray]:
    """Rounds of as many whole `hadamard_design`s as fit into `n_rows`, rows shuffled: uint8 (<= n_rows, S).

    Where not one fits, `n_rows` random masks. No seed is involved: a round is the same for every film of S
    segments. Shuffled, so that films shown in turn fall evenly on every segment.
    """
    order = hadamard_order(n_segments)
    n_designs = n_rows // (2 * order)
    for number in count():
        rng = np.random.default_rng([n_rows, n_segments, number])
        if not n_designs:
            yield draw_masks(n_rows, n_segments, rng)
            continue
        first = number * n_designs
        designs = [hadamard_design(n_segments, order, first + one) for one in range(n_designs)]
        yield rng.permutation(np.concatenate(designs))


def hadamard_order(n_segments: int, at_least: int = 1) -> int:
    """Smallest power of two n above `n_segments` with 2n >= `at_least`.

    >>> hadamard_order(3), hadamard_order(40, at_least=100), hadamard_order(3, at_least=100)
    (4, 64, 64)
    """
    order = 2
    while order <= n_segments or 2 * order < at_least:
        order *= 2
    return order


def hadamard_design(n_segments: int, order: int, number: int = 0) -> np.ndarray:
    """A fixed mask design from a Hadamard matrix and its fold-over: uint8 (2 * order, S), 1 = kept.

    Every segment is kept in exactly half of the masks and every pair in exactly a quarter, so that main
    effects are estimated independently of one another; each mask comes with its complement, so that they
    are also clear of two-segment interactions (a fold-over design of resolution IV). No seed is involved.

    `order`: a power of two above S. `number`: which of the order / 2 designs of this size, made of other
    columns. Row 0 keeps everything, row `order` nothing.

    >>> design = hadamard_design(3, 4)
    >>> design.sum(0), int((design[:, 0] & design[:, 1]).sum())
    (array([4, 4, 4], dtype=uint64), 2)
    """
    from scipy.linalg import hadamard

    # The first columns of a much larger Sylvester matrix repeat the same few rows; columns strewn by an odd
    # step near the golden section (odd: so no two meet) make the rows differ.
    step = (max(1, round(order * 0.618)) + 2 * number) % order | 1
    columns = np.arange(1, n_segments + 1) * step % order
    kept = (hadamard(order)[:, columns] > 0).astype(np.uint8)
    return np.concatenate([kept, 1 - kept])
