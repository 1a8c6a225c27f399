"""Progress: a bar in a notebook that comes late and goes at the end, silence where nobody looks."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from cxrneighbors import progress


@pytest.fixture
def displayed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a notebook shows in turn; this process takes itself for one."""
    import IPython.display

    shown: list[str] = []
    handle = SimpleNamespace(update=lambda bar, raw: shown.append(bar["text/html"]))

    def display(bar: dict[str, str], raw: bool, display_id: bool) -> Any:
        assert raw and display_id
        shown.append(bar["text/html"])
        return handle

    monkeypatch.setattr(IPython, "get_ipython", lambda: SimpleNamespace(kernel=object()))
    monkeypatch.setattr(IPython.display, "display", display)
    monkeypatch.setattr(progress, "DELAY", 0.0)
    monkeypatch.setattr(progress, "PERIOD", 0.0)
    return shown


def test_a_notebook_has_a_bar_that_goes_at_the_end(displayed: list[str]) -> None:
    assert list(progress.track("abc", "reading <films>")) == ["a", "b", "c"]
    assert displayed[1] == '<progress value="1" max="3"></progress> reading &lt;films&gt;: 1 of 3'
    assert len(displayed) == 4 and displayed[-1] == ""


def test_it_goes_after_an_error_too(displayed: list[str]) -> None:
    with pytest.raises(ZeroDivisionError):
        for item in progress.track(iter([1, 0]), "dividing"):
            1 / item
    assert displayed == ["<progress></progress> dividing: 0", "<progress></progress> dividing: 1", ""]


def test_quick_work_and_quiet_work_show_nothing(
    displayed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    progress.quiet()
    assert list(progress.track([1], "quiet")) == [1]
    progress.quiet(False)
    monkeypatch.setattr(progress, "DELAY", 1.0)
    assert list(progress.track([1, 2], "quick")) == [1, 2]
    assert displayed == []


def test_no_notebook_is_seen_where_there_is_none(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not progress.in_notebook()
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    assert not progress.in_notebook()
    assert list(progress.track([1], "nobody looks")) == [1]
    assert capsys.readouterr() == ("", "")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A clock that stands still but where a test moves it."""
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(progress.time, "monotonic", lambda: clock.now)
    return clock


def test_without_a_terminal_a_line_says_how_far_it_is(
    clock: SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    for item in progress.track(list(range(10)), "encoding"):
        clock.now += 5.0 if item < 8 else 50.0
    lines = capsys.readouterr().err.splitlines()
    # Lines at 30 s (6 of 10, 5 s each) and at 90 s (9 of 10, the last three in 60 s).
    assert lines == ["encoding: 6 of 10, about 20 s left", "encoding: 9 of 10, about 20 s left"]
    assert capsys.readouterr().out == ""


def test_the_number_need_not_be_known_and_quiet_is_quiet(
    clock: SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in progress.track(iter(range(3)), "reading"):
        clock.now += 300.0
    assert capsys.readouterr().err.splitlines() == ["reading: 1", "reading: 2"]
    progress.quiet()
    for _ in progress.track(range(3), "reading"):
        clock.now += 300.0
    progress.quiet(False)
    assert capsys.readouterr().err == ""


def test_long_times_are_in_minutes(clock: SimpleNamespace, capsys: pytest.CaptureFixture[str]) -> None:
    lines = progress.Lines("epoch 1 of 3, step")
    for done in (1, 2):
        clock.now += 40.0
        lines.reached(done, 10)
    assert capsys.readouterr().err.splitlines() == [
        "epoch 1 of 3, step: 1 of 10, about 6 min left",
        "epoch 1 of 3, step: 2 of 10, about 5 min left",
    ]
