from __future__ import annotations

import pytest
import torch

from cxrneighbors.devices import autocast, resolve_device
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
