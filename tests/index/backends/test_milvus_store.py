from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cxrneighbors.errors import UserError
from cxrneighbors.index.backends.milvus_fields import Field
from cxrneighbors.index.backends.milvus_store import close, connect, copy_store, create_collection, search

VECTORS = np.arange(12, dtype=np.float32).reshape(6, 2)
FIELDS = {
    "dose": Field("DOUBLE", [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]),
    "names": Field(
        "ARRAY", [["a"], [], ["b"]] * 2, {"element_type": "VARCHAR", "max_capacity": 4, "max_length": 9}
    ),
}


def test_a_store_is_copied_whether_file_or_folder(tmp_path: Path) -> None:
    (tmp_path / "one").write_text("a")
    (tmp_path / "many").mkdir()
    (tmp_path / "many" / "part").write_text("b")
    for name in ("one", "many"):
        copy_store(tmp_path / name, tmp_path / f"{name}-copy")
    assert (tmp_path / "one-copy").read_text() == "a"
    assert (tmp_path / "many-copy" / "part").read_text() == "b"


def test_a_collection_is_filled_searched_and_replaced(tmp_path: Path) -> None:
    pytest.importorskip("milvus_lite", reason="extra milvus is not installed")
    client = connect(str(tmp_path / "store.db"))
    for fields in ({}, FIELDS):
        create_collection(client, "films", VECTORS, fields, embedded=True)
    found = search(client, "films", VECTORS[[0, 5]], 2, 'dose > 0.0 and not (array_contains(names, "b"))')
    assert [[hit["position"] for hit in hits] for hits in found] == [[1, 3], [4, 3]]
    with pytest.raises(UserError, match=r"films cannot be searched .*; see that Milvus runs"):
        search(client, "films", VECTORS[:1], 2, "no such thing")
    (tmp_path / "temporary").mkdir()
    close(client, tmp_path / "temporary")
    assert not (tmp_path / "temporary").exists()
