"""What a backend offers: approximate nearest neighbours in one plain squared-L2 space."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np


class Graph(Protocol):
    """One view of one modality. A vector's position is its row in the matrix that the graph was built from.

    Distances are not taken from here: the search recomputes them from the stored vectors.
    """

    suffix: str

    @classmethod
    def build(cls, vectors: np.ndarray, *args: Any, **options: Any) -> Self:
        """Build from float32 (n, D), n > 0; options are the backend's own."""

    @classmethod
    def load(cls, path: Path, vectors: np.ndarray, settings: dict[str, Any]) -> Self:
        """Read what `save` wrote; a `UserError` unless it was built from `vectors` with `settings`."""

    def query(self, vectors: np.ndarray, m: int) -> np.ndarray:
        """Positions of the `m` nearest: float32 (Q, D) -> int64 (Q, m), nearest first, -1 where none."""

    def effort(self, m: np.ndarray) -> np.ndarray:
        """What fetching `m` int64 (Q,) costs per query, in hnswlib's `ef` (vectors visited, about)."""

    def settings(self) -> dict[str, Any]:
        """What loading needs and checks, as JSON."""

    def save(self, path: Path) -> None:
        """Write the graph to the file `path`."""
