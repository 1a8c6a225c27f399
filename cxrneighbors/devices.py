"""Which torch device work is done on."""

from __future__ import annotations

from cxrneighbors.errors import UserError


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
