"""Uploaded films, in memory alone, for a while, by a token that only the uploader knows."""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field

import numpy as np

from cxrneighbors.errors import UserError

KEPT = 1800.0  # seconds after the last use
MOST = 64  # films of all users together
MOST_BYTES = 2**29  # of their pixels


@dataclass
class Uploads:
    """Films float32 (H, W) in [0, 1] by token; where there are too many the longest unused goes first."""

    _films: OrderedDict[str, tuple[float, np.ndarray]] = field(default_factory=OrderedDict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def add(self, pixels: np.ndarray) -> str:
        """Keep a film; its token."""
        token = secrets.token_urlsafe(16)
        with self._lock:
            self._forget_old()
            self._films[token] = (time.monotonic(), pixels)
            while len(self._films) > 1 and (len(self._films) > MOST or self._bytes() > MOST_BYTES):
                self._films.popitem(last=False)
        return token

    def pixels(self, token: str) -> np.ndarray:
        """The film of a token; a `UserError` where it is gone."""
        with self._lock:
            self._forget_old()
            if token not in self._films:
                raise UserError("the uploaded film is not kept any more; choose the file again")
            pixels = self._films[token][1]
            self._films[token] = (time.monotonic(), pixels)
            self._films.move_to_end(token)
            return pixels

    def drop(self, token: str) -> None:
        """Forget a film."""
        with self._lock:
            self._films.pop(token, None)

    def _forget_old(self) -> None:
        now = time.monotonic()
        for old in [name for name, (used, _) in self._films.items() if now - used > KEPT]:
            del self._films[old]

    def _bytes(self) -> int:
        return sum(pixels.nbytes for _, pixels in self._films.values())
