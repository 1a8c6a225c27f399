"""Random numbers from a seed, without a trace in torch's global generator."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Draw torch's random numbers from `seed` inside the block; the generators outside stay as they were."""
    import torch

    # A CUDA device that nothing has used yet has no state to keep apart, and looking would start it.
    used = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
    with torch.random.fork_rng(devices=range(torch.cuda.device_count()) if used else ()):
        torch.manual_seed(seed)
        yield
