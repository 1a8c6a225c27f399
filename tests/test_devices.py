from __future__ import annotations

import weakref

import pytest
import torch

from cxrneighbors.devices import autocast, check_devices, full_precision, halved, resolve_device
from cxrneighbors.errors import UserError


@pytest.mark.parametrize(
    ("precision", "dtype"),
    [("auto", torch.float32), ("float32", torch.float32), ("bfloat16", torch.bfloat16)],
)
def test_digits_on_a_cpu(precision: str, dtype: torch.dtype) -> None:
    a = torch.ones(2, 2)
    with autocast("cpu", precision) as half:
        assert half == (dtype != torch.float32) and (a @ a).dtype == dtype
    assert (a @ a).dtype == torch.float32


def test_unknown_names() -> None:
    with pytest.raises(UserError, match="unknown precision 'float64'"), autocast("cpu", "float64"):
        pass
    with pytest.raises(UserError, match="device 'tpu9'"):
        resolve_device("tpu9")


def test_so_many_devices_there_must_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    for devices, device, batch_size in ((1, "cuda:1", 1), (2, "cuda", 2), (8, "cpu", 8)):
        check_devices(devices, device, batch_size)
    for devices, device, batch_size, said in (
        (0, "cpu", 8, "must be 1 or more"),
        (3, "cpu", 2, "share each batch, of 2 images"),
        (3, "cuda", 8, "has 2 CUDA devices"),
        (2, "cuda:0", 8, "names one; give cuda"),
    ):
        with pytest.raises(UserError, match=said):
            check_devices(devices, device, batch_size)


def test_full_precision_lasts_as_long_as_the_block() -> None:
    a, before = torch.ones(2, 2), torch.get_float32_matmul_precision()
    try:
        torch.set_float32_matmul_precision("medium")
        with autocast("cpu", "bfloat16"):
            with pytest.raises(ValueError), full_precision("cpu"):
                assert torch.get_float32_matmul_precision() == "highest" and (a @ a).dtype == torch.float32
                raise ValueError
            assert (a @ a).dtype == torch.bfloat16
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision(before)


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.cuda.OutOfMemoryError("CUDA"),
        RuntimeError("DefaultCPUAllocator: not enough memory"),
    ],
)
def test_half_as_much_where_memory_ends(error: Exception) -> None:
    assert halved(7, error, "cpu", "film") == 3
    with pytest.raises(UserError, match="film too large; use another device"):
        halved(1, error, "cpu", "film too large")
    with pytest.raises(RuntimeError, match="shapes"):
        halved(7, RuntimeError("shapes"), "cpu", "film")


def test_what_failed_is_freed_before_the_cache_is_emptied(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[weakref.ref[torch.Tensor]] = []

    def fail() -> None:
        large = torch.ones(3)
        kept.append(weakref.ref(large))
        raise MemoryError

    alive: list[bool] = []
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: alive.append(kept[0]() is not None))
    try:
        fail()
    except MemoryError as error:
        alive.append(kept[0]() is not None)
        assert halved(8, error, "cuda", "film") == 4
    assert alive == [True, False]
