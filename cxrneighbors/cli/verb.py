"""What all verbs share: checked before anything is loaded, completed by the shell, listed in order."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

from typer.core import TyperCommand, TyperGroup
from typer.models import ParameterInfo

from cxrneighbors.cli import known
from cxrneighbors.cli.checks import check, rule
from cxrneighbors.cli.spoken import in_own_words
from cxrneighbors.errors import UserError

# The verbs in the order of work; one that is not listed comes last.
PANELS = {
    "See it work": ("demo",),
    "Data": ("import", "relink", "assemble", "predict-views", "label-reports", "audit"),
    "Encoders": ("train-vae", "train-contrastive", "train-report-encoder", "train-lungs", "encode"),
    "Neighbours": ("index", "search", "explore", "evaluate", "export-index"),
    "Explanations": ("train-classifier", "predict", "explain", "evaluate-explanations"),
    "Results": ("verify", "reproduce"),
}


class Verb(TyperCommand):
    """One verb; its parameters' names say which values they take (`checks`, `known`)."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Refuse a blank path: Python would take it for the current folder."""
        blank = "" in args and "." not in args
        rest: list[str] = super().parse_args(ctx, args)
        for each in self.params if blank else ():
            value = ctx.params.get(str(each.name))
            if Path() in (value if isinstance(value, list) else [value]):
                raise UserError(f"{spelled(each)} '': is blank; give a path")
        return rest

    def invoke(self, ctx: Any) -> Any:
        """Check what was given, do the work, and say what went wrong as options are spelled."""
        options = {str(each.name): spelled(each) for each in self.params}
        check(str(self.name), ctx.params, options)
        try:
            return super().invoke(ctx)
        except UserError as error:
            raise UserError(in_own_words(str(error), options)) from error


class Verbs(TyperGroup):
    """The command line; its help lists the verbs in panels."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """One section a panel."""
        left = {name: verb for name, verb in self.commands.items() if not verb.hidden}
        for title, names in {**PANELS, "More": tuple(left)}.items():
            found = [(name, _first_clause(left.pop(name).help)) for name in names if name in left]
            if found:
                with formatter.section(title):
                    formatter.write_dl(found, col_max=formatter.width)


def _first_clause(text: str | None) -> str:
    return " ".join((text or "").split()).split(";")[0].rstrip(".")


def spelled(parameter: Any) -> str:
    """A parameter as a user types it: '--one-per', '-k', 'STUDIES'."""
    options = [name for name in parameter.opts if name.startswith("-")]
    return max(options, key=len) if options else str(parameter.metavar or parameter.name)


def offer_names(verb: str, function: Callable[..., Any]) -> None:
    """Let the shell complete the values of a verb's options that have names, before typer reads them."""
    for name, parameter in inspect.signature(function).parameters.items():
        if names := names_of(verb, name):
            assert isinstance(parameter.default, ParameterInfo)
            parameter.default.autocompletion = _completer(names, name in ("methods", *known.SEVERAL_OF))


def names_of(verb: str, name: str) -> tuple[str, ...]:
    """What the shell offers for a parameter; nothing where values have no names."""
    several, alone = known.SEVERAL_OF.get(name, ((), ()))
    offered = known.OFFERED.get(name) or rule(known.ONE_OF, verb, name) or known.WITH_OPTIONS.get(name)
    return offered or (*alone, *several)


def _completer(names: tuple[str, ...], several: bool) -> Callable[[str], list[str]]:
    def complete(incomplete: str) -> list[str]:
        before, comma, last = incomplete.rpartition(",") if several else ("", "", incomplete)
        return [f"{before}{comma}{name}" for name in names if name.startswith(last)]

    return complete
