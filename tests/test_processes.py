from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cxrneighbors.errors import UserError
from cxrneighbors.processes import each_by_process, helpers, process_count


def square(number: int) -> tuple[int, int]:
    if number < 0:
        raise OSError(f"no square of {number}")
    return number * number, os.getpid()


def test_results_keep_their_order_and_come_from_other_processes() -> None:
    results = list(each_by_process(square, range(40), "", workers=2))
    assert [value for value, _ in results] == [number * number for number in range(40)]
    assert os.getpid() not in {process for _, process in results}


def test_a_few_items_stay_in_this_process() -> None:
    assert list(each_by_process(square, [3], "", workers=4)) == [(9, os.getpid())]
    assert [pid for _, pid in each_by_process(square, range(9), "", workers=4, worth=5)] == [os.getpid()] * 9
    assert list(each_by_process(square, [], "", workers=4)) == []


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_is_raised_here(workers: int) -> None:
    with pytest.raises(OSError, match="no square of -1"):
        list(each_by_process(square, [1, -1, 2], "", workers))


def test_number_of_processes() -> None:
    assert process_count(3) == 3 and process_count(None) >= 1
    with pytest.raises(UserError, match="workers 0: must be 1 or more"):
        process_count(0)


def test_a_script_without_main_guard_runs_once(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import torch\n"
        "torch.randn(300, 300) @ torch.randn(300, 300)  # threads that a forked process would lack\n"
        "from cxrneighbors.processes import each_by_process\n"
        "print('begun', flush=True)\n"
        "def half(number):\n"
        "    return number / 2\n"
        "print(list(each_by_process(half, [2, 4, 6], '', workers=2)))\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.splitlines() == ["begun", "[1.0, 2.0, 3.0]"]


def test_helpers_finish_what_they_were_given_however_the_block_ends() -> None:
    with pytest.raises(KeyboardInterrupt), helpers(1) as executor:
        futures = [executor.submit(square, number) for number in (-1, 3)]
        raise KeyboardInterrupt
    assert isinstance(futures[0].exception(), OSError)
    assert futures[1].result()[0] == 9 and futures[1].result()[1] != os.getpid()


def test_without_helpers_this_process_works_at_once() -> None:
    with helpers(0) as executor:
        assert executor.submit(square, 4).result() == (16, os.getpid())
        with pytest.raises(OSError, match="no square of -1"):
            executor.submit(square, -1)
