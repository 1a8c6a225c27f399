"""The map's routes over HTTP: bytes in row order, no path, and refusals in words."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from cxrneighbors.app import map_tab
from cxrneighbors.app.archive import Archive
from cxrneighbors.app.colouring import colourings
from cxrneighbors.app.map_routes import map_routes
from cxrneighbors.app.projection import Projections
from cxrneighbors.index.neighbor_index import NeighborIndex

N = 40


@pytest.fixture(scope="module")
def archive(random_index: Callable[..., NeighborIndex]) -> Archive:
    index = random_index(N)
    index.studies["path"] = [f"/secret/{i}.png" for i in range(N)]
    return Archive(index)


def coded(*rows: int) -> str:
    return base64.b64encode(sum(1 << row for row in rows).to_bytes(N // 8, "little")).decode()


def client(archive: Archive, **options: Any) -> TestClient:
    app = FastAPI()
    app.include_router(map_routes(archive, **options))
    return TestClient(app)


def test_points_are_pairs_and_then_codes_in_row_order(archive: Archive) -> None:
    http = client(archive)
    about = http.get("/map/about").json()
    assert about["count"] == N and [each["key"] for each in about["spaces"]] == ["fused", "image", "report"]
    colour = about["colourings"][1]
    asked = {"space": "report", "method": "pca", "colour": colour["key"]}
    content = http.get("/map/points", params=asked).content
    assert len(content) == 9 * N
    layout = Projections(archive.index.store).layout("report")
    np.testing.assert_array_equal(np.frombuffer(content[: 8 * N], "<f4").reshape(N, 2), layout)
    codes = np.frombuffer(content[8 * N :], np.uint8)
    np.testing.assert_array_equal(codes, colourings(archive.studies)[colour["key"]].codes)
    assert np.bincount(codes).tolist() == [entry["count"] for entry in colour["categories"]]


def test_films_are_told_of_by_row_without_a_path(archive: Archive) -> None:
    answer = client(archive).get("/map/films", params={"row": [3, 1]})
    assert [film["id"] for film in answer.json()] == ["i00003", "i00001"]
    assert "secret" not in answer.text and "path" not in answer.text


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("points?space=sound&method=pca&colour=view", 422),
        ("points?space=image&method=tsne&colour=view", 422),
        ("points?space=image&method=pca&colour=mood", 422),
        (f"films?row={N}", 404),
        ("films?row=-1", 404),
        ("films?" + "&".join(f"row={i % N}" for i in range(51)), 422),
    ],
)
def test_what_is_not_there_is_refused(archive: Archive, address: str, status: int) -> None:
    answer = client(archive).get(f"/map/{address}")
    assert answer.status_code == status and answer.json()["detail"]


def test_tags_are_answered_with_a_table_to_keep(archive: Archive) -> None:
    answer = client(archive).post("/map/tagged/parquet", json={"odd": coded(1, 3)})
    assert answer.headers["content-disposition"] == 'attachment; filename="tagged-studies.parquet"'
    found = pd.read_parquet(io.BytesIO(answer.content))
    assert [row for row, names in enumerate(found["tags"]) if list(names) == ["odd"]] == [1, 3]
    assert found["path"][0] == "/secret/0.png"
    guarded = client(archive, paths=False).post("/map/tagged/parquet", json={"odd": coded(1)})
    assert pd.read_parquet(io.BytesIO(guarded.content))["path"].isna().all()
    refused = client(archive).post("/map/tagged/parquet", json={"odd": coded()})
    assert refused.status_code == 422 and "mark them again" in refused.json()["detail"]
    assert client(archive).post("/map/tagged/exe", json={"odd": coded(1)}).status_code == 422


def test_the_tab_is_plain_markup_whose_parts_the_script_fills() -> None:
    markup = map_tab.TEMPLATE.read_text(encoding="utf-8")
    scripts = "".join(
        path.read_text(encoding="utf-8")
        for path in (map_tab.TEMPLATE.parents[1] / "static" / "modules").glob("map*.js")
    )
    for part in ("space", "method", "colour", "points", "marks", "tip", "legend", "near", "tags", "save"):
        assert f'data-part="{part}"' in markup
    assert "//" not in markup and "${" not in markup
    assert "http://" not in scripts and "https://" not in scripts
