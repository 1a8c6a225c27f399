from __future__ import annotations

import torch

from cxrneighbors.seeding import seeded


def test_draws_follow_the_seed_and_leave_no_trace() -> None:
    state = torch.get_rng_state()
    draws = []
    for seed in (3, 3, 4):
        with seeded(seed):
            draws.append(torch.rand(2))
    assert torch.equal(draws[0], draws[1]) and not torch.equal(draws[0], draws[2])
    assert torch.equal(torch.get_rng_state(), state)
