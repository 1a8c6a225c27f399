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
