"""Queries of a kind that the argument does not take, and those that it does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cxrneighbors.errors import UserError
from cxrneighbors.index.neighbor_index import NeighborIndex
from cxrneighbors.index.query_kinds import check_kinds

FILM = np.zeros((4, 4), np.float32)
REFUSED: list[tuple[str, Any, str]] = [
    ("image_ids", FILM, r"image_ids: an ndarray \(4, 4\); give films as search\(image=...\)"),
    ("image_ids", Image.new("L", (4, 4)), r"image_ids: an Image; give films as search\(image="),
    ("image_ids", Path("a.png"), r"image_ids: a PosixPath; give films as search\(image="),
    ("image_ids", 5, "image_ids: an int; give an image_id of the index, or a list of them"),
    ("image_ids", ["a", 5], "image_ids: 5 is an int; give an image_id"),
    ("image_ids", [["a"]], r"image_ids: \['a'\] is a list; give an image_id"),
    ("image_ids", {"a": 1}, "image_ids: a dict; give an image_id"),
    ("image_ids", pd.DataFrame({"a": ["b"]}), r"image_ids: a DataFrame \(1, 1\); give an image_id"),
    ("image", 3, "image: an int; give files, arrays"),
    ("image", b"png", "image: a bytes; give files, arrays"),
    ("image", pd.DataFrame({"a": ["b"]}), r"image: a DataFrame \(1, 1\); give files, arrays"),
    ("text", 5, "text: an int; give a text, or a list of texts"),
    ("text", float("nan"), "text: a float; give a text"),
    ("text", ["a", float("nan")], "text: nan is a float; give a text"),
    ("patient_id", 5, "patient_id: an int; give a patient's id as text"),
]
TAKEN: list[tuple[str, Any]] = [
    ("image_ids", "a"),
    *(("image_ids", kind(["a", "b"])) for kind in (list, tuple, np.array, pd.Series, pd.Index, set)),
    ("image", "a.png"),
    ("image", Path("a.png")),
    ("image", FILM),
    ("image", FILM[None, None]),
    ("image", [Path("a.png"), FILM, Image.new("L", (4, 4))]),
    ("image", pd.Series(["a.png"])),
    ("text", ["a", None]),
    ("patient_id", "p"),
]


def ask(name: str, value: Any) -> None:
    check_kinds(**{"image_ids": None, "image": None, "text": None, "patient_id": None, name: value})


@pytest.mark.parametrize(("name", "value", "said"), REFUSED)
def test_refused(name: str, value: Any, said: str) -> None:
    with pytest.raises(UserError, match=f"^{said}"):
        ask(name, value)


def test_an_open_file_is_no_film(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"x")
    with open(tmp_path / "a.png", "rb") as stream, pytest.raises(UserError, match="image: a BufferedReader"):
        ask("image", stream)


@pytest.mark.parametrize(("name", "value"), TAKEN)
def test_taken(name: str, value: Any) -> None:
    ask(name, value)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"k": 2.5}, "k 2.5: must be a whole number"),
        ({"k": True}, "k True: must be a whole number"),
        ({"where": np.ones(60, bool)}, r"where: an ndarray \(60,\); give an expression"),
        ({"where": [5]}, "where: a list; give an expression"),
        ({"modality": ["image"]}, "unknown modality"),
        ({"weights": "image=1"}, "weights: a str; give a dictionary"),
        ({"weights": {"image": "x"}}, "weight of image: a str; give a number"),
        ({"seed": "a"}, "seed 'a': must be a whole number"),
        ({"seed": -1}, "seed -1: must be at least 0"),
        ({"policy": 3}, "unknown policy 3"),
    ],
)
def test_search_says_what_is_wrong(
    given: dict[str, Any], said: str, small_index: Callable[..., NeighborIndex]
) -> None:
    with pytest.raises(UserError, match=f"^{said}"):
        small_index(60).search("i00001", **given)


def test_whole_numbers_of_any_type_and_tensors(small_index: Callable[..., NeighborIndex]) -> None:
    import torch

    from cxrneighbors.index.queries import listed

    index = small_index(60)
    assert index.search("i00001", k=np.int64(3)).equals(index.search("i00001", k=3.0))
    films = listed(torch.zeros(4, 4))
    assert films is not None and len(films) == 1 and films[0].shape == (4, 4)


def test_build_says_what_is_wrong(small_index: Callable[..., NeighborIndex]) -> None:
    from cxrneighbors.encoders.store import Embeddings

    embeddings = Embeddings.from_arrays(["a"], np.zeros((1, 2)))
    studies = pd.DataFrame({"image_id": ["a"], "patient_id": ["p"]})
    for given, said in (
        ((studies, embeddings), r"embeddings: a DataFrame \(1, 2\); give what encode"),
        ((embeddings, "table.parquet"), "study table: a str; give a study table"),
    ):
        with pytest.raises(UserError, match=f"^{said}"):
            NeighborIndex.build(*given)  # type: ignore[arg-type]
    with pytest.raises(UserError, match="M 'x': must be a whole number"):
        NeighborIndex.build(embeddings, studies, M="x")
