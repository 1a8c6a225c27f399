"""A folder that `evaluate` wrote, as the explorer shows it: its summary, its neighbours, its files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cxrneighbors.errors import UserError
from cxrneighbors.evaluation.labels import encode_labels
from cxrneighbors.evaluation.overlap import labels_for, pair_overlap
from cxrneighbors.evaluation.write import EVALUATION
from cxrneighbors.files import read_json

TYPES = {
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".csv": "text/csv; charset=utf-8",
    ".json": "application/json",
    ".html": "text/html; charset=utf-8",
    ".parquet": "application/vnd.apache.parquet",
    ".pdf": "application/pdf",
}


@dataclass(frozen=True)
class EvaluationFolder:
    """`summary`: overlap.json; `neighbors`: neighbors.parquet; `files`: by name, what may be fetched."""

    summary: dict[str, Any]
    neighbors: pd.DataFrame
    files: Mapping[str, Path]

    @classmethod
    def read(cls, folder: Path) -> EvaluationFolder:
        """Read a complete folder; a `UserError` names what is missing, changed or of another kind."""
        described = EVALUATION.read(folder)["files"]  # what else lies there is not the evaluation's
        files = {name: folder / name for name in sorted(described) if Path(name).suffix in TYPES}
        missing = {"overlap.json", "neighbors.parquet"} - files.keys()
        if missing:
            raise UserError(f"{folder}: {min(missing)} is missing; run evaluate again")
        summary = read_json(files["overlap.json"], "run evaluate again")
        return cls(summary, pd.read_parquet(files["neighbors.parquet"]), files)

    @property
    def methods(self) -> list[str]:
        """The index's own methods, the fused one first."""
        rows = self.summary["methods"]
        return [name for name in ("fused", "image", "report") if rows.get(name, {}).get("kind") == "index"]

    def targets(self, studies: pd.DataFrame, method: str) -> pd.DataFrame:
        """How each target fared: `image_id`, `overlap` in [0, 1], `findings`; the best first.

        Only of targets and neighbours that `studies` holds, by its findings.
        """
        found = self.neighbors[self.neighbors["method"] == method]
        rows = pd.Index(studies["image_id"])
        query, neighbour = (rows.get_indexer(found[name]) for name in ("query_id", "neighbor_id"))
        known = (query >= 0) & (neighbour >= 0)
        query, neighbour = query[known], neighbour[known]
        definition = self.summary["definition"]
        masks = labels_for(encode_labels(studies["findings"]), definition).masks
        shared = pd.Series(pair_overlap(masks[query], masks[neighbour], definition))
        means = shared.groupby(np.asarray(query)).mean().sort_values(ascending=False, kind="stable")
        order = means.index.to_numpy()
        columns = {"image_id": studies["image_id"].to_numpy()[order], "overlap": means.to_numpy()}
        return pd.DataFrame(columns | {"findings": studies["findings"].to_numpy()[order]})
