"""The command line: one verb a file, errors in one line, exit code 2 for what the user can mend."""

from __future__ import annotations

import errno
import os
import re
import signal
import sys
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from types import FrameType
from typing import Any, TextIO

import typer

from cxrneighbors import progress
from cxrneighbors.cli import (
    assemble,
    audit,
    demo,
    encode,
    evaluate,
    evaluate_explanations,
    explain,
    explore,
    export_index,
    import_,
    index,
    label_reports,
    predict,
    predict_views,
    relink,
    reproduce,
    search,
    train_classifier,
    train_contrastive,
    train_lungs,
    train_report_encoder,
    train_vae,
    verify,
)
from cxrneighbors.cli.verb import Verb, Verbs, offer_names
from cxrneighbors.errors import Terminated, UserError

# Verbs that take up what an interrupted run of the same command has left; the others have written nothing.
GOES_ON = ("encode", "predict", "explain", "evaluate-explanations", "predict-views", "demo")

# What PyTorch, on a CPU and a GPU, and NumPy say where more is asked for than there is.
NO_MEMORY = r"can't allocate memory|not enough memory|out of memory|Storage size calculation overflowed"

FILE_READERS = r"(PIL|pydicom|torch)\b"

NAME, COMPLETE = "cxrneighbors", "_CXRNEIGHBORS_COMPLETE"
REMEDIES = {
    (errno.ENOSPC, errno.EDQUOT, errno.EFBIG): "make room, or give another place",
    (errno.EACCES, errno.EPERM, errno.EROFS): "give a place where you may read and write",
    (errno.EISDIR, errno.ENOTDIR, errno.EEXIST): "give another path: a file and a folder cannot be one",
}

app = typer.Typer(
    name=NAME,
    cls=Verbs,
    help="Which chest X-rays look and read like this one, and do they share its diseases? Research use.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command("import")(import_.command)
app.command("train-vae")(train_vae.command)
app.command("train-contrastive")(train_contrastive.command)
app.command("train-report-encoder")(train_report_encoder.command)
app.command("encode")(encode.command)
app.command("index")(index.command)
app.command("search")(search.command)
app.command("export-index")(export_index.command)
app.command("evaluate")(evaluate.command)
app.command("assemble")(assemble.command)
app.command("audit")(audit.command)
app.command("train-classifier")(train_classifier.command)
app.command("train-lungs")(train_lungs.command)
app.command("predict")(predict.command)
app.command("explain")(explain.command)
app.command("evaluate-explanations")(evaluate_explanations.command)
app.command("explore")(explore.command)
app.command("predict-views")(predict_views.command)
app.command("label-reports")(label_reports.command)
app.command("relink")(relink.command)
app.command("verify")(verify.command)
app.command("reproduce")(reproduce.command)
app.command("demo")(demo.command)
for each in app.registered_commands:
    if each.callback is not None:
        offer_names(str(each.name), each.callback)
    each.cls = Verb


@app.callback()
def _options(
    quiet: bool = typer.Option(False, "--quiet", "-q", help="No progress bars or status lines."),
    debug: bool = typer.Option(False, "--debug", help="Show the traceback of an error."),
    version: bool = typer.Option(False, "--version", help="Print the version and stop."),
) -> None:
    """Accepted before or after the verb; `run` has taken them out of the arguments by now."""


def run(arguments: list[str] | None = None) -> None:
    """Run the command line and exit.

    0 done, 2 an error that the user can mend, 1 a fault of the program, 130 and 143 after SIGINT and SIGTERM.
    """
    if COMPLETE in os.environ:  # the shell asks what could be typed next
        typer.main.get_command(app)(prog_name=NAME)
    given = list(sys.argv[1:] if arguments is None else arguments)
    if "--version" in given:
        from cxrneighbors import __version__

        print(__version__)
        sys.exit(0)
    debug = "--debug" in given
    progress.quiet("-q" in given or "--quiet" in given)
    rest = [argument for argument in given if argument not in ("--debug", "-q", "--quiet")]
    printed: Any = _Printed(sys.stdout)
    received: list[int] = []
    try:
        with _sigterm_raises(received), warnings.catch_warnings(), redirect_stdout(printed):
            if not debug:  # what is wrong with a file is said in one line
                warnings.filterwarnings("ignore", module=FILE_READERS)
            code = _invoke(rest, debug, received)
    except KeyboardInterrupt:  # when the work is over, or has not begun
        code = _fail(_interrupted(rest), 143 if received else 130, debug)
    finally:
        progress.end(False)
    sys.exit(code)


def _invoke(arguments: list[str], debug: bool, received: list[int]) -> int:
    try:
        # Not `main`, which would answer an interruption in its own way.
        command = typer.main.get_command(app)
        with command.make_context(NAME, list(arguments)) as context:
            command.invoke(context)
        return 0
    except UserError as error:
        return _fail(str(error), 2, debug)
    except KeyboardInterrupt as error:
        return _fail(_interrupted(arguments), 143 if isinstance(error, Terminated) else 130, debug)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for the flush at exit
        return 0
    except OSError as error:
        if error.errno is None:  # a library's own, such as a hub that cannot be reached
            return _fail(_fault(error), 1, debug)
        return _fail(_system_error(error), 2, debug)
    except Exception as error:
        if received:  # compiled code may put an error of its own in the place of `Terminated`
            return _fail(_interrupted(arguments), 143, debug)
        # Usage errors of click (typer may carry its own copy of it) know how to say themselves.
        if type(error).__name__ == "NoArgsIsHelpError":
            print(error.ctx.get_help())  # type: ignore[attr-defined]
            return 2
        if hasattr(error, "format_message"):
            text = error.format_message()
            return _fail(f"{text} See 'cxrneighbors --help'.", 2, debug) if text else 0
        if type(error).__name__ in ("Abort", "Exit"):
            return int(getattr(error, "exit_code", 1))
        if isinstance(error, MemoryError) or re.search(NO_MEMORY, str(error)):
            return _fail(_no_memory(error), 2, debug)
        return _fail(_fault(error), 1, debug)


class _Printed:
    """Standard output without control characters: names in a table are text."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        return self.stream.write(progress.printable(text))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


def _fault(error: Exception) -> str:
    return f"{type(error).__name__}: {error} (a fault of the program; --debug shows where)"


def _no_memory(error: Exception) -> str:
    """What was asked for is more than this machine has: the size, where the library tells it."""
    size = re.search(
        r"Unable to allocate ([\d.]+ \w+)|Tried to allocate ([\d.]+ \w+)|(\d+ bytes)", str(error)
    )
    wanted = f" ({next(filter(None, size.groups()))} more were asked for)" if size else ""
    return f"not enough memory{wanted}; give smaller sizes or batches, or fewer films at once"


def _system_error(error: OSError) -> str:
    """What the system would not do, with the path and the remedy."""
    path = error.filename if error.filename2 is None else error.filename2
    path = path.decode(errors="replace") if isinstance(path, bytes) else path
    place = f"{path}: " if path is not None else ""
    reason = os.strerror(error.errno or 0)
    remedy = next((text for codes, text in REMEDIES.items() if error.errno in codes), "check the path")
    return f"{place}{reason[:1].lower()}{reason[1:]}; {remedy}"


def _interrupted(arguments: list[str]) -> str:
    verb = next((word for word in arguments if not word.startswith("-")), "")
    if verb in GOES_ON or verb.startswith("train-"):
        return "interrupted; run the same command again, it goes on from there"
    return "interrupted; run the same command again, it starts anew"


@contextmanager
def _sigterm_raises(received: list[int]) -> Iterator[None]:
    """`Terminated` where SIGTERM arrives inside the block, so that it ends as a Ctrl-C does.

    `received` gets its number: what comes of it need not be `Terminated`.
    """

    def stop(number: int, frame: FrameType | None) -> None:
        received.append(number)
        progress.end()
        raise Terminated

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _fail(text: str, code: int, debug: bool) -> int:
    if debug:
        traceback.print_exc()
    print("error: " + progress.printable(" ".join(text.split())), file=sys.stderr)
    return code


if __name__ == "__main__":
    run()
