"""Loops that NumPy cannot express without large intermediate arrays, compiled by Numba when first called.

Compiled code is kept beside the module or, where that folder cannot be written to, in the user's cache: only
the first call on a machine waits, some seconds. It lets go of Python's lock, so threads share the work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache, wraps
from threading import Lock, local
from types import FunctionType
from typing import Any, ParamSpec, TypeVar

from cxrneighbors.processes import thread_count

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")
Item = TypeVar("Item")


def compiled(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """The function, compiled for the types that it is first called with; `plain` is what was written.

    Only what Numba knows may stand in it (numbers, arrays, loops). Numba is imported at the first call.

    >>> @compiled
    ... def total(values):
    ...     result = 0.0
    ...     for value in values:
    ...         result += value
    ...     return result
    >>> total.plain([1.0, 2.0])
    3.0
    """

    @cache
    def fast() -> Callable[Parameters, Result]:
        return _dispatcher(function)

    @wraps(function)
    def call(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        return fast()(*args, **kwargs)

    attributes: dict[str, Any] = vars(call)
    attributes |= {"plain": function, "fast": fast}
    return call


def _dispatcher(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Numba's function; the compiled functions that it calls take the place of their wrappers."""
    import numba

    scope = dict(function.__globals__)
    for name in function.__code__.co_names:
        if hasattr(scope.get(name), "fast"):
            scope[name] = scope[name].fast()
    inner = FunctionType(function.__code__, scope, function.__name__)
    inner.__module__, inner.__qualname__ = function.__module__, function.__qualname__
    made: Callable[Parameters, Result]
    try:
        made = numba.njit(nogil=True, cache=True)(inner)
    except RuntimeError:  # neither folder can be written to
        made = numba.njit(nogil=True)(inner)
    return made


def by_thread(work: Callable[[Item], object], items: Iterable[Item]) -> None:
    """Call `work`, which lets go of Python's lock, for each item, on `thread_count` threads; a matrix product
    of NumPy's takes one meanwhile. What `work` raises is raised here."""
    items = list(items)
    threads = min(len(items), thread_count())
    if threads < 2 or getattr(_this_thread, "beside", False):
        for item in items:
            work(item)
        return
    with _one_thread_each, ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(work, items):
            pass


_this_thread = local()


@contextmanager
def beside() -> Iterator[None]:
    """Inside, `by_thread` takes the calling thread alone and leaves NumPy's matrix products as they are: for
    a thread that works beside others, whose products must not change with the moment."""
    before = getattr(_this_thread, "beside", False)
    _this_thread.beside = True
    try:
        yield
    finally:
        _this_thread.beside = before


class _OneThreadEach:
    """Inside, each of NumPy's matrix products takes one thread. The number before comes back with the last
    who leaves, in whatever order they do."""

    def __init__(self) -> None:
        self._lock, self._inside = Lock(), 0
        self._limit: Any = None

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._limit = _controller().limit(limits=1, user_api="blas")
            self._inside += 1

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                self._limit.restore_original_limits()


_one_thread_each = _OneThreadEach()


@cache
def _controller() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
