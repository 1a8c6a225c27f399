"""Indices of phantoms and of random vectors, an explorer that is served, and a browser."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("gradio", reason="gradio is missing: pip install cxrneighbors[explorer]")

from cxrneighbors.app.archive import Archive
from cxrneighbors.app.uploads import Uploads
from cxrneighbors.data.imports import import_dataset
from cxrneighbors.encoders.encode import encode
from cxrneighbors.encoders.store import Embeddings
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
def phantom_archive(index_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Archive:
    """The phantoms with a classifier of random weights, and an evaluation."""
    from cxrneighbors.classifiers.registry import build
    from cxrneighbors.evaluation.evaluate import evaluate_overlap
    from cxrneighbors.evaluation.write import write_evaluation

    folder, index = tmp_path_factory.mktemp("phantom"), NeighborIndex.load(index_folder)
    findings = sorted({name for names in index.studies["findings"] for name in names} - {"No Finding"})
    build("small-cnn", labels=findings, image_size=48).save(folder / "classifier")
    write_evaluation(evaluate_overlap(index, k=3, n_permutations=19), folder / "evaluation")
    return Archive.open(index_folder, folder / "classifier", folder / "evaluation")


@pytest.fixture(scope="session")
def explorer_address(phantom_archive: Archive) -> Iterator[str]:
    """Where an explorer over the phantoms is served, by this process."""
    import uvicorn

    from cxrneighbors.app.server import make_app

    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(make_app(phantom_archive), log_level="error"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        server.should_exit = True
        thread.join(10)


@pytest.fixture
def open_page(chromium: Any, explorer_address: str) -> Iterator[Callable[..., Any]]:
    """(tab, **context options) -> a page of the explorer at a tab; whatever it asks of another host, and any
    error of a script, fails the test."""
    contexts, wrong = [], []

    def open_tab(tab: str = "Search", path: str = "", **options: Any) -> Any:
        context = chromium.new_context(**{"viewport": {"width": 1280, "height": 860}} | options)
        context.set_default_timeout(90_000)
        contexts.append(context)
        page = context.new_page()
        own = ("data:", "blob:", explorer_address)
        page.on("request", lambda asked: asked.url.startswith(own) or wrong.append(f"asked for {asked.url}"))
        page.on("pageerror", lambda error: wrong.append(f"script: {error}"))
        page.goto(explorer_address + path)
        page.get_by_role("tab", name=tab).click()
        return page

    yield open_tab
    for context in contexts:
        context.close()
    assert not wrong, wrong
