"""The one exception that is a user's to mend."""

from __future__ import annotations


class UserError(Exception):
    """A mistake in what the user gave: one line that names the thing, what is wrong with it, and the remedy.

    The command line prints it without a traceback and exits with code 2.
    """


class Terminated(KeyboardInterrupt):
    """SIGTERM arrived: what a Ctrl-C does, asked for by a scheduler or a shutting-down machine."""


def choose(kind: str, name: str, known: list[str] | tuple[str, ...]) -> str:
    """Return `name` when it is one of `known`, otherwise raise a `UserError` that lists them."""
    if name in known:
        return name
    raise UserError(f"unknown {kind} {name!r}; choose one of: {', '.join(known)}")
