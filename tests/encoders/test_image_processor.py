"""Our steps give the numbers of transformers' own image processors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from cxrneighbors.encoders.image_processor import read_processor
from cxrneighbors.errors import UserError

from . import tiny_vision_models as tiny

FILM = np.random.default_rng(0).integers(0, 256, (75, 50)).astype(np.uint8)


def settings_only(name: str, folder: Path, **changes: Any) -> Path:
    """A folder with the model's configuration and its image processor, no weights."""
    tiny.make(name).config.save_pretrained(folder)
    tiny.processor(name).save_pretrained(folder)
    path = folder / "preprocessor_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    return folder


@pytest.mark.parametrize(
    "name", [name for name in tiny.NAMES if name not in ("dinov3", "clip-tower", "resnet")]
)
@pytest.mark.parametrize("film", [FILM, FILM.T, FILM[:20, :20]], ids=["tall", "wide", "small"])
def test_a_film_becomes_what_the_real_processor_makes_of_it(
    name: str, film: np.ndarray, tmp_path: Path
) -> None:
    ours = read_processor(settings_only(name, tmp_path), "encoder")
    real = tiny.processor(name)(Image.fromarray(film).convert("RGB"), return_tensors="pt")["pixel_values"]
    prepared = ours.prepare(film / np.float32(255))
    assert prepared.shape == (1, tiny.SIZE, tiny.SIZE) and ours.image_size == tiny.SIZE
    assert 0 <= prepared.min() <= prepared.max() <= 1
    torch.testing.assert_close(ours.standardise(torch.from_numpy(prepared)[None]), real, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    "changes",
    [{"do_normalize": False}, {"do_rescale": False}, {"resample": 0}, {"image_mean": [0.1, 0.2, 0.3]}],
)
def test_every_setting_of_the_file_counts(changes: dict[str, Any], tmp_path: Path) -> None:
    from transformers import AutoImageProcessor

    folder = settings_only("vit", tmp_path, **changes)
    real = AutoImageProcessor.from_pretrained(folder, backend="pil")(Image.fromarray(FILM).convert("RGB"))
    ours = read_processor(folder, "encoder")
    found = ours.standardise(torch.from_numpy(ours.prepare(FILM / np.float32(255)))[None])
    np.testing.assert_allclose(found[0], np.asarray(real["pixel_values"][0]), atol=1e-4, rtol=1e-5)


def test_dinov3_resizes_numbers_with_an_antialiasing_filter(tmp_path: Path) -> None:
    ours = read_processor(tiny.write("dinov3", tmp_path), "encoder")
    pixels = FILM / np.float32(255)
    wanted = Image.fromarray(pixels).resize((tiny.SIZE, tiny.SIZE), Image.Resampling.BILINEAR)
    np.testing.assert_allclose(ours.prepare(pixels)[0], np.asarray(wanted), atol=1e-5)
    found = ours.standardise(torch.full((1, 1, tiny.SIZE, tiny.SIZE), 0.5))[0, :, 0, 0]
    np.testing.assert_allclose(
        found, [(0.5 - 0.485) / 0.229, (0.5 - 0.456) / 0.224, (0.5 - 0.406) / 0.225], atol=1e-6
    )


def test_a_processor_of_changing_size_is_refused(tmp_path: Path) -> None:
    folder = settings_only("clip", tmp_path, do_center_crop=False)
    with pytest.raises(UserError, match=r"^encoder: its image processor gives shapes .* fixed square size$"):
        read_processor(folder, "encoder")


def test_dinov3_of_another_shape_is_refused(tmp_path: Path) -> None:
    path = tiny.write("dinov3", tmp_path) / "preprocessor_config.json"
    good = json.loads(path.read_text())
    for changes, said in (
        ({"size": {"height": 32, "width": 40}}, "square"),
        ({"do_center_crop": True}, "more"),
    ):
        path.write_text(json.dumps(good | changes))
        with pytest.raises(UserError, match=said):
            read_processor(tmp_path, "encoder")
