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
        "127.0.0.1", help="Address to serve on; others than this machine's need a password."
    ),
    port: int = typer.Option(7860, min=1, max=65535, help="Port to serve on."),
    password_file: Path | None = typer.Option(
        None, help="File whose first line visitors must give as the password (any user name)."
    ),
) -> None:
    """Open an index in the browser: search it, look at neighbours, explain what a classifier saw."""
    from cxrneighbors.errors import UserError

    try:
        import gradio  # noqa: F401
    except ImportError:
        raise UserError("explore: gradio is missing; pip install cxrneighbors[explorer]") from None
    from cxrneighbors.app.archive import Archive
    from cxrneighbors.app.server import launch

    launch(Archive.open(index, classifier, evaluation), host, port)
