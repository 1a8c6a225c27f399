"""`cxrneighbors explore`: look at an index in the browser."""

from __future__ import annotations

from pathlib import Path

import typer


def command(
    index: Path = typer.Argument(..., help="Folder written by index.", metavar="IDX"),
    classifier: Path | None = typer.Option(
        None, help="Folder written by train-classifier, for explanations."
    ),
    evaluation: Path | None = typer.Option(None, help="Folder written by evaluate, to be shown."),
    host: str = typer.Option(
        "127.0.0.1", help="Address to serve on; any but this machine's own needs a password."
    ),
    port: int = typer.Option(7860, min=0, max=65535, help="Port to serve on; 0: one that is free."),
    password_file: Path | None = typer.Option(
        None, help="File whose first line visitors must give as the password (with any user name)."
    ),
) -> None:
    """Open an index in the browser: search it, look at neighbours, explain what a classifier saw."""
    from importlib.util import find_spec

    from cxrneighbors.errors import UserError

    if find_spec("gradio") is None:
        raise UserError("explore: gradio is missing; pip install cxrneighbors[explorer]")
    from cxrneighbors.app.guard import check_host

    password = None if password_file is None else read_password(password_file)
    check_host(host, password)
    from cxrneighbors.app.archive import Archive
    from cxrneighbors.app.server import launch

    launch(Archive.open(index, classifier, evaluation), host, port, password)


def read_password(path: Path) -> str:
    """The first line of a file; a `UserError` for one that is short, or cannot be read."""
    from cxrneighbors.errors import UserError

    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        raise UserError(f"{path}: is no text; write the password into its first line") from None
    password = lines[0].strip() if lines else ""
    if len(password) < 8:
        raise UserError(f"{path}: the password has {len(password)} characters; give it 8 or more")
    return password
