from __future__ import annotations

import threading

import numpy as np
import pytest

from cxrneighbors import compiled as module
from cxrneighbors.compiled import beside, by_thread, compiled


@compiled
def doubled(value: float) -> float:
    return 2 * value


@compiled
def total(values: np.ndarray) -> float:
    result = 0.0
    for value in values:
        result += doubled(value)
    return result


def test_a_compiled_function_may_call_another() -> None:
    assert total(np.arange(4.0)) == 12.0
    assert total.plain([1.0]) == 2.0  # type: ignore[attr-defined]
    assert total.__name__ == "total"


def test_nothing_is_compiled_before_it_is_called() -> None:
    @compiled
    def wrong(value: int) -> int:
        return value.no_such_thing  # type: ignore[attr-defined, no-any-return]

    with pytest.raises(Exception, match="no_such_thing"):
        wrong(1)


def test_without_a_folder_to_keep_it_in(monkeypatch: pytest.MonkeyPatch) -> None:
    import numba

    real = numba.njit

    def njit(*args: object, cache: bool = False, **options: object) -> object:
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return real(*args, **options)

    monkeypatch.setattr(numba, "njit", njit)
    assert compiled(lambda value: value + 1)(2) == 3


@pytest.mark.parametrize("threads", [1, 3])
def test_every_item_once_and_errors_reach_the_caller(monkeypatch: pytest.MonkeyPatch, threads: int) -> None:
    monkeypatch.setattr(module, "thread_count", lambda: threads)
    done, lock = [], threading.Lock()

    def work(item: int) -> None:
        if item == 9:
            raise ValueError("nine")
        with lock:
            done.append(item)

    by_thread(work, range(5))
    assert sorted(done) == list(range(5))
    with pytest.raises(ValueError, match="nine"):
        by_thread(work, [1, 9])


def test_matrix_products_take_one_thread_each(monkeypatch: pytest.MonkeyPatch) -> None:
    from threadpoolctl import threadpool_info

    monkeypatch.setattr(module, "thread_count", lambda: 2)
    inside: list[int] = []
    by_thread(
        lambda _: inside.extend(
            each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"
        ),
        range(2),
    )
    assert inside and set(inside) == {1}


def test_beside_other_threads_it_takes_its_own_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    from threadpoolctl import threadpool_info, threadpool_limits

    monkeypatch.setattr(module, "thread_count", lambda: 2)
    found: list[tuple[int, int]] = []

    def work(item: int) -> None:
        products = [each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"]
        found.append((threading.get_ident(), max(products)))

    with threadpool_limits(2, user_api="blas"):
        with beside():
            by_thread(work, range(2))
        assert found == [(threading.get_ident(), 2)] * 2
        by_thread(work, range(2))
    assert threading.get_ident() not in [thread for thread, _ in found[2:]] and len(found) == 4


def test_thread_count_follows_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    from cxrneighbors.processes import thread_count, usable_cpus

    for asked, expected in [
        ("1", 1),
        ("0", 1),
        ("100000", usable_cpus()),
        ("many", usable_cpus()),
        ("", usable_cpus()),
    ]:
        monkeypatch.setenv("OMP_NUM_THREADS", asked)
        assert thread_count() == expected


def test_the_number_of_threads_comes_back_whoever_leaves_first() -> None:
    from threadpoolctl import threadpool_info, threadpool_limits

    def threads() -> set[int]:
        return {each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"}

    with threadpool_limits(2, user_api="blas"):
        before, both = threads(), module._OneThreadEach()
        both.__enter__()
        both.__enter__()  # another thread's
        assert threads() == {1}
        both.__exit__()
        assert threads() == {1}
        both.__exit__()
        assert threads() == before
