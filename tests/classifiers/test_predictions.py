"""Probabilities of many films: those of one film alone, streamed, resumed, in three formats."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from cxrneighbors.classifiers import predict as module_level
from cxrneighbors.classifiers import predict as public
from cxrneighbors.classifiers.base import Classifier
from cxrneighbors.classifiers.predictions import predict
from cxrneighbors.classifiers.registry import build
from cxrneighbors.data.pixels import load_image
from cxrneighbors.data.skipped import Skipped
from cxrneighbors.errors import UserError

PREDICT = "cxrneighbors.classifiers.predictions"


@pytest.fixture(scope="module")
def model() -> Classifier:
    return build("small-cnn", labels=["Mass", "Edema", "Hernia"], image_size=32, width=4, seed=3).eval()


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """23 films; i05 has no file, i07 an empty one."""
    folder, rng = tmp_path_factory.mktemp("films"), np.random.default_rng(0)
    for number in range(23):
        Image.fromarray(rng.integers(0, 255, (40, 36), dtype=np.uint8)).save(folder / f"i{number:02d}.png")
    (folder / "i07.png").write_bytes(b"")
    paths = [None if n == 5 else str(folder / f"i{n:02d}.png") for n in range(23)]
    return pd.DataFrame({"image_id": [f"i{n:02d}" for n in range(23)], "path": paths})


def alone(model: Classifier, path: str) -> np.ndarray:
    with torch.inference_mode():
        return model(torch.from_numpy(load_image(path, 32)[None])).sigmoid().numpy()[0]


def test_each_film_has_the_probabilities_of_itself_alone(model: Classifier, table: pd.DataFrame) -> None:
    skipped = Skipped("predict")
    found = predict(model, table, batch_size=4, skipped=skipped)
    assert list(found.columns) == ["image_id", "Mass", "Edema", "Hernia"]
    assert found["image_id"].tolist() == [name for name in table["image_id"] if name not in ("i05", "i07")]
    assert (found.dtypes.iloc[1:] == np.float32).all()
    for row, path in table.set_index("image_id")["path"].loc[found["image_id"]].reset_index().iterrows():
        np.testing.assert_allclose(found.iloc[row, 1:].astype(float), alone(model, path["path"]), atol=1e-5)
    assert skipped.to_frame()["item"].tolist() == ["i05", "i07"]
    assert skipped.to_frame()["reason"].str.contains("no image file|empty").all()
    assert public is predict or module_level is not None


def test_files_are_called_by_their_paths(
    model: Classifier, table: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [Path(path) for path in table["path"][:3]]
    model.save(tmp_path / "net")
    found = predict(tmp_path / "net", files, device="cpu")
    assert found["image_id"].tolist() == [str(path) for path in files]
    expected = predict(model, table.iloc[:3])
    np.testing.assert_allclose(found.iloc[:, 1:], expected.iloc[:, 1:], atol=1e-6)


@pytest.mark.parametrize("suffix", [".csv", ".json", ".parquet"])
def test_written_as_returned(model: Classifier, table: pd.DataFrame, tmp_path: Path, suffix: str) -> None:
    out = tmp_path / f"p{suffix}"
    found = predict(model, table, out=out)
    read = {".csv": pd.read_csv, ".json": pd.read_json, ".parquet": pd.read_parquet}[suffix]
    again = read(out)
    assert list(again.columns) == list(found.columns) and again["image_id"].equals(found["image_id"])
    np.testing.assert_array_equal(again.iloc[:, 1:].astype(np.float32), found.iloc[:, 1:])
    assert [path.name for path in tmp_path.iterdir()] == [out.name]
    predict(model, table.iloc[:2], out=out)  # its own kind of file is replaced
    assert len(read(out)) == 2


class Interruption(Exception):
    pass


def test_an_interrupted_run_goes_on(
    model: Classifier, table: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{PREDICT}.PART", 6)
    out, read, calls = tmp_path / "p.csv", predict.__globals__["load_images"], []

    def failing(paths: list, *arguments: object, **options: object) -> tuple[np.ndarray, np.ndarray]:
        calls.append(len(paths))
        if len(calls) == 6:
            raise Interruption
        return read(paths, *arguments, **options)

    monkeypatch.setattr(f"{PREDICT}.load_images", failing)
    with pytest.raises(Interruption):
        predict(model, table, out=out, batch_size=3)
    assert not out.exists() and len(list((tmp_path / "p.csv.parts").glob("*.parquet"))) == 2
    calls.clear()
    monkeypatch.setattr(f"{PREDICT}.load_images", lambda *a, **o: calls.append(len(a[0])) or read(*a, **o))
    skipped = Skipped("predict")
    found = predict(model, table, out=out, batch_size=3, skipped=skipped)
    assert sum(calls) == 23 - 12, "films of finished parts are not read again"
    assert found.equals(predict(model, table, batch_size=3)) and not (tmp_path / "p.csv.parts").exists()
    assert skipped.to_frame()["item"].tolist() == ["i05", "i07"]


def test_another_question_begins_anew(
    model: Classifier, table: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{PREDICT}.PART", 6)
    write = predict.__globals__["write_records"]
    monkeypatch.setattr(f"{PREDICT}.write_records", lambda *a: (_ for _ in ()).throw(Interruption()))
    with pytest.raises(Interruption):
        predict(model, table, out=tmp_path / "p.csv")
    monkeypatch.setattr(f"{PREDICT}.write_records", write)
    other = build("small-cnn", labels=["Mass", "Edema", "Hernia"], image_size=32, width=4, seed=4).eval()
    assert predict(other, table, out=tmp_path / "p.csv").equals(predict(other, table))


def test_fewer_digits_stay_near_and_are_left_where_they_overflow(
    model: Classifier, table: pd.DataFrame
) -> None:
    exact = predict(model, table).iloc[:, 1:].to_numpy()
    brief = predict(model, table, precision="bfloat16").iloc[:, 1:].to_numpy()
    assert 0 < np.abs(brief - exact).max() < 0.05


class Broken(Classifier):
    name = "broken"

    def features(self, images: torch.Tensor) -> torch.Tensor:
        return images.flatten(1)[:, :2]

    def classify(self, features: torch.Tensor) -> torch.Tensor:
        return features * torch.nan


def test_what_cannot_be_scored(model: Classifier, table: pd.DataFrame, tmp_path: Path) -> None:
    twice = pd.concat([table.iloc[:1], table.iloc[:1]])
    (tmp_path / "other.csv").write_text("a,b\n")
    cases = [
        (lambda: predict(Broken(["a", "b"], 32, True), table.iloc[:1]), "NaN or infinite"),
        (lambda: predict(model, table.iloc[[5, 7]]), "not one of 2 films can be read"),
        (lambda: predict(model, table.iloc[:0]), "there are no films"),
        (lambda: predict(model, []), "there are no films"),
        (lambda: predict(model, twice), "'i00' is given twice"),
        (lambda: predict(model, table, precision="float64"), "unknown precision 'float64'"),
        (lambda: predict(model, table, batch_size=0), "at least 1"),
        (lambda: predict(model, table, out=tmp_path / "p.txt"), r"written as \.csv"),
        (lambda: predict(model, table, out=tmp_path / "other.csv"), "is another file"),
    ]
    for call, says in cases:
        with pytest.raises(UserError, match=says):
            call()
    assert [path.name for path in tmp_path.iterdir()] == ["other.csv"]
