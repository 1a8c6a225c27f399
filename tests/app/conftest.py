"""An index of random vectors, small enough to be built anew for each test module."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from cxrneighbors.app.archive import Archive
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


@pytest.fixture(scope="session")
def phantom_archive(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    """20 phantom patients, an index by PCA and TF-IDF, a classifier with random weights, an evaluation."""
    from cxrneighbors.classifiers.registry import build
    from cxrneighbors.data.imports import import_dataset
    from cxrneighbors.encoders.encode import encode
    from cxrneighbors.evaluation.evaluate import evaluate_overlap
    from cxrneighbors.evaluation.write import write_evaluation

    folder = tmp_path_factory.mktemp("phantom")
    studies = import_dataset("phantom", folder / "films", n_patients=20, image_size=96).studies
    embeddings = encode(studies, image="pca", report="tfidf", out=folder / "embeddings")
    index = NeighborIndex.build(embeddings, studies, backend="exact")
    index.save(folder / "index")
    findings = sorted({name for names in studies["findings"] for name in names} - {"No Finding"})
    build("small-cnn", labels=findings, image_size=48).save(folder / "classifier")
    write_evaluation(evaluate_overlap(index, k=3, n_permutations=19), folder / "evaluation")
    return Archive.open(folder / "index", folder / "classifier", folder / "evaluation")
