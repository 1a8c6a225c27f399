"""captum, an optional library: the rivals that are its own code."""

from __future__ import annotations

from typing import Any

from cxrneighbors.errors import UserError


def captum(rival: str) -> Any:
    """The module `captum.attr`; a `UserError` says how to install it."""
    try:
        import captum.attr
    except ImportError:
        message = "needs captum; pip install 'cxrneighbors[rivals]'"
        raise UserError(f"method {rival!r}: {message}") from None
    return captum.attr
