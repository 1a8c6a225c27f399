"""Copies of one film under several patients, among films that are alike and films of one patient."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cxrneighbors.encoders.store import Embeddings
from cxrneighbors.index.identical import identical_films
from cxrneighbors.index.neighbor_index import NeighborIndex


@pytest.fixture
def table(tmp_path: Path) -> pd.DataFrame:
    """Ten copies of ten patients, two of one patient, and ten films of their own."""
    rng = np.random.default_rng(0)
    films = rng.integers(0, 255, (12, 8, 8), dtype=np.uint8)
    which = [0] * 10 + [1] * 2 + list(range(2, 12))
    paths = [str(tmp_path / f"{row}.png") for row in range(len(which))]
    for row, (path, film) in enumerate(zip(paths, which, strict=True)):
        Image.fromarray(films[film]).save(path, compress_level=row % 9)  # other bytes, the same pixels
    patients = [f"p{row}" for row in range(10)] + ["twice", "twice"] + [f"q{row}" for row in range(10)]
    ids = [f"i{row}" for row in range(len(which))]
    columns = {"image_id": ids, "patient_id": patients, "path": paths, "which": which}
    return pd.DataFrame({**columns, "findings": [["Mass"]] * len(which)})


def index_of(table: pd.DataFrame, noise: float = 1e-7) -> NeighborIndex:
    rng = np.random.default_rng(1)
    vectors = rng.normal(size=(12, 6)).astype(np.float32)[table["which"]]
    vectors += noise * rng.normal(size=vectors.shape).astype(np.float32)
    vectors[:, 5] = 3.0  # a dimension that says nothing
    embeddings = Embeddings.from_arrays(table["image_id"].tolist(), vectors)
    return NeighborIndex.build(embeddings, table, backend="exact")


def test_ten_identical_films_of_ten_patients(table: pd.DataFrame, capsys: pytest.CaptureFixture[str]) -> None:
    index = index_of(table)
    lines = capsys.readouterr().err.splitlines()
    assert [group.tolist() for group in identical_films(index.store)] == [list(range(10))]
    assert len(lines) == 1 and lines[0].startswith(
        "warning: 10 films of 10 patients show one and the same picture (such as i0, i1, i2): "
    )


def test_films_that_are_only_alike_are_not_named(
    table: pd.DataFrame, capsys: pytest.CaptureFixture[str]
) -> None:
    image = Image.open(table["path"][1])
    image.putpixel((3, 3), (image.getpixel((3, 3)) + 1) % 256)
    image.save(table["path"][1])
    Path(table["path"][2]).unlink()
    groups = identical_films(index_of(table).store)
    assert [group.tolist() for group in groups] == [[0, *range(3, 10)]]
    index_of(table[10:].reset_index(drop=True))
    assert capsys.readouterr().err.count("warning") == 1


def test_an_index_that_grows_is_told_of_new_copies_alone(
    table: pd.DataFrame, capsys: pytest.CaptureFixture[str]
) -> None:
    def embedded(films: pd.DataFrame) -> Embeddings:
        vectors = np.random.default_rng(1).normal(size=(12, 6)).astype(np.float32)
        return Embeddings.from_arrays(films["image_id"].tolist(), vectors[films["which"]])

    first = table.drop(index=[8, 9, 20, 21])
    index = NeighborIndex.build(embedded(first), first, backend="exact")
    capsys.readouterr()
    more = table.loc[[*first.index, 20, 21]]
    assert index.add(embedded(more), more) == 2
    assert "warning" not in capsys.readouterr().err  # eight copies were there before
    index.add(embedded(table), table)
    said = capsys.readouterr().err
    assert "warning: 10 films of 10 patients show one and the same picture" in said
