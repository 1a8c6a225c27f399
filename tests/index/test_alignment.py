"""Embeddings against a study table: gaps are kept and counted, other or broken vectors are refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from cxrneighbors.encoders.store import Embeddings
from cxrneighbors.errors import UserError
from cxrneighbors.index.alignment import align
from cxrneighbors.index.neighbor_index import NeighborIndex


def studies_of(ids: list[str]) -> pd.DataFrame:
    return pd.DataFrame({"image_id": ids, "patient_id": ids, "findings": [[] for _ in ids]})


def test_vectors_go_to_the_rows_of_their_ids() -> None:
    vectors, has = align(Embeddings.from_arrays(["c", "a"], np.eye(2)), studies_of(["a", "b", "c"]))
    np.testing.assert_array_equal(vectors["image"], [[0, 1], [0, 0], [1, 0]])
    assert has["image"].tolist() == [True, False, True] and set(vectors) == {"image"}


def test_rows_without_embeddings_are_kept_and_counted(capsys: pytest.CaptureFixture[str]) -> None:
    index = NeighborIndex.build(Embeddings.from_arrays(["c", "a"], np.eye(2)), studies_of(["a", "b", "c"]))
    assert index.has["image"].tolist() == [True, False, True]
    # A row without lies at the mean; it is found by a fused search alone.
    np.testing.assert_array_equal(index.vectors["image"], [[0, 1], [0.5, 0.5], [1, 0]])
    assert "image: 1 of 3 rows have no embedding" in capsys.readouterr().err
    with pytest.raises(UserError, match="'b': it has no vector in this index"):
        index.search("b", k=1)


def test_embeddings_of_other_images_are_refused() -> None:
    with pytest.raises(UserError, match="1 image images are not in the study table, first 'x'"):
        NeighborIndex.build(Embeddings.from_arrays(["a", "x"], np.eye(2)), studies_of(["a", "b"]))


class FakeEmbeddings(Embeddings):
    manifest: dict[str, Any] = {"modalities": {"image": {}}}  # noqa: RUF012

    def __init__(self, ids: list[str], vectors: np.ndarray) -> None:
        self.ids, self.vectors = {"image": ids}, {"image": vectors}


def test_embeddings_given_twice_or_not_finite_are_refused() -> None:
    with pytest.raises(UserError, match="image 'a' comes twice"):
        NeighborIndex.build(FakeEmbeddings(["a", "a"], np.eye(2)), studies_of(["a", "b"]))
    with pytest.raises(UserError, match="vector of 'b' is not finite"):
        NeighborIndex.build(FakeEmbeddings(["a", "b"], np.diag([1, np.nan])), studies_of(["a", "b"]))
    with pytest.raises(UserError, match="no vectors in any modality"):
        NeighborIndex.build(FakeEmbeddings([], np.empty((0, 2))), studies_of(["a", "b"]))
