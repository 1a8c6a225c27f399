"""An index of random vectors, small enough to be built anew for each test module."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from cxrneighbors.encoders.store import Embeddings
from cxrneighbors.index.neighbor_index import NeighborIndex


@pytest.fixture(scope="session")
def random_index() -> Callable[[int], NeighborIndex]:
    """Builds an index of n images (8-d), searched exactly; rows 0, 5, 10, … have no report (4-d)."""

    def build(n: int) -> NeighborIndex:
        rng = np.random.default_rng(3)
        names = np.array(["Effusion", "Edema", "Mass"])
        studies = pd.DataFrame(
            {
                "image_id": [f"i{i:05d}" for i in range(n)],
                "patient_id": [f"p{i // 3}" for i in range(n)],
                "view": rng.choice(["PA", "AP"], n),
                "sex": rng.choice(np.array(["F", "M", None], dtype=object), n),
                "age": np.where(rng.random(n) < 0.1, np.nan, rng.integers(0, 100, n)),
                "findings": [list(names[rng.random(3) < 0.3]) for _ in range(n)],
            }
        )
        image, report = rng.standard_normal((n, 8)) * np.arange(8, 0, -1), rng.standard_normal((n, 4))
        report[::5] = np.nan
        embeddings = Embeddings.from_arrays(list(studies["image_id"]), image, report)
        return NeighborIndex.build(embeddings, studies, backend="exact")

    return build
