"""What a verb was given, checked by name before anything is loaded: a mistake is told within a second.

A rule goes by the parameter's name, so that it holds for all verbs: `known` lists names and numbers,
`places` knows files and folders. Errors name the option as it was typed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import inf, isfinite
from typing import Any, TypeVar

from cxrneighbors.cli import known
from cxrneighbors.cli.index import parse_weights
from cxrneighbors.cli.places import check_places
from cxrneighbors.errors import UserError

T = TypeVar("T")
EXPRESSIONS = ("where", "targets", "among")


def check(verb: str, given: Mapping[str, Any], spelled: Mapping[str, str]) -> None:
    """Raise `UserError` for the first parameter of `given` whose value cannot be right.

    `spelled`: each parameter as it is typed, such as '--one-per' or '-k'.
    """
    for name, value in given.items():
        if value is None:
            continue
        if isinstance(value, bool):
            continue
        if isinstance(value, int | float):
            _check_number(verb, name, value, spelled[name])
        elif isinstance(value, str):
            _check_name(verb, name, value, spelled[name])
    for name in EXPRESSIONS:
        if isinstance(given.get(name), str):
            _check_syntax(given[name], spelled[name])
    for name, value in given.items():
        if isinstance(value, str) and not value.strip():
            raise UserError(f"{spelled[name]} {value!r}: is blank; give a value, or leave it out")
    if verb == "search":
        _check_query(given)
    check_places(verb, given, spelled)


def rule(table: Mapping[str, T], verb: str, name: str) -> T | None:
    """What `table` says of parameter `name`: of this verb's, or of any verb's."""
    return table.get(f"{verb} {name}", table.get(name))


def _check_number(verb: str, name: str, value: float, option: str) -> None:
    least = rule(known.AT_LEAST, verb, name)
    if least is not None and not least <= value < inf:
        raise UserError(f"{option} {value}: must be at least {least:g}")
    most = rule(known.AT_MOST, verb, name) or known.ANY_AT_MOST
    if name != "seed" and value > most:
        raise UserError(f"{option} {value}: must be at most {most:.0f}")
    if name in known.ABOVE_ZERO and not 0 < value < inf:
        raise UserError(f"{option} {value}: must be above 0")
    if name in known.SHARES and not (isfinite(value) and 0 <= value <= 1):
        raise UserError(f"{option} {value}: must lie between 0 and 1")


def _check_name(verb: str, name: str, value: str, option: str) -> None:
    if (names := rule(known.ONE_OF, verb, name)) is not None:
        _one_of(value, names, f"{option} {value!r}")
    if name in known.SEVERAL_OF and value not in known.SEVERAL_OF[name][1]:
        names, alone = known.SEVERAL_OF[name]
        for part in _parts(value, option):
            _one_of(part, names, f"{option} {part!r}", alone)
    if name in known.WITH_OPTIONS and value != "all":
        for part in _parts(value, option) if name.endswith("s") else [value]:
            if "(" not in value and "'" not in value:  # commas and colons inside mean something else
                _one_of(part.partition(":")[0].strip(), known.WITH_OPTIONS[name], f"{option} {part!r}")
    if name == "device":
        _check_device(value, option)
    if name == "weights" and verb in ("index", "search") and value != "auto":
        parse_weights(value)
    if name == "fill":
        _check_fill(value, option)


def _check_query(given: Mapping[str, Any]) -> None:
    """One kind of query, and no patient for images whose patient the index knows."""
    ids, files, text = given["image_id"], given["image"], given["text"]
    if not ids and not files and not text:
        raise UserError("search: there is no query; give --image-id, --image or --text")
    if ids and files:
        raise UserError("search: both --image-id and --image are given; give one of them")
    if ids and given["patient_id"]:
        raise UserError("--patient-id: the index knows the patients of its images; leave it out")
    if text and not ids and not files and not all(each.strip() for each in text):
        raise UserError("--text: it is blank; give words to search for")


def _one_of(value: str, names: tuple[str, ...], said: str, alone: tuple[str, ...] = ()) -> None:
    if value not in names:
        raise UserError(f"{said}: unknown; choose one of: {', '.join((*alone, *names))}")


def _parts(value: str, option: str) -> list[str]:
    parts = [part.strip() for part in value.split(",") if part.strip()]
    if not parts:
        raise UserError(f"{option} {value!r}: names nothing; give at least one name")
    return parts


def _check_device(value: str, option: str) -> None:
    if not re.fullmatch(r"(auto|cpu|cuda|mps|xpu)(:\d+)?", value):
        raise UserError(f"{option} {value!r}: unknown; choose auto, cpu or cuda")
    if value.startswith("cuda"):
        from cxrneighbors.devices import resolve_device

        resolve_device(value)


def _check_fill(value: str, option: str) -> None:
    try:
        grey = float(value)
    except ValueError:
        _one_of(value, known.FILLS, f"{option} {value!r}")
        return
    if not 0 <= grey <= 1:
        raise UserError(f"{option} {value}: a grey must lie in 0 (black) to 1 (white)")


def _check_syntax(expression: str, option: str) -> None:
    from cxrneighbors.index.predicate_syntax import parse

    try:
        parse(expression)
    except UserError as error:
        raise UserError(str(error).replace("where", option, 1)) from None
