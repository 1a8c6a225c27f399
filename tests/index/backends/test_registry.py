from __future__ import annotations

import subprocess
import sys

import pytest

from cxrneighbors.errors import UserError
from cxrneighbors.index.backends.registry import BACKENDS, check_options, graph_class


def test_every_option_is_one_that_build_takes() -> None:
    assert set(BACKENDS) == {"hnsw", "exact", "milvus"}
    for backend, options in BACKENDS.items():
        check_options(backend, dict.fromkeys(options, 1))
        if kind := graph_class(backend):
            code = kind.build.__func__.__code__
            assert set(options) <= set(code.co_varnames[: code.co_argcount + code.co_kwonlyargcount])
    assert graph_class("exact") is None


def test_mistakes_list_what_there_is() -> None:
    with pytest.raises(UserError, match="unknown backend 'faiss'; choose one of: hnsw, exact, milvus"):
        check_options("faiss", {})
    with pytest.raises(UserError, match="backend hnsw: unknown option 'uri'; it takes: M, ef_construction"):
        check_options("hnsw", {"uri": "x"})
    with pytest.raises(UserError, match="unknown option 'M'; it takes: none"):
        check_options("exact", {"M": 16})


def test_a_backend_is_loaded_only_when_used() -> None:
    code = (
        "import sys; from cxrneighbors.index.backends.registry import check_options, graph_class;"
        "check_options('milvus', {}); graph_class('exact'); sys.exit('hnswlib' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
