"""A table that has grown at its end: only new rows are encoded, the store is that of a fresh run."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cxrneighbors.encoders import jobs
from cxrneighbors.encoders.encode import encode
from cxrneighbors.encoders.growth import begin_or_grow
from cxrneighbors.encoders.hog import HOGEncoder
from cxrneighbors.encoders.pca import PCAEncoder
from cxrneighbors.encoders.pixels import PixelEncoder
from cxrneighbors.encoders.store import Embeddings
from cxrneighbors.errors import UserError

SIZES = {"shard_size": 8, "batch_size": 3}


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def same_but_for_the_origin(grown: Path, fresh: Path) -> bool:
    """Every byte, and every key of the manifest but `grown_from`."""
    a, b = files_of(grown), files_of(fresh)
    first, second = (json.loads(files.pop("manifest.json")) for files in (a, b))
    first.pop("grown_from")
    return a == b and first == second


class Counting(PixelEncoder):
    """Pixels, and how many films were encoded."""

    seen = 0

    def encode(self, images: np.ndarray) -> np.ndarray:
        Counting.seen += len(images)
        return super().encode(images)


@pytest.mark.parametrize("n", [1, 7, 10, 12, 18, 22])
def test_a_grown_store_is_a_fresh_one(studies: pd.DataFrame, tmp_path: Path, n: int):
    before, after = encode(studies.iloc[:n], "pixels", out=tmp_path / "emb", **SIZES), studies
    encode(after, "pixels", out=tmp_path / "emb", **SIZES)
    encode(after, "pixels", out=tmp_path / "fresh", **SIZES)
    assert same_but_for_the_origin(tmp_path / "emb", tmp_path / "fresh")
    found = Embeddings.load(tmp_path / "emb")
    assert found.manifest["grown_from"] == [before.manifest["studies_hash"]]
    assert found.manifest["studies_hash"] != before.manifest["studies_hash"]


def test_it_grows_again_and_is_complete_when_asked_again(
    studies: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    hashes = [
        encode(studies.iloc[:n], "pca", "tfidf", out=tmp_path / "emb", **SIZES).manifest["studies_hash"]
        for n in (9, 14, 23)
    ]
    assert Embeddings.load(tmp_path / "emb").manifest["grown_from"] == hashes[:2]
    monkeypatch.setattr(jobs, "write_shard", lambda *a: pytest.fail("nothing is left to write"))
    encode(studies, "pca", "tfidf", out=tmp_path / "emb", **SIZES)
    with pytest.raises(UserError, match="another table"):
        encode(studies.iloc[:14], "pca", "tfidf", out=tmp_path / "emb", **SIZES)


def test_only_new_rows_and_the_last_batch_are_encoded(studies: pd.DataFrame, tmp_path: Path):
    encode(studies.iloc[:13], Counting(), out=tmp_path / "emb", **SIZES)  # 12 films: 8, and 3 + 1
    Counting.seen = 0
    encode(studies, Counting(), out=tmp_path / "emb", **SIZES)
    assert Counting.seen == 10 + 1


class Interruption(Exception):
    pass


def test_an_interrupted_growth_goes_on(
    studies: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    encode(studies.iloc[:10], "pixels", "none", out=tmp_path / "emb", **SIZES)
    encode(studies, "pixels", "none", out=tmp_path / "fresh", **SIZES)
    write = jobs.write_shard

    def failing(path: Path, shard: object) -> None:
        if path.name == "part-00002.parquet":
            raise Interruption
        write(path, shard)

    monkeypatch.setattr(jobs, "write_shard", failing)
    with pytest.raises(Interruption):
        encode(studies, "pixels", "none", out=tmp_path / "emb", **SIZES)
    with pytest.raises(UserError, match="interrupted"):
        Embeddings.load(tmp_path / "emb")
    with pytest.raises(UserError, match="encoding another table was interrupted; finish that"):
        encode(studies.iloc[:20], "pixels", "none", out=tmp_path / "emb", **SIZES)
    monkeypatch.setattr(jobs, "write_shard", write)
    Counting.seen = 0
    encode(studies, Counting(), "none", out=tmp_path / "emb", **SIZES)
    assert Counting.seen == 22 - 16 - 1 + 1  # i05 has no film, i07 none that can be read
    assert same_but_for_the_origin(tmp_path / "emb", tmp_path / "fresh")


def test_a_fitted_encoder_stays_as_it_was(
    studies: pd.DataFrame, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    first = encode(studies.iloc[:14], PCAEncoder(dim=4), "tfidf", out=tmp_path / "emb", **SIZES)
    capsys.readouterr()
    grown = encode(studies, PCAEncoder(dim=4), "tfidf", out=tmp_path / "emb", **SIZES)
    said = capsys.readouterr().err
    assert "image: 9 new rows, 13 are encoded already; pca stays as fitted on the earlier table" in said
    assert "report: 9 new rows, 12 are encoded already; tfidf stays as fitted" in said
    for modality in ("image", "report"):
        assert grown.encoder(modality).weights_hash() == first.encoder(modality).weights_hash()
        n = len(first.ids[modality])
        assert grown.ids[modality][:n] == first.ids[modality]
        np.testing.assert_allclose(grown.vectors[modality][:n], first.vectors[modality], atol=1e-6)
    alone = PCAEncoder(dim=4).fit(studies.iloc[:14])
    assert grown.encoder("image").weights_hash() == alone.weights_hash()


def test_what_is_no_growth_is_refused(studies: pd.DataFrame, tmp_path: Path):
    folder, first = tmp_path / "emb", studies.iloc[:14]
    encode(first, "pca", out=folder, **SIZES)
    before = files_of(folder)
    changes: list[tuple[Callable[[], object], str]] = [
        (lambda: encode(studies.iloc[::-1], "pca", out=folder, **SIZES), "another table.*OLD NEW"),
        (lambda: encode(studies.iloc[1:], "pca", out=folder, **SIZES), "another table"),
        (lambda: encode(studies.iloc[:13], "pca", out=folder, **SIZES), "another table"),
        (lambda: encode(studies, HOGEncoder(), out=folder, **SIZES), "encoder 'pca', now 'hog'"),
        (lambda: encode(studies, PCAEncoder(dim=3), out=folder, **SIZES), "config"),
        (lambda: encode(studies, "pca", "tfidf", out=folder, **SIZES), "encoded"),
        (lambda: encode(studies, "pca", out=folder, shard_size=4), "shard size 8, now 4"),
    ]
    for change, says in changes:
        with pytest.raises(UserError, match=says):
            change()
    assert files_of(folder) == before


def test_a_changed_store_does_not_grow(studies: pd.DataFrame, tmp_path: Path):
    encode(studies.iloc[:14], "pixels", out=tmp_path / "emb", **SIZES)
    shard = tmp_path / "emb" / "image" / "part-00001.parquet"
    shard.write_bytes(shard.read_bytes()[:-1])
    with pytest.raises(UserError, match="changed since it was written"):
        encode(studies, "pixels", out=tmp_path / "emb", **SIZES)


def test_an_empty_folder_is_begun(tmp_path: Path):
    work = begin_or_grow(tmp_path / "emb", {"studies_hash": "s", "modalities": {}}, [])
    assert not work.complete and not work.resumed and "grown_from" not in work.plan
