"""hnswlib's file: whole ones pass, and no damage that could lead hnswlib astray does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cxrneighbors.errors import UserError
from cxrneighbors.index.backends.hnsw import HnswGraph
from cxrneighbors.index.backends.hnsw_file import _HEAD, check_graph_file

N, D, M = 300, 16, 4
LEVEL0 = 2 * M * 4 + 4
ELEMENT = LEVEL0 + D * 4 + 8


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    return np.random.default_rng(0).standard_normal((N, D)).astype(np.float32)


@pytest.fixture(scope="module")
def graph(vectors: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, dict]:
    built = HnswGraph.build(vectors, M=M)
    path = tmp_path_factory.mktemp("graph") / "g.bin"
    built.save(path)
    return path.read_bytes(), built.settings()


@pytest.mark.parametrize(("n", "m"), [(1, 24), (2, 4), (50, 2), (300, 24)])
def test_what_hnswlib_writes_passes(n: int, m: int, vectors: np.ndarray, tmp_path: Path) -> None:
    HnswGraph.build(vectors[:n], M=m).save(tmp_path / "g")
    check_graph_file(tmp_path / "g", vectors[:n], m)


def test_it_has_levels(graph: tuple[bytes, dict]) -> None:
    assert len(graph[0]) > _HEAD.itemsize + N * (ELEMENT + 4), "or the tests below would prove little"


@pytest.mark.parametrize("name", _HEAD.names)
@pytest.mark.parametrize("value", [1, 2**31 - 1])
def test_every_number_of_the_head(
    name: str, value: int, graph: tuple[bytes, dict], vectors: np.ndarray, tmp_path: Path
) -> None:
    content = np.frombuffer(graph[0], np.uint8).copy()
    head = content[: _HEAD.itemsize].view(_HEAD)
    head[name] = value
    (tmp_path / "g").write_bytes(content.tobytes())
    harmless = {("max_elements", 2**31 - 1), ("ef_construction", 1), ("ef_construction", 2**31 - 1)}
    if (name, value) in harmless:
        return
    with pytest.raises(UserError, match=r"g: graph .*; build the index again"):
        HnswGraph.load(tmp_path / "g", vectors, graph[1])


PLACES = {
    "a link of the lowest level": _HEAD.itemsize + 5 * ELEMENT + 4,
    "a count of links": _HEAD.itemsize + 5 * ELEMENT,
    "a vector": _HEAD.itemsize + 5 * ELEMENT + LEVEL0 + 3,
    "a label": _HEAD.itemsize + 6 * ELEMENT - 8,
    "a length of links above": _HEAD.itemsize + N * ELEMENT,
}


@pytest.mark.parametrize("place", PLACES)
def test_numbers_that_lead_outside(
    place: str, graph: tuple[bytes, dict], vectors: np.ndarray, tmp_path: Path
) -> None:
    content = bytearray(graph[0])
    content[PLACES[place] : PLACES[place] + 4] = b"\xff\xff\x00\x7f"
    (tmp_path / "g").write_bytes(content)
    with pytest.raises(UserError, match="build the index again"):
        HnswGraph.load(tmp_path / "g", vectors, graph[1])


def test_a_link_to_an_element_that_does_not_reach_that_level(
    graph: tuple[bytes, dict], vectors: np.ndarray, tmp_path: Path
) -> None:
    content, place = bytearray(graph[0]), _HEAD.itemsize + N * ELEMENT
    low = None
    for element in range(N):
        size = int.from_bytes(content[place : place + 4], "little")
        low = element if not size and low is None else low
        if size and content[place + 4] and low is not None:  # its first list has links
            content[place + 8 : place + 12] = low.to_bytes(4, "little")
            break
        place += 4 + size
    (tmp_path / "g").write_bytes(content)
    with pytest.raises(UserError, match="links that lead outside"):
        check_graph_file(tmp_path / "g", vectors, M)


def test_random_damage_never_ends_the_process(
    graph: tuple[bytes, dict], vectors: np.ndarray, tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    for _ in range(150):
        content = np.frombuffer(graph[0], np.uint8).copy()
        content[rng.integers(len(content), size=rng.integers(1, 9))] = rng.integers(256)
        (tmp_path / "g").write_bytes(content[: len(content) - rng.choice([0, 0, 1, 99])].tobytes())
        try:
            loaded = HnswGraph.load(tmp_path / "g", vectors, graph[1])
        except UserError:
            continue
        assert loaded.query(vectors[:20], 5).max() < N


@pytest.mark.parametrize("settings", [{"M": 5}, {"M": "x"}, {"ef": -1}, {"ef": 10**9}, {"M": 0}])
def test_settings_that_are_none(
    settings: dict, graph: tuple[bytes, dict], vectors: np.ndarray, tmp_path: Path
) -> None:
    (tmp_path / "g").write_bytes(graph[0])
    with pytest.raises(UserError, match="build the index again"):
        HnswGraph.load(tmp_path / "g", vectors, graph[1] | settings)
