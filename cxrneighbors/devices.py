"""Which torch device work is done on, and in how many digits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from traceback import clear_frames

from cxrneighbors.errors import UserError, choose

PRECISIONS = ("auto", "float32", "bfloat16")


def resolve_device(device: str) -> str:
    """Return the torch device for `device`: 'auto' is cuda where there is one, else cpu.

    Raises `UserError` for a name that torch does not know and for cuda where there is none.
    """
    import torch

    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        kind = torch.device(device).type
    except RuntimeError:
        raise UserError(f"device {device!r}: unknown; choose auto, cpu or cuda") from None
    if kind == "cuda" and not torch.cuda.is_available():
        raise UserError(f"device {device!r}: this machine has no CUDA device; use auto or cpu")
    return device


def check_devices(devices: int, device: str, batch_size: int) -> None:
    """Raise `UserError` unless `devices` GPUs, or processes on a CPU, can share batches of `batch_size`."""
    import torch

    if devices < 1:
        raise UserError(f"devices {devices}: must be 1 or more; give another number")
    if devices > batch_size:
        raise UserError(
            f"devices {devices}: share each batch, of {batch_size} images; give fewer, or more images"
        )
    if devices == 1 or not device.startswith("cuda"):
        return
    if torch.device(device).index is not None:
        raise UserError(f"device {device!r}: names one; give cuda for {devices} of them")
    found = torch.cuda.device_count()
    if found < devices:
        raise UserError(f"devices {devices}: this machine has {found} CUDA devices; give at most as many")


def halved(size: int, error: Exception, device: str, noun: str) -> int:
    """Half of `size`, so many of which `device` had no memory for, as `error` says; its cache is emptied.

    Another error is raised again; where the size is 1 already, a `UserError` that begins with `noun`.
    """
    import torch

    out = isinstance(error, MemoryError | torch.cuda.OutOfMemoryError)
    if not (out or "not enough memory" in str(error).lower()):
        raise error
    if size <= 1:
        raise UserError(f"{noun}; use another device") from None
    if device.startswith("cuda"):
        clear_frames(error.__traceback__)  # which hold tensors
        torch.cuda.empty_cache()
    return size // 2


@contextmanager
def full_precision(kind: str) -> Iterator[None]:
    """Matrix products of float32 in all their digits inside the block: neither TF32 nor autocast.

    `kind`: 'cpu' or 'cuda', of the tensors.
    """
    import torch

    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        with torch.autocast(kind, enabled=False):
            yield
    finally:
        torch.set_float32_matmul_precision(before)


@contextmanager
def autocast(kind: str, precision: str) -> Iterator[bool]:
    """Let torch score in fewer digits inside the block; yields whether it does.

    `kind`: 'cpu' or 'cuda', of the tensors. `precision`, one of `PRECISIONS`: 'auto' is float16 on a GPU and
    float32 elsewhere, 'float32' is so everywhere, 'bfloat16' likewise: several times as fast on a CPU that
    has instructions for it, scores a hundredth of themselves off.
    """
    import torch

    choose("precision", precision, PRECISIONS)
    brief = precision == "bfloat16"
    if not brief and (precision == "float32" or kind != "cuda"):
        yield False
        return
    with torch.autocast(kind, dtype=torch.bfloat16 if brief else torch.float16):
        yield True
