"""An index of a few phantoms with images and reports, archives of it, and a browser that looks at one."""

from __future__ import annotations

import shutil
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("gradio", reason="gradio is missing: pip install cxrneighbors[explorer]")

from cxrneighbors.app.archive import Archive
from cxrneighbors.app.server import make_app
from cxrneighbors.app.uploads import Uploads
from cxrneighbors.data.imports import import_dataset
from cxrneighbors.encoders.encode import encode
from cxrneighbors.index.neighbor_index import NeighborIndex

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


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


@pytest.fixture(scope="session")
def site(archive: Archive) -> Iterator[str]:
    """The address at which the archive is served."""
    import uvicorn

    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(make_app(archive), log_level="warning"))
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join(10)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The system's Chromium, for which no other host exists."""
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="playwright is missing: pip install playwright"
    )
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("no browser: install chromium")
    alone = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=path, args=["--no-sandbox", alone])
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser, site: str) -> Iterator[Page]:
    """The explorer, loaded. A request to another host, and an error in the page, fail the test."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, base_url=site)
    context.set_default_timeout(20_000)
    made, wrong = context.new_page(), []
    own = (site, "data:", "blob:")
    made.on("request", lambda asked: None if asked.url.startswith(own) else wrong.append(asked.url))
    made.on("pageerror", lambda error: wrong.append(str(error)))
    made.goto("/")
    made.wait_for_selector("#cxr-film-input")
    yield made
    context.close()
    assert wrong == []
