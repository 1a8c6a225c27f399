"""What an evaluation returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from cxrneighbors.evaluation.score_table import ScoreTable


@dataclass
class OverlapResult:
    """Result of `evaluate_overlap`.

    summary: the content of overlap.json; neighbors: search's columns and `method`; tables: each method's
    scores, a row a target, for other statistics; studies: the index's study table; examples: per index
    method, the targets that Figure 4 and Table 1 show (see `examples.RULE`).
    """

    summary: dict[str, Any]
    neighbors: pd.DataFrame
    tables: dict[str, ScoreTable] = field(repr=False)
    studies: pd.DataFrame = field(repr=False)
    examples: dict[str, list[dict[str, Any]]] = field(repr=False)

    def main_methods(self) -> list[str]:
        """The index's own methods that were scored, of `image`, `report`, `fused`."""
        return list(self.examples)
