"""Parts of a batch among processes, and means over them, with the other process played by hand."""

from __future__ import annotations

from itertools import chain

import pytest
import torch
from torch import Tensor, nn

from cxrneighbors.training import shared, shared_norm
from cxrneighbors.training.shared import gathered, part_of, place_of, shared_means


@pytest.mark.parametrize("n", [2, 5, 33])
@pytest.mark.parametrize("world", [1, 2])
def test_parts_are_neighbours_and_equal_within_one(n: int, world: int) -> None:
    parts = [list(range(n))[part_of(n, rank, world)] for rank in range(world)]
    assert list(chain(*parts)) == list(range(n))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_one_process_is_the_whole() -> None:
    value = torch.tensor(2.0, requires_grad=True)
    assert shared_means(3, [value]) == (3, [value]) and place_of(3, torch.device("cpu")) == (0, 3)
    assert torch.equal(gathered(torch.arange(3)), torch.arange(3))


def test_value_and_gradient_are_those_of_the_whole_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    """log of a mean over 3 + 5 items: the mean of both processes' gradients, against one process's."""
    items = torch.arange(1.0, 9.0)
    weight = torch.tensor(1.5, requires_grad=True)
    (expected,) = torch.autograd.grad((weight**2 * items).mean().log(), weight)
    sums = torch.tensor([1.5**2 * float(items.sum()), 8.0], dtype=torch.float64)
    monkeypatch.setattr(shared.distributed, "all_reduce", lambda given: given.copy_(sums))
    gradients = []
    for rank, part in enumerate((items[:3], items[3:])):
        monkeypatch.setattr(shared, "processes", lambda rank=rank: (rank, 2))
        total, (mean,) = shared_means(len(part), [(weight**2 * part).mean()])
        torch.testing.assert_close(mean, weight.detach() ** 2 * items.mean())
        assert total == 8
        gradients += torch.autograd.grad(mean.log(), weight)
    torch.testing.assert_close(sum(gradients) / 2, expected)


@pytest.mark.parametrize("shape", [(6, 3), (6, 3, 4, 5)])
def test_a_shared_norm_is_that_of_the_whole_batch(
    shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other process has the same films: its sums are this one's."""
    kind = nn.BatchNorm1d if len(shape) == 2 else nn.BatchNorm2d
    plain, other = kind(3, momentum=0.2), kind(3, momentum=0.2)
    for norm in (plain, other):
        nn.init.constant_(norm.weight, 1.7)
    network = nn.Sequential(other)
    shared_norm.share_norms(network)
    values = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    monkeypatch.setattr(shared_norm, "processes", lambda: (0, 2))
    monkeypatch.setattr(shared_norm, "all_reduce", lambda given: 2 * given)
    mine, whole = values.clone().requires_grad_(), values.clone().requires_grad_()
    found, expected = network(mine), plain(torch.cat([whole, whole]))
    torch.testing.assert_close(found, expected[:6], rtol=1e-4, atol=1e-5)
    assert network.state_dict().keys() == nn.Sequential(plain).state_dict().keys()
    for name, value in plain.state_dict().items():
        torch.testing.assert_close(other.state_dict()[name], value, msg=name)
    pull = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    gradient = torch.autograd.grad((found * pull).sum(), mine)[0]
    wanted: Tensor = torch.autograd.grad((expected * torch.cat([pull, pull])).sum(), whole)[0]
    torch.testing.assert_close(2 * gradient, wanted, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(network.eval()(values), plain.eval()(values))
