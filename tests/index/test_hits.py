"""What `search` returns is a DataFrame that remembers what was searched, as long as it is not written."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

import cxrneighbors as cx
from cxrneighbors.errors import UserError
from cxrneighbors.index.hits import SearchHits, show
from cxrneighbors.index.neighbor_index import NeighborIndex

Build = Callable[..., NeighborIndex]


@pytest.fixture
def index(small_index: Build) -> NeighborIndex:
    return small_index(60)


def test_hits_and_their_parts_can_be_shown(index: NeighborIndex) -> None:
    hits = index.search(["i00001", "i00002"], k=3)
    assert isinstance(hits, pd.DataFrame) and isinstance(hits, SearchHits)
    assert repr(hits.show()) == "<2 queries, 3 neighbours each; .save('page.html') writes it>"
    first = hits[hits["rank"] == 1].copy()
    assert first.show().body.count("<figure") == 4
    assert "and 1 more" in hits.show(queries=1).body


def test_a_plain_table_is_shown_with_its_index(index: NeighborIndex, tmp_path: Path) -> None:
    hits = index.search(["i00001", "i00002"], k=3)
    hits.to_parquet(tmp_path / "hits.parquet")
    again = pd.read_parquet(tmp_path / "hits.parquet")
    pickled = pickle.loads(pickle.dumps(hits))  # noqa: S301
    for plain in (again, pickled, pd.concat([hits, hits])[:6]):
        pd.testing.assert_frame_equal(pd.DataFrame(plain), pd.DataFrame(hits))
        assert cx.show(plain, index).body == hits.show().body
        with pytest.raises(UserError, match=r"is not known any more; give it, show\(hits, index\)"):
            show(plain)
    assert len(pickle.dumps(hits)) < 3000  # no study table in it


def test_what_is_no_table_is_refused(index: NeighborIndex) -> None:
    with pytest.raises(UserError, match="hits: a list; give the DataFrame"):
        show([1], index)  # type: ignore[arg-type]


def test_a_text_is_remembered(index: NeighborIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    import numpy as np

    from cxrneighbors.index import queries

    monkeypatch.setattr(index.encoders, "get", lambda modality: None)
    monkeypatch.setattr(queries, "encode_texts", lambda *_: np.ones((1, 4), np.float32))
    assert "chest tube" in index.search(text="chest tube", k=2).show().body
