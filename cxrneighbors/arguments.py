"""Arguments of public functions that are of another type than they can be: one line with the remedy."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np

from cxrneighbors.errors import UserError

T = TypeVar("T")


def whole(name: str, value: Any, example: int = 5) -> int:
    """`value` as an int; `UserError` unless it is a whole number (True and False are none).

    >>> whole("k", np.int64(3)), whole("k", 3.0)
    (3, 3)
    """
    number = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    if number and value == value // 1:
        return int(value)
    raise UserError(f"{name} {value!r}: must be a whole number, such as {example}")


def seed_of(value: Any) -> int:
    """`value` as a seed: a whole number from 0 on."""
    seed = whole("seed", value, 0)
    if seed < 0:
        raise UserError(f"seed {seed}: must be at least 0")
    return seed


def one_of_type(name: str, value: Any, kind: type[T] | tuple[type, ...], remedy: str) -> None:
    """Raise `UserError` unless `value` is a `kind`; it says what came and the `remedy`."""
    if not isinstance(value, kind):
        raise UserError(f"{name}: {a_thing(value)}; {remedy}")


def expression(name: str, value: Any) -> None:
    """Raise `UserError` unless `value` is a predicate's text or None."""
    if value is not None and not isinstance(value, str):
        raise UserError(
            f"{name}: {a_thing(value)}; give an expression as text, such as \"view == 'PA' and age > 60\""
        )


def a_thing(value: Any) -> str:
    """What a value is, for an error: 'a list', 'an ndarray (3, 4)', 'the class PCAEncoder'.

    >>> a_thing([1]), a_thing(np.zeros((3, 4))), a_thing(int)
    ('a list', 'an ndarray (3, 4)', 'the class int')
    """
    if isinstance(value, type):
        return f"the class {value.__name__}"
    kind = type(value).__name__
    shape = f" {tuple(value.shape)}" if isinstance(getattr(value, "shape", None), tuple) else ""
    return f"{'an' if kind[0].lower() in 'aeiou' or kind == 'ndarray' else 'a'} {kind}{shape}"
