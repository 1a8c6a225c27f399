from __future__ import annotations

import numpy as np
import pytest

from cxrneighbors.explain.masks import (
    draw_masks,
    hadamard_design,
    hadamard_order,
    hadamard_rounds,
    random_rounds,
)


@pytest.mark.parametrize(("n_segments", "order"), [(3, 4), (9, 16), (40, 64), (40, 256), (63, 64), (5, 512)])
def test_hadamard_design_is_balanced_orthogonal_and_folded_over(n_segments, order):
    kept = hadamard_design(n_segments, order).astype(int)
    assert kept.shape == (2 * order, n_segments)
    pairs = kept.T @ kept
    assert (np.diag(pairs) == order).all()  # each segment kept in half of the masks
    assert (pairs[~np.eye(n_segments, dtype=bool)] == order // 2).all()  # each pair in a quarter
    assert (kept[:order] + kept[order:] == 1).all()
    assert kept[0].all() and not kept[order].any()


@pytest.mark.parametrize(("n_segments", "order"), [(40, 64), (40, 256), (30, 512)])
def test_no_row_of_a_large_design_is_wasted(n_segments, order):
    assert len(np.unique(hadamard_design(n_segments, order), axis=0)) == 2 * order


def test_designs_of_one_size_are_balanced_and_differ():
    designs = [hadamard_design(40, 64, number) for number in range(32)]
    assert len({design.tobytes() for design in designs}) == 32
    for design in designs:
        pairs = design.T.astype(int) @ design
        assert (pairs == np.where(np.eye(40), 64, 32)).all()
    together = np.concatenate(designs[:5])
    assert len(np.unique(together, axis=0)) > 0.8 * len(together)


def test_main_effects_are_clear_of_interactions():
    design = 2.0 * hadamard_design(12, 16) - 1
    interaction = design[:, 2] * design[:, 7]
    assert np.abs(design.T @ interaction).max() == 0


def test_hadamard_order():
    assert [hadamard_order(n) for n in (1, 2, 3, 4, 63, 64)] == [2, 4, 4, 8, 64, 128]
    assert 2 * hadamard_order(5, at_least=100) >= 100


def test_drawn_masks_are_fair_and_seeded():
    masks = draw_masks(2000, 8, np.random.default_rng(0))
    assert masks.shape == (2000, 8) and set(np.unique(masks)) == {0, 1}
    assert np.abs(masks.mean(0) - 0.5).max() < 0.05
    assert (masks == draw_masks(2000, 8, np.random.default_rng(0))).all()


def test_rounds_have_fresh_masks_of_every_film():
    rng, same = np.random.default_rng(3), np.random.default_rng(3)
    rounds = random_rounds(4, 10, 6, rng)
    for _ in range(2):
        assert (next(rounds) == draw_masks(40, 6, same)).all()
    designs = hadamard_rounds(2, 10, 6, rng)
    for number in range(3):
        assert (next(designs) == np.tile(hadamard_design(6, 8, number), (2, 1))).all()
