"""A few phantom patients, from which trees of other data sets' shapes are made."""

from __future__ import annotations

import pytest

from cxrneighbors.data.imports import ImportResult, import_dataset


@pytest.fixture(scope="session")
def phantoms(tmp_path_factory: pytest.TempPathFactory) -> ImportResult:
    """22 films of 8 patients, all views and splits among them."""
    return import_dataset("phantom", tmp_path_factory.mktemp("phantoms"), n_patients=8, image_size=32)
