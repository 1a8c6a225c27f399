"""Work spread over processes, with progress as results come."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from typing import Any, TypeVar

from cxrneighbors.errors import UserError
from cxrneighbors.progress import track

Item = TypeVar("Item")
Result = TypeVar("Result")


def usable_cpus() -> int:
    """CPUs this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def thread_count() -> int:
    """Threads for one piece of work: OMP_NUM_THREADS where that is set, at most `usable_cpus`."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    return min(max(int(asked), 1), usable_cpus()) if asked.isdigit() else usable_cpus()


def process_count(workers: int | None) -> int:
    """`workers`, or one process per usable CPU for None; a `UserError` below 1."""
    from joblib import cpu_count

    if workers is not None and workers < 1:
        raise UserError(f"workers {workers}: must be 1 or more; give the number of processes to use")
    return workers or int(cpu_count())


def each_by_process(
    work: Callable[[Item], Result], items: Sequence[Item], description: str, workers: int, worth: int = 1
) -> Iterator[Result]:
    """Results of `work` for N items, in their order, as they come, behind a progress bar.

    `workers`: processes at most, fewer where one would get less than `worth` items; a single one is this
    process. What `work` raises is raised here. The processes are joblib's (loky): started afresh, not
    forked, so that threads of this one do no harm, and without running the calling script again, so that it
    needs no main guard.

    >>> list(each_by_process(abs, [-2, 1], "", workers=1))
    [2, 1]
    """
    from joblib import Parallel, delayed

    jobs = Parallel(max(1, min(workers, len(items) // worth)), return_as="generator")
    return track(jobs(delayed(work)(item) for item in items), description, len(items))


@contextmanager
def helpers(workers: int) -> Iterator[Executor]:
    """An executor of so many processes (see `each_by_process`), begun by the first work; of 0, this process.

    They do not hear Ctrl-C: what was handed over is finished before the block is left, however it ends. One
    that is killed is a `concurrent.futures.BrokenExecutor` of the futures.

    >>> with helpers(0) as executor:
    ...     executor.submit(abs, -2).result()
    2
    """
    if workers < 1:
        yield _Here()
        return
    from joblib.externals.loky import ProcessPoolExecutor

    with ProcessPoolExecutor(workers, initializer=_deaf) as executor:
        yield executor


class _Here(Executor):
    """Does work when it is submitted."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


def _deaf() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
