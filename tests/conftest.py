"""Fixtures that every test folder uses."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path
from typing import TypeVar

import pytest

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)

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


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return run_or_failed((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return run_or_failed((yield))


def run_or_failed(report: Report) -> Report:
    """With CXRNEIGHBORS_EXTRAS set, as by scripts/test-extras.sh, a skipped test has failed."""
    if report.skipped and os.environ.get("CXRNEIGHBORS_EXTRAS"):
        report.outcome = "failed"
        report.longrepr = f"skipped, with CXRNEIGHBORS_EXTRAS set: {report.longrepr}"
    return report
