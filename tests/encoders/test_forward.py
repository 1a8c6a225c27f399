from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from cxrneighbors.encoders import forward as module
from cxrneighbors.encoders.forward import forward, page_locked, placed

FILMS = np.random.default_rng(0).random((7, 1, 9, 9)).astype(np.float32)


@pytest.fixture
def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(196, 3)).eval()


def whole(network: nn.Module) -> np.ndarray:
    with torch.inference_mode():
        found: np.ndarray = network(torch.from_numpy(FILMS)).numpy()
    return found


@pytest.mark.parametrize("batch_size", [1, 3, 7, 64])
def test_batches_in_order(network: nn.Module, batch_size: int) -> None:
    found = forward(network, FILMS, "cpu", batch_size)
    assert found.dtype == np.float32 and found == pytest.approx(whole(network), abs=1e-6)
    turned = np.asfortranarray(FILMS[::-1])
    assert forward(network, turned, "cpu", batch_size) == pytest.approx(found[::-1], abs=1e-6)


def test_the_way_of_a_gpu_gives_the_same(network: nn.Module, monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches copied by a thread, the weights channels last: on this machine, which has no GPU."""
    seen: list[int] = []

    def copied(images: np.ndarray, device: str) -> torch.Tensor:
        assert device == "meta"
        seen.append(len(images))
        return torch.from_numpy(images)

    monkeypatch.setattr(module, "_copied", copied)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    assert forward(network, FILMS, "meta", 3, "float32") == pytest.approx(whole(network), abs=1e-6)
    assert seen == [3, 3, 1]


def test_half_precision_is_close_and_given_up_where_it_overflows(network: nn.Module) -> None:
    found = forward(network, FILMS, "cpu", 3, "bfloat16")
    assert found == pytest.approx(whole(network), abs=0.02) and not np.array_equal(found, whole(network))
    kinds: list[bool] = []

    def overflowing(images: torch.Tensor) -> torch.Tensor:
        kinds.append(torch.is_autocast_enabled("cpu"))
        return images.mean((1, 2, 3))[:, None] * (torch.inf if kinds[-1] else 1)

    means = FILMS.mean((1, 2, 3))[:, None]
    assert forward(overflowing, FILMS, "cpu", 4, "bfloat16") == pytest.approx(means, abs=1e-6)
    assert kinds == [True, True, False, False]


def test_nothing_is_locked_or_laid_out_otherwise_without_a_gpu(network: nn.Module) -> None:
    weight = network[0].weight
    assert placed(network, "cpu") is network and network[0].weight is weight
    for device in ("cpu", "auto" if not torch.cuda.is_available() else "cpu"):
        assert page_locked(FILMS, device) is FILMS
