"""The dict behind overlap.json: Holm's correction, settings and versions, numbers that JSON can hold."""

from __future__ import annotations

import platform
from importlib.metadata import version
from typing import Any

import numpy as np

from cxrneighbors import __version__
from cxrneighbors.evaluation.exchange_tests import Draws
from cxrneighbors.evaluation.films import Films
from cxrneighbors.evaluation.graph import Who
from cxrneighbors.index.neighbor_index import NeighborIndex
from cxrneighbors.statistics.holm import holm

HOLM = (
    "Holm over one family per question: methods times comparisons (uniform, view, view-sex-age), the random "
    "draws a family of their own; findings of all methods; views of all methods; paired comparisons"
)
LIBRARIES = ("numpy", "scipy", "pandas", "hnswlib")


def adjust(summary: dict[str, Any], random: set[str]) -> None:
    """Fill in every `p_value_adjusted` of a summary, in place. `random`: names of the random draws."""
    methods = summary["methods"]
    for family in (set(methods) - random, set(methods) & random):
        chosen = [methods[name] for name in methods if name in family]
        matched = [test for row in chosen for test in row["tests"]["matched"].values()]
        _adjust_family(chosen + matched)
    for part in ("per_finding", "per_view"):
        _adjust_family([line for row in methods.values() for line in row.get(part, [])])
    _adjust_family(summary["comparisons"])


def settings_of(index: NeighborIndex, films: Films, who: Who, draws: Draws) -> dict[str, Any]:
    """What was run: seed, resampling, how the index was made, versions."""
    return {
        "seed": draws.seed,
        "n_permutations": draws.n_permutations,
        "intervals": "dyadic cluster-robust, patients as units (cxrneighbors.statistics.dyadic)",
        "n_images": len(index.studies),
        "n_labelled": int(films.labels.labelled.sum()),
        "n_findable": int(who.allowed.sum()),
        "findings": list(films.labels.names),
        "datasets": sorted({str(name) for name in index.studies["dataset"]}),
        "weights": dict(index.weights),
        "encoders": {
            modality: entry.get("encoder") for modality, entry in index.manifest.get("modalities", {}).items()
        },
        "holm": HOLM,
        "versions": {"python": platform.python_version(), "cxrneighbors": __version__}
        | {name: version(name) for name in LIBRARIES},
    }


def _adjust_family(tests: list[dict[str, Any]]) -> None:
    p_values = [test.get("p_value") for test in tests]
    adjusted = holm(np.array([np.nan if p is None else p for p in p_values], dtype=np.float64))
    for test, p in zip(tests, adjusted, strict=True):
        test["p_value_adjusted"] = float(p)
