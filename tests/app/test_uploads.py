"""Uploaded films are kept for a while, and no more than so many."""

from __future__ import annotations

import numpy as np
import pytest

from cxrneighbors.app import uploads as module
from cxrneighbors.app.uploads import Uploads
from cxrneighbors.errors import UserError


def film(value: float, side: int = 2) -> np.ndarray:
    return np.full((side, side), value, dtype=np.float32)


def test_a_film_by_its_token_until_it_is_dropped(uploads: Uploads) -> None:
    token, other = uploads.add(film(0.1)), uploads.add(film(0.2))
    assert token != other and uploads.pixels(token)[0, 0] == np.float32(0.1)
    uploads.drop(token)
    with pytest.raises(UserError, match="choose the file again"):
        uploads.pixels(token)


def test_the_longest_unused_goes_first(uploads: Uploads, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 2)
    first, second = uploads.add(film(1)), uploads.add(film(2))
    uploads.pixels(first)
    uploads.add(film(3))
    uploads.pixels(first)
    with pytest.raises(UserError):
        uploads.pixels(second)


def test_bytes_are_limited_too(uploads: Uploads, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 1000)
    first = uploads.add(film(1, 10))
    last = uploads.add(film(2, 100))  # too large alone, but just uploaded
    assert uploads.pixels(last) is not None
    with pytest.raises(UserError):
        uploads.pixels(first)


def test_they_go_after_a_while(uploads: Uploads, monkeypatch: pytest.MonkeyPatch) -> None:
    token = uploads.add(film(1))
    monkeypatch.setattr(module, "KEPT", -1.0)
    with pytest.raises(UserError):
        uploads.pixels(token)
