from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from cxrneighbors.data.skipped import Skipped
from cxrneighbors.errors import UserError
from cxrneighbors.training.batches import EpochBatches, batch_loader, even_sizes
from cxrneighbors.training.images import (
    FileImages,
    MemoryImages,
    fit_in_memory,
    open_images,
    open_readable,
    pixel_digests,
    read_images,
    survey_images,
)


@pytest.fixture
def pixels() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (3, 16, 16), dtype=np.uint8)


@pytest.fixture
def paths(pixels: np.ndarray, tmp_path: Path) -> list[str]:
    """Three readable files, behind the first one that is missing."""
    names = [str(tmp_path / f"{number}.png") for number in range(3)]
    for path, image in zip(names, pixels, strict=True):
        Image.fromarray(image).save(path)
    return [names[0], str(tmp_path / "gone.png"), *names[1:]]


def test_memory_keeps_pixels_to_half_a_grey_level(paths: list[str], pixels: np.ndarray) -> None:
    skipped = Skipped()
    images, kept = read_images(paths, 16, "pad", skipped, ["a", "b", "c", "d"])
    assert kept.tolist() == [0, 2, 3] and skipped.to_frame()["item"].tolist() == ["b"] and len(images) == 3
    assert np.array_equal(images.pixels[:, 0], pixels)
    assert np.allclose(images[[2]][0, 0], pixels[2] / 255.0)
    empty, none = read_images([], 16, "pad")
    assert len(empty) == len(none) == 0
    with pytest.raises(UserError, match=r"gone\.png: no such image file"):
        read_images(paths, 16, "pad")


def test_chunks_make_no_difference(
    paths: list[str], pixels: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cxrneighbors.training.images.CHUNK", 2)
    images, kept = read_images(paths, 16, "pad", Skipped())
    assert kept.tolist() == [0, 2, 3] and np.array_equal(images.pixels[:, 0], pixels)


def test_images_that_do_not_fit_are_read_for_each_batch(paths: list[str]) -> None:
    held, read = open_images(paths, 16, "pad"), open_images(paths, 16, "pad", memory_limit=100)
    assert isinstance(held, MemoryImages) and isinstance(read, FileImages)
    assert len(held) == 3 and len(read) == 4, "the unreadable one is found when its batch is read"

    def all_of(images: MemoryImages | FileImages, workers: int) -> torch.Tensor:
        order = EpochBatches(range(len(images)), even_sizes(len(images), 2), None)
        return torch.cat(list(batch_loader(images, order, workers)))

    torch.testing.assert_close(all_of(read, 2), all_of(held, 0), atol=0.51 / 255, rtol=0)
    with pytest.raises(UserError, match="nor can the rest of its batch"):
        read[[1]]


def test_positions_of_readable_images_are_known(paths: list[str]) -> None:
    held, kept = open_readable(paths, 16, "pad")
    read, every = open_readable(paths, 16, "pad", memory_limit=100)
    assert kept.tolist() == [0, 2, 3] and every.tolist() == [0, 1, 2, 3]
    for images, asked, found in ((held, [2, 0], [0, 1]), (read, [3, 1, 0], [0, 2])):
        item, which = images.read(asked)
        assert which.tolist() == found
        torch.testing.assert_close(item, images[[asked[place] for place in found]])


def test_a_survey_finds_what_reading_does_and_keeps_nothing(
    paths: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cxrneighbors.training.images.CHUNK", 2)
    skipped = Skipped()
    images, kept, digests = survey_images(paths, 16, "pad", skipped, ["a", "b", "c", "d"])
    held, positions = read_images(paths, 16, "pad", Skipped())
    assert kept.tolist() == positions.tolist() and skipped.to_frame()["item"].tolist() == ["b"]
    assert isinstance(images, FileImages) and images.paths == [paths[0], *paths[2:]]
    assert digests == pixel_digests(held.pixels.numpy()) and len(set(digests)) == 3
    torch.testing.assert_close(images[[0, 2]], held[[0, 2]], atol=0.51 / 255, rtol=0)


def test_the_memory_limit_counts_a_byte_a_pixel() -> None:
    assert fit_in_memory(4, 16, 1024) and not fit_in_memory(5, 16, 1024)
