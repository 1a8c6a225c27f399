"""Reading ahead: the next item is made while the present one is worked on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def ahead(function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
    """Yield function(item) for each item in order, the next one being computed in a thread meanwhile."""
    with ThreadPoolExecutor(1) as pool:
        pending = None
        for item in items:
            done, pending = pending, pool.submit(function, item)
            if done is not None:
                yield done.result()
        if pending is not None:
            yield pending.result()
