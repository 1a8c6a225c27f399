"""Damage: seeded, of every kind, and defined for any content."""

from __future__ import annotations

import numpy as np
import pytest

from cxrneighbors.testing.mutate import DAMAGES, mutate

CONTENT = bytes(range(256)) * 8


def test_the_same_seed_makes_the_same_damage() -> None:
    made = [[mutate(CONTENT, np.random.default_rng(seed)) for seed in range(200)] for _ in range(2)]
    assert made[0] == made[1] and len(set(made[0])) > 190


@pytest.mark.parametrize("damage", DAMAGES)
def test_every_kind_changes_content_and_takes_none(damage) -> None:
    changed = [damage(CONTENT, np.random.default_rng(seed)) for seed in range(20)]
    assert sum(each != CONTENT for each in changed) > 10
    for seed in range(20):
        for short in (b"", b"a"):
            assert isinstance(damage(short, np.random.default_rng(seed)), bytes)
