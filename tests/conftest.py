"""Fixtures that every test folder uses."""

from __future__ import annotations

import os
import resource
import shutil
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("MPLBACKEND", "Agg")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """Headless Chromium driven by Playwright; tests that need it are skipped where one of both is absent."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="no Playwright: install the dev extra")
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no Chromium: install Debian's package chromium to run the browser tests")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def ray() -> Iterator[Any]:
    """Ray on this machine, two workers at most; without Ray a test that wants it is skipped."""
    ray = pytest.importorskip("ray", reason="the extra 'ray' is not installed")
    ray.init(num_cpus=2, log_to_driver=False, include_dashboard=False)
    yield ray
    ray.shutdown()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real public samples; tests that need it are skipped where it is absent."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    root = Path(os.environ.get("CXRNEIGHBORS_DATA", default))
    if not root.is_dir():
        pytest.skip("no real data: set CXRNEIGHBORS_DATA to the folder with chestxray14-256 and the others")
    return root


@pytest.fixture(scope="session")
def memory_cap() -> Callable[[int], AbstractContextManager[None]]:
    """`with memory_cap(megabytes)`: this process may take so much more; what asks for more gets an error."""

    @contextmanager
    def cap(megabytes: int) -> Iterator[None]:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        before = resource.getrlimit(resource.RLIMIT_AS)
        limit = pages * resource.getpagesize() + megabytes * 2**20
        resource.setrlimit(resource.RLIMIT_AS, (limit, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_AS, before)

    return cap


@pytest.fixture(scope="session")
def full_disk() -> Callable[[int], AbstractContextManager[None]]:
    """`with full_disk(n)`: no file grows beyond n bytes; a write past them fails as on a full disk."""

    @contextmanager
    def full(room: int) -> Iterator[None]:
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    return full


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
