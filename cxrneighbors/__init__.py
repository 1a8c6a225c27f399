"""Nearest clinical neighbours for chest X-rays: find, score and explain the films that look and read alike.

The public names load on first use, so that importing the package takes a fraction of a second.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from cxrneighbors.data.imports import ImportResult, import_dataset, read_studies
    from cxrneighbors.data.phantom.generate import generate_phantoms
    from cxrneighbors.data.tables import read_table, write_table
    from cxrneighbors.encoders.encode import encode
    from cxrneighbors.encoders.pca import PCAEncoder
    from cxrneighbors.encoders.report_encoder import ReportEncoder
    from cxrneighbors.encoders.store import Embeddings
    from cxrneighbors.encoders.vae import VAE
    from cxrneighbors.errors import UserError
    from cxrneighbors.evaluation.evaluate import OverlapResult, evaluate_overlap
    from cxrneighbors.index.neighbor_index import NeighborIndex

_HOME = {
    "ImportResult": "data.imports",
    "import_dataset": "data.imports",
    "read_studies": "data.imports",
    "read_table": "data.tables",
    "write_table": "data.tables",
    "generate_phantoms": "data.phantom.generate",
    "VAE": "encoders.vae",
    "PCAEncoder": "encoders.pca",
    "ReportEncoder": "encoders.report_encoder",
    "Embeddings": "encoders.store",
    "encode": "encoders.encode",
    "NeighborIndex": "index.neighbor_index",
    "OverlapResult": "evaluation.evaluate",
    "evaluate_overlap": "evaluation.evaluate",
    "UserError": "errors",
}
__all__ = [
    "VAE",
    "Embeddings",
    "ImportResult",
    "NeighborIndex",
    "OverlapResult",
    "PCAEncoder",
    "ReportEncoder",
    "UserError",
    "encode",
    "evaluate_overlap",
    "generate_phantoms",
    "import_dataset",
    "read_studies",
    "read_table",
    "write_table",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
