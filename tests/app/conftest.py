"""An index of a few phantoms with images and reports, and archives of it."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("gradio", reason="gradio is missing: pip install cxrneighbors[explorer]")

from cxrneighbors.app.archive import Archive
from cxrneighbors.app.uploads import Uploads
from cxrneighbors.data.imports import import_dataset
from cxrneighbors.encoders.encode import encode
from cxrneighbors.index.neighbor_index import NeighborIndex


@pytest.fixture(scope="session")
def index_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an index of 40 phantom patients, by PCA and TF-IDF."""
    folder = tmp_path_factory.mktemp("secret place")
    studies = import_dataset("phantom", folder / "films", n_patients=40, image_size=96, seed=1).studies
    embeddings = encode(studies, image="pca", report="tfidf", out=folder / "embeddings")
    NeighborIndex.build(embeddings, studies, backend="exact").save(folder / "index")
    return folder / "index"


@pytest.fixture(scope="session")
def archive(index_folder: Path) -> Archive:
    """Opened as the verb does."""
    return Archive.open(index_folder)


@pytest.fixture
def uploads() -> Uploads:
    """Nobody has uploaded anything."""
    return Uploads()
