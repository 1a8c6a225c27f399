"""Fixtures that every test folder uses."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("MPLBACKEND", "Agg")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real public samples; tests that need it are skipped where it is absent."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    root = Path(os.environ.get("CXRNEIGHBORS_DATA", default))
    if not root.is_dir():
        pytest.skip("no real data: set CXRNEIGHBORS_DATA to the folder with chestxray14-256 and the others")
    return root
