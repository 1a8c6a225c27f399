from __future__ import annotations

from itertools import chain

import numpy as np
import pytest
import torch

from cxrneighbors.training import batches as module
from cxrneighbors.training.batches import EpochBatches, batch_loader, even_sizes, full_sizes


def drawn(sizes: list[int], seed: int | None, epoch: int = 0, n: int = 9) -> list[list[int]]:
    batches = EpochBatches(range(100, 100 + n), sizes, seed)
    batches.set_epoch(epoch)
    found = list(batches)
    assert len(found) == len(batches)
    return found


def test_the_order_depends_on_seed_and_epoch_alone() -> None:
    assert drawn([4, 4], 5, 1) == drawn([4, 4], 5, 1) != drawn([4, 4], 5, 2)
    assert drawn([4, 4], 5, 1) != drawn([4, 4], 6, 1)
    assert len(set(chain(*drawn([4, 4], 5)))) == 8, "the ninth waits for another epoch"
    assert sorted(chain(*drawn([5, 4], 5))) == list(range(100, 109))
    assert drawn([4, 4, 1], None) == [[100, 101, 102, 103], [104, 105, 106, 107], [108]]


@pytest.mark.parametrize("n", [1, 2, 5, 33, 200])
@pytest.mark.parametrize("k", [1, 2, 16])
def test_even_batches_are_those_of_numpy(n: int, k: int) -> None:
    assert even_sizes(n, k) == [len(part) for part in np.array_split(np.arange(n), k)]


def test_full_batches_leave_out_only_a_rest_that_is_too_small() -> None:
    assert full_sizes(3, 1, least=2) == [1, 1, 1] and full_sizes(0, 4, least=2) == []
    assert full_sizes(10, 4, least=2) == [4, 4, 2] and full_sizes(8, 4) == [4, 4]


@pytest.mark.parametrize("world", [2, 3])
def test_several_processes_have_their_parts_of_the_same_batches(
    world: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = drawn([4, 3, 2], 3, epoch=4)
    shares = []
    for rank in range(world):
        monkeypatch.setattr(module, "processes", lambda rank=rank: (rank, world))
        shares.append(drawn([4, 3, 2], 3, epoch=4))
    joined = [list(chain(*parts)) for parts in zip(*shares, strict=True)]
    assert joined == (whole if world == 2 else [whole[0], whole[1] + whole[2]]), "2 films are too few for 3"
    assert all(part for share in shares for part in share)


def test_a_loader_hands_whole_batches_on_and_draws_nothing_from_the_global_generator() -> None:
    state = torch.get_rng_state()
    items = torch.arange(20) * 10
    loader = batch_loader(items, EpochBatches(range(20), [3, 2], None))  # type: ignore[arg-type]
    assert [batch.tolist() for batch in loader] == [[0, 10, 20], [30, 40]]
    assert torch.equal(torch.get_rng_state(), state)
