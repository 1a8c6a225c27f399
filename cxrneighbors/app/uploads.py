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
MOST = 32  # films of all users together


@dataclass
class Uploads:
    """Films float32 (H, W) in [0, 1] by token; the longest unused goes first."""

    _films: OrderedDict[str, tuple[float, np.ndarray]] = field(default_factory=OrderedDict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def add(self, pixels: np.ndarray) -> str:
        """Keep a film; its token."""
        token = secrets.token_urlsafe(16)
        with self._lock:
            self._films[token] = (time.monotonic(), pixels)
            while len(self._films) > MOST:
                self._films.popitem(last=False)
        return token

    def pixels(self, token: str) -> np.ndarray:
        """The film of a token; a `UserError` where it is gone."""
        with self._lock:
            now = time.monotonic()
            for old in [name for name, (used, _) in self._films.items() if now - used > KEPT]:
                del self._films[old]
            if token not in self._films:
                raise UserError("the uploaded film is not kept any more; choose the file again")
            pixels = self._films.pop(token)[1]
            self._films[token] = (now, pixels)
            return pixels

    def drop(self, token: str) -> None:
        """Forget a film."""
        with self._lock:
            self._films.pop(token, None)
