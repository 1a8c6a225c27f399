from __future__ import annotations

import threading
import time

import pytest

from cxrneighbors.data.ahead import ahead


def test_results_come_in_order_and_one_item_ahead() -> None:
    made: list[int] = []

    def make(item: int) -> int:
        made.append(item)
        assert threading.current_thread() is not threading.main_thread()
        return item * item

    found = []
    for result in ahead(make, range(4)):
        deadline = time.monotonic() + 5
        while len(made) < min(4, len(found) + 2) and time.monotonic() < deadline:
            time.sleep(0.001)
        assert made == list(range(min(4, len(found) + 2)))  # the next one, and no more
        found.append(result)
    assert found == [0, 1, 4, 9]


def test_an_error_comes_where_its_item_would() -> None:
    results = ahead(lambda item: 1 // item, [1, 0, 1])
    assert next(results) == 1
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_nothing() -> None:
    assert list(ahead(str, [])) == []
