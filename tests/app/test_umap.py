"""The map by UMAP itself, where it is installed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cxrneighbors.app.projection import Projections
from cxrneighbors.encoders.store import Embeddings
from cxrneighbors.index.neighbor_index import NeighborIndex

pytest.importorskip("umap")
pytestmark = pytest.mark.filterwarnings("ignore")


def test_groups_that_lie_apart_stay_apart() -> None:
    rng = np.random.default_rng(0)
    group = np.repeat([0, 1, 2], 20)
    vectors = (rng.normal(size=(60, 8)) + 40 * np.eye(8)[group]).astype(np.float32)
    ids = [f"i{row}" for row in range(60)]
    studies = pd.DataFrame({"image_id": ids, "patient_id": ids, "findings": [["Mass"]] * 60})
    index = NeighborIndex.build(Embeddings.from_arrays(ids, vectors), studies, backend="exact")
    once, again = (Projections(index.store).layout("image", "umap") for _ in range(2))
    assert once is not None and again is not None
    np.testing.assert_array_equal(once, again)  # seeded
    apart = np.linalg.norm(once[:, None] - once[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    assert (group[apart.argmin(axis=1)] == group).all()
