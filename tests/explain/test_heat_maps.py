"""Pictures of where the evidence lies: on the right place of the film, named, kept, resumed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from cxrneighbors.classifiers.base import Classifier
from cxrneighbors.data.skipped import Skipped
from cxrneighbors.errors import UserError
from cxrneighbors.explain.heat_maps import heat_maps, overlaid


class Corner(Classifier):
    """'bright' is how bright the upper left quarter is, by way of a map; 'dark' the opposite."""

    name = "corner"

    def __init__(self) -> None:
        super().__init__(["bright", "dark"], 32, True)
        self.maps = torch.nn.Conv2d(1, 1, 1, bias=False)
        torch.nn.init.ones_(self.maps.weight)

    def features(self, images: torch.Tensor) -> torch.Tensor:
        return self.maps(images)[:, :, :16, :16].mean((2, 3))

    def classify(self, features: torch.Tensor) -> torch.Tensor:
        return torch.cat([features, -features], dim=1)


@pytest.fixture
def films(tmp_path: Path) -> pd.DataFrame:
    """Four films of 64 x 64, bright in the upper left quarter; of the last two one is empty, one is none."""
    (tmp_path / "films").mkdir()
    pixels = np.full((64, 64), 20, dtype=np.uint8)
    pixels[:32, :32] = 200
    for name in "abc":
        Image.fromarray(pixels).save(tmp_path / "films" / f"{name}.png")
    (tmp_path / "films" / "c.png").write_bytes(b"")
    paths = [str(tmp_path / "films" / f"{name}.png") for name in "abc"]
    return pd.DataFrame({"image_id": ["a", "b/2", "c", "d"], "path": [*paths, None]})


@pytest.mark.parametrize("method", ["grad-cam", "occlusion"])
def test_the_colour_lies_where_the_evidence_is(films: pd.DataFrame, tmp_path: Path, method: str) -> None:
    skipped = Skipped("heat maps")
    found = heat_maps(Corner(), films, "bright", tmp_path / "h", method=method, device="cpu", skipped=skipped)
    assert found["image_id"].tolist() == ["a", "b/2"] and (found["target"] == "bright").all()
    expected = torch.sigmoid(torch.tensor(200 / 255)).item()
    np.testing.assert_allclose(found["score"], expected, atol=1e-4)
    assert pd.read_csv(tmp_path / "h" / "heat_maps.csv")["file"].tolist() == found["file"].tolist()
    assert found["file"][0] == "a.png" and "/" not in found["file"][1]
    for file in found["file"]:
        picture = np.asarray(Image.open(tmp_path / "h" / file)).astype(int)
        assert picture.shape == (64, 64, 3)
        tint = picture[..., 0] - picture[..., 2]  # orange: red over blue
        assert tint[5:27, 5:27].min() > 50 and abs(tint[40:, 40:]).max() < 40
    assert skipped.to_frame()["item"].tolist() == ["c", "d"]


def test_pictures_that_are_there_are_kept(films: pd.DataFrame, tmp_path: Path) -> None:
    first = heat_maps(Corner(), films.iloc[:1], "bright", tmp_path / "h")
    (tmp_path / "h" / "a.png").write_bytes(b"kept")
    again = heat_maps(Corner(), films.iloc[:2], "bright", tmp_path / "h")
    assert (tmp_path / "h" / "a.png").read_bytes() == b"kept" and again["score"][0] == first["score"][0]
    with pytest.raises(UserError, match="target 'bright', now 'dark'"):
        heat_maps(Corner(), films, "dark", tmp_path / "h")


def test_files_from_outside(films: pd.DataFrame, tmp_path: Path) -> None:
    files = [Path(films["path"][0]), Path(films["path"][1])]
    found = heat_maps(Corner(), files, "dark", tmp_path / "h")
    assert found["image_id"].tolist() == [str(path) for path in files] and found["file"].is_unique


def test_unknown_names(films: pd.DataFrame, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="unknown target 'mass'; choose one of: bright, dark"):
        heat_maps(Corner(), films, "mass", tmp_path / "h")
    with pytest.raises(UserError, match="unknown method of heat maps 'lime'"):
        heat_maps(Corner(), films, "dark", tmp_path / "h", method="lime")
    assert not (tmp_path / "h").exists()


def test_overlay_by_hand() -> None:
    heat = np.array([[1.0, -1.0], [0.0, 0.0]], dtype=np.float32)
    picture = overlaid(np.full((1, 2, 2), 0.5, dtype=np.float32), heat)
    orange, blue = np.array([0.835, 0.369, 0.0]), np.array([0.0, 0.447, 0.698])
    np.testing.assert_allclose(picture[0, 0] / 255, 0.2 * 0.5 + 0.8 * orange, atol=0.01)
    np.testing.assert_allclose(picture[0, 1] / 255, 0.2 * 0.5 + 0.8 * blue, atol=0.01)
    assert (picture[1] == 128).all()
    assert (overlaid(np.full((1, 4, 4), 0.5), np.zeros((2, 2))) == 128).all()
