"""The application as a client meets it: films, uploads, suggestions, and nothing of the disk."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from cxrneighbors.app import server
from cxrneighbors.app.archive import Archive
from cxrneighbors.app.server import launch, make_app
from cxrneighbors.data.pixels import read_pixels
from cxrneighbors.errors import UserError


@pytest.fixture(scope="module")
def client(archive: Archive) -> Iterator[TestClient]:
    with TestClient(make_app(archive), base_url="http://127.0.0.1") as made:
        yield made


@pytest.fixture
def image_id(archive: Archive) -> str:
    return str(archive.studies["image_id"].iloc[0])


def png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def test_a_film_by_its_id(client: TestClient, archive: Archive, image_id: str) -> None:
    answer = client.get(f"/film/{image_id}.png?size=256")
    shown = np.asarray(Image.open(io.BytesIO(answer.content))) / 255
    assert answer.headers["content-type"] == "image/png"
    assert np.abs(shown - archive.pixels(image_id)).max() < 0.003


@pytest.mark.parametrize("name", ["nobody", "..%2F..%2Fetc%2Fpasswd", "%2Fetc%2Fpasswd", "....//x", "a%00b"])
def test_a_path_is_no_id(name: str, client: TestClient) -> None:
    answer = client.get(f"/film/{name}.png")
    assert answer.status_code == 404 and "PNG" not in answer.text


def test_sizes_are_a_few(client: TestClient, image_id: str) -> None:
    for size in (0, -1, 513, 10**9, "x"):
        assert client.get(f"/film/{image_id}.png?size={size}").status_code == 422


def test_suggestions(client: TestClient, archive: Archive) -> None:
    answer = client.get("/suggest", params={"text": "effusion pa"}).json()
    films, count = archive.suggest("effusion pa")
    assert answer["count"] == count
    assert [film["id"] for film in answer["films"]] == [film.image_id for film in films]


def test_an_upload_is_shown_searched_and_forgotten(client: TestClient) -> None:
    content = png(np.random.default_rng(0).integers(0, 256, (40, 30), dtype=np.uint8))
    token = client.post("/upload", content=content).json()["token"]
    shown = client.get(f"/uploaded/{token}.png")
    assert Image.open(io.BytesIO(shown.content)).size == (30, 40)
    assert shown.headers["cache-control"] == "no-store"
    client.delete(f"/upload/{token}")
    assert client.get(f"/uploaded/{token}.png").status_code == 404


def test_a_bad_upload_is_refused_in_one_line(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = client.post("/upload", content=b"#!/bin/sh")
    assert answer.status_code == 415 and answer.json()["detail"].startswith("the file is no PNG")
    monkeypatch.setattr(server, "MOST_BYTES", 1000)
    assert client.post("/upload", content=iter([b"x" * 600, b"x" * 600])).status_code == 413


def test_uploads_touch_no_disk(client: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    before = {path: path.stat().st_mtime for path in tmp_path.rglob("*")}
    for _ in range(2):  # the first decoder was started before
        assert client.post("/upload", content=png(np.zeros((8, 8), np.uint8))).status_code == 200
    assert {path: path.stat().st_mtime for path in tmp_path.rglob("*")} == before


def test_no_path_is_in_the_page(client: TestClient, archive: Archive, index_folder: Path) -> None:
    texts = [client.get(path).text for path in ("/", "/config")]
    places = {str(index_folder), str(index_folder.parent), "secret place", str(Path.home()), str(Path.cwd())}
    places |= set(archive.studies["path"])
    for text in texts:
        assert not [place for place in places if place in text or json.dumps(place)[1:-1] in text]


def test_the_page_says_what_it_is_for(client: TestClient) -> None:
    assert "Research use only" in client.get("/").text


def test_gradio_has_nothing_to_report_and_no_fonts_from_elsewhere(client: TestClient) -> None:
    config = client.get("/config").json()
    assert config["analytics_enabled"] is False and config["stylesheets"] == []
    assert "http" not in client.get("/theme.css").text.replace("http://www.w3.org", "")


def test_a_taken_port_is_one_line(archive: Archive) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(UserError, match="give another --port"):
            launch(archive, "127.0.0.1", taken.getsockname()[1])


def test_a_copy_of_an_indexed_film_is_decoded_to_its_pixels(
    client: TestClient, archive: Archive, image_id: str
) -> None:
    path = Path(archive.studies["path"].iloc[0])
    token = client.post("/upload", content=path.read_bytes()).json()["token"]
    shown = np.asarray(Image.open(io.BytesIO(client.get(f"/uploaded/{token}.png").content)))
    assert np.abs(shown / 255 - read_pixels(path)).max() < 0.003
