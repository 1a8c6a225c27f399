"""The verb `explore`: what it refuses before anything is loaded, and what it hands to the server."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("gradio", reason="gradio is missing: pip install cxrneighbors[explorer]")

from cxrneighbors.app.archive import Archive

Launched = list[tuple[Archive, str, int, str | None]]


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> Launched:
    """Calls of `launch`, which serves nothing."""
    calls: Launched = []
    monkeypatch.setattr("cxrneighbors.app.server.launch", lambda *given: calls.append(given))
    return calls


def test_it_serves_this_machine_alone(work: Path, call: Callable[..., int], launched: Launched) -> None:
    assert call("explore", work / "idx", "--evaluation", work / "ev") == 0
    archive, host, port, password = launched[0]
    assert (host, port, password) == ("127.0.0.1", 7860, None)
    assert len(archive.studies) and archive.evaluation == work / "ev" and archive.classifier is None


def test_others_only_with_a_password(
    work: Path, tmp_path: Path, call: Callable[..., int], launched: Launched, error_of: Callable[..., str]
) -> None:
    assert "--password-file" in error_of("explore", work / "idx", "--host", "0.0.0.0")
    path = tmp_path / "password"
    path.write_text("short\n")
    assert "8 or more" in error_of("explore", work / "idx", "--host", "0.0.0.0", "--password-file", path)
    path.write_text("correct horse\nmore")
    assert call("explore", work / "idx", "--host", "0.0.0.0", "--password-file", path) == 0
    assert launched[0][1:] == ("0.0.0.0", 7860, "correct horse")


def test_a_folder_that_is_no_index(tmp_path: Path, launched: Launched, error_of: Callable[..., str]) -> None:
    assert str(tmp_path) in error_of("explore", tmp_path) and not launched


def test_without_gradio_it_says_what_to_install(
    work: Path, monkeypatch: pytest.MonkeyPatch, error_of: Callable[..., str]
) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *more: None if name == "gradio" else found(name, *more)
    )
    assert "pip install cxrneighbors[explorer]" in error_of("explore", work / "idx")
