"""Help without arguments, panels of verbs, and what the shell completes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable

import pytest
import typer

from cxrneighbors.cli.main import app
from cxrneighbors.cli.verb import PANELS, Verb, names_of


def completed(words: str) -> list[str]:
    """What bash is offered for the last of `words`."""
    given = {"COMP_WORDS": f"cxrneighbors {words}", "COMP_CWORD": str(words.count(" ") + 1)}
    environment = os.environ | given | {"_CXRNEIGHBORS_COMPLETE": "complete_bash"}
    command = [sys.executable, "-m", "cxrneighbors"]
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.split()


def test_alone_it_prints_its_help_in_lines(
    call: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert call() == 2
    captured = capsys.readouterr()
    assert captured.err == "" and captured.out.startswith("Usage: cxrneighbors")
    verbs = re.findall(r"^  ([a-z][a-z-]+)  ", captured.out.partition("See it work:")[2], re.MULTILINE)
    listed = [name for names in PANELS.values() for name in names]
    assert verbs == [name for name in listed if name in verbs]
    assert set(verbs) == set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
    assert "..." not in captured.out.partition("See it work:")[2]


def test_every_verb_is_checked() -> None:
    verbs = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    assert all(isinstance(verb, Verb) for verb in verbs.values())


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("expl", ["explain", "explore"]),
        ("import co", ["covid-chestxray"]),
        ("search idx --policy ", ["nearest", "diverse", "cluster", "random"]),
        ("evaluate idx --baselines pca,ran", ["pca,random", "pca,random-view", "pca,random-view-sex-age"]),
        ("explain idx --method kp", ["kp-lime"]),
    ],
)
def test_the_shell_completes(words: str, offered: list[str]) -> None:
    assert sorted(completed(words)) == sorted(offered)


def test_names_are_offered_by_verb() -> None:
    assert "image-to-report" in names_of("search", "modality")
    assert "image-to-report" not in names_of("explain", "modality")
    assert names_of("train-classifier", "model")[0] == "chexnet" and names_of("encode", "batch_size") == ()
    assert {"none", "pca", "classifier:"} <= set(names_of("encode", "image_encoder"))


def test_completion_can_be_installed() -> None:
    script = subprocess.run(
        [sys.executable, "-m", "cxrneighbors", "--show-completion"],
        env=os.environ | {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"},
        check=False,
        capture_output=True,
        text=True,
    )
    assert "--show-completion" in script.stderr  # asks for the shell's name where it cannot tell
    shown = subprocess.run(
        [sys.executable, "-m", "cxrneighbors", "--show-completion", "bash"],
        env=os.environ | {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"},
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert "_CXRNEIGHBORS_COMPLETE=complete_bash" in shown
