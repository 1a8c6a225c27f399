"""The command line as a whole: nothing heavy at start, help, quiet, errors in one line."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from cxrneighbors import progress

HEAVY = ("torch", "pandas", "numpy", "transformers", "lightning", "sklearn", "matplotlib", "scipy", "monai")


def test_start_loads_nothing_heavy() -> None:
    code = f"import sys, cxrneighbors.cli.main; print([m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "verb",
    [
        "import",
        "train-vae",
        "train-contrastive",
        "encode",
        "index",
        "search",
        "evaluate",
        "demo",
        "train-classifier",
        "explain",
    ],
)
def test_every_verb_explains_itself(
    verb: str, call: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(verb, "--help") == 0
    assert "Usage: cxrneighbors " + verb in capsys.readouterr().out


def test_quiet_says_nothing(
    work: Path, call: Callable[..., int], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    arguments = ("index", work / "emb", "--studies", work / "studies.parquet", "--out", tmp_path / "idx")
    call(*arguments, "-q")
    assert capsys.readouterr().err == ""
    call(*arguments)
    assert "images" in capsys.readouterr().err


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
@pytest.mark.parametrize(("verb", "then"), [("train-vae", "goes on from there"), ("search", "starts anew")])
def test_an_interruption_is_one_line_and_its_code(
    number: signal.Signals,
    code: int,
    verb: str,
    then: str,
    monkeypatch: pytest.MonkeyPatch,
    call: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    def killed(*_: object, **__: object) -> None:
        os.kill(os.getpid(), number)

    monkeypatch.setattr("cxrneighbors.data.combine.read_tables", killed)
    monkeypatch.setattr("cxrneighbors.index.neighbor_index.NeighborIndex.load", killed)
    before = signal.getsignal(signal.SIGTERM)
    # A job in the background of a shell is born deaf to it.
    usual = signal.signal(signal.SIGINT, signal.default_int_handler)
    rest = ("--out", tmp_path / "x") if verb == "train-vae" else ("--image-id", "x")
    given = tmp_path / "given"
    if verb == "train-vae":
        given.write_bytes(b"PAR1")
    else:
        given.mkdir()
        (given / "manifest.json").write_text('{"kind": "index"}')
    try:
        assert call(verb, given, *rest) == code
    finally:
        signal.signal(signal.SIGINT, usual)
    assert capsys.readouterr().err == f"error: interrupted; run the same command again, it {then}\n"
    assert signal.getsignal(signal.SIGTERM) == before


@pytest.mark.parametrize("instead", [TypeError("expected str, not BufferedWriter"), None])
def test_a_sigterm_whose_exception_is_lost_is_none_the_less_one(
    instead: Exception | None,
    work: Path,
    monkeypatch: pytest.MonkeyPatch,
    call: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Compiled code puts an error of its own in its place, or goes on as if nothing had been."""

    went_on: list[bool] = []

    def lost(*_: object, **__: object) -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        except KeyboardInterrupt:
            if instead is not None:
                raise instead from None
        list(progress.track([1, 2], "searching"))
        went_on.append(True)

    monkeypatch.setattr("cxrneighbors.index.neighbor_index.NeighborIndex.load", lost)
    assert call("search", work / "idx", "--image-id", "x") == 143
    assert capsys.readouterr().err == "error: interrupted; run the same command again, it starts anew\n"
    assert not went_on and list(progress.track([1, 2], "searching")) == [1, 2]


@pytest.mark.parametrize(
    "command",
    [
        "search IDX --image-id x --policy random --seed -1",
        "evaluate IDX --out o --seed -1",
        "train-vae S --out o --seed -1",
        "train-vae S --out o --seed 5000000000",
        "train-classifier S --out o --model small-cnn --seed -1",
        "import phantom p --out o --seed -1",
        "demo --seed -1",
    ],
)
def test_seeds_that_no_generator_takes(
    command: str, error_of: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "'--seed'" in error_of(*command.split())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("rate", ["nan", "inf", "-1", "0"])
def test_learning_rates_that_are_none(
    rate: str, work: Path, error_of: Callable[..., str], tmp_path: Path
) -> None:
    table, out = work / "studies.parquet", tmp_path / "c"
    options = ("--model", "small-cnn", "--image-size", 32, "--lr", rate, "-q")
    assert "--lr" in error_of("train-classifier", table, "--out", out, *options)
    assert not out.exists()


def test_help_and_mistakes_still_have_their_codes(
    call: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("--help") == 0 and "train-vae" in capsys.readouterr().out
    assert call("search", "--no-such-option") == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert call("no-such-verb") == 2


def test_no_traceback_without_debug(
    tmp_path: Path,
    call: Callable[..., int],
    error_of: Callable[..., str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert call("--debug", "search", tmp_path / "no", "--image-id", "x") == 2
    assert "Traceback" in capsys.readouterr().err
    assert "Traceback" not in error_of("search", tmp_path / "no", "--image-id", "x")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (MemoryError("Unable to allocate 153. TiB for an array with shape (6, 28)"), " (153. TiB more were"),
        (
            RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 512 bytes."),
            " (512",
        ),
        (RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has"), " (2.00 GiB more were"),
        (MemoryError(), "memory; give smaller"),
    ],
)
def test_more_than_the_memory_is_one_line_with_the_remedy(
    error: Exception, said: str, monkeypatch: pytest.MonkeyPatch, error_of: Callable[..., str], tmp_path: Path
) -> None:
    def fail(_: object) -> None:
        raise error

    monkeypatch.setattr("cxrneighbors.verification.verify", fail)
    text = error_of("verify", tmp_path)
    assert text.startswith("error: not enough memory") and said in text and "smaller sizes" in text


def test_control_characters_in_names_are_no_commands_to_the_terminal(
    monkeypatch: pytest.MonkeyPatch,
    call: Callable[..., int],
    error_of: Callable[..., str],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    found = SimpleNamespace(lines=lambda: ["a \x1b[31mname\x9b", "of two lines\tand a tab"])
    monkeypatch.setattr("cxrneighbors.verification.verify", lambda _: found)
    assert call("verify", tmp_path) == 0
    assert capsys.readouterr().out == "a \\x1b[31mname\\x9b\nof two lines\tand a tab\n"
    assert "\\x1b[31m" in error_of("search", tmp_path / "\x1b[31m", "--image-id", "x")
