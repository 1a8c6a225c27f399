from __future__ import annotations

from itertools import chain

import numpy as np
import pandas as pd
import pytest
import torch

from cxrneighbors.classifiers.augmentation import augment
from cxrneighbors.classifiers.training_data import (
    EpochBatches,
    check_no_leak,
    check_positives,
    default_labels,
    encode_targets,
    label_weights,
    split_by_patient,
    usable_rows,
)
from cxrneighbors.data.image_dataset import load_image_cache
from cxrneighbors.data.schema import validate_studies
from cxrneighbors.data.skipped import Skipped
from cxrneighbors.data.splits import patient_split
from cxrneighbors.errors import UserError


def table(findings: list[list[str]], **columns) -> pd.DataFrame:
    n = len(findings)
    base = {"image_id": [f"i{k}" for k in range(n)], "patient_id": [f"p{k}" for k in range(n)]}
    return validate_studies(pd.DataFrame({**base, "path": "x.png", "findings": findings, **columns}))


def test_rows_without_target_or_file_are_left_out() -> None:
    studies = table([["a"], [], ["No Finding"], ["a", "b"]], path=["x.png", "x.png", "x.png", None])
    assert usable_rows(studies, ["a", "b"], multi_label=True)["image_id"].tolist() == ["i0", "i2"]
    studies = table([["a"], [], ["No Finding"], ["a", "b"], ["b", "c"]])
    assert usable_rows(studies, ["a", "b"], multi_label=False)["image_id"].tolist() == ["i0", "i4"]
    with pytest.raises(UserError, match="no row of 1 has an image file and findings"):
        usable_rows(table([[]]), ["a"], multi_label=True)


def test_targets() -> None:
    findings = [["b", "z"], ["a", "b"], ["No Finding"]]
    assert encode_targets(findings, ["a", "b"], True).tolist() == [[0, 1], [1, 1], [0, 0]]
    single = encode_targets([["b", "z"], ["a"]], ["a", "b"], False)
    assert single.tolist() == [1, 0] and single.dtype == np.int64


def test_default_labels_are_findings_with_enough_images() -> None:
    studies = table([["b"]] * 3 + [["a"]] * 2 + [["rare"]] + [["No Finding"]] * 9)
    assert default_labels(studies, least=2) == ["a", "b"]
    with pytest.raises(UserError, match="no finding has 10 images"):
        default_labels(studies)


def test_splits_come_from_the_table_and_are_completed_by_patient() -> None:
    findings = [["a"]] * 60
    patients = [f"p{k // 3}" for k in range(60)]
    given = table(findings, patient_id=patients, split=["train"] * 20 + ["val"] * 20 + ["test"] * 20)
    assert split_by_patient(given, 0).tolist() == given["split"].tolist()
    alone = table(findings, patient_id=patients)
    assert split_by_patient(alone, 3).tolist() == patient_split(patients, seed=3).tolist()
    no_val = table(findings, patient_id=patients, split=["train"] * 45 + ["test"] * 15)
    made = no_val.assign(split=split_by_patient(no_val, 0))
    assert made["split"].tolist()[45:] == ["test"] * 15 and "val" in set(made["split"])
    assert made.groupby("patient_id")["split"].nunique().max() == 1


def test_leaks_are_named() -> None:
    pixels = np.arange(3, dtype=np.uint8).reshape(3, 1, 1, 1)
    rows = table([["a"]] * 3, split=["train", "val", "test"])
    check_no_leak(rows, pixels)
    with pytest.raises(UserError, match="patient 'p' of unknown is in train and test"):
        check_no_leak(rows.assign(patient_id=["p", "q", "p"]), pixels)
    # The same number in two data sets is two patients.
    check_no_leak(rows.assign(patient_id=["p", "q", "p"], dataset=["d", "d", "e"]), pixels)
    with pytest.raises(UserError, match="'i1' and 'i2' are the same image, in val and test"):
        check_no_leak(rows, pixels[[0, 1, 1]])


def test_labels_without_training_images() -> None:
    with pytest.raises(UserError, match="no training image is left"):
        check_positives(np.zeros((0, 2)), ["a", "b"])
    with pytest.raises(UserError, match="no training image has a, b"):
        check_positives(np.zeros((4, 2)), ["a", "b"])
    with pytest.raises(UserError, match="no training image has b"):
        check_positives(np.array([0, 0, 2]), ["a", "b", "c"])
    check_positives(np.array([[1, 0]]), ["a", "b"])


def test_label_weights() -> None:
    assert label_weights(np.array([[1, 0, 0]] + [[0, 1, 0]] * 3), 3) == pytest.approx([3, 1 / 3, 1])
    weights = label_weights(np.array([0, 0, 0, 1]), 2)
    assert weights == pytest.approx([4 / 6, 2])
    assert weights[[0, 0, 0, 1]].mean() == pytest.approx(1)


def test_batches_depend_on_seed_and_epoch_alone() -> None:
    positions = np.arange(100, 109)

    def drawn(epoch: int, seed: int | None = 5, size: int = 4) -> list[list[int]]:
        batches = EpochBatches(positions, size, seed, "")
        batches.set_epoch(epoch)
        found = [batch.tolist() for batch in batches]
        assert len(found) == len(batches)
        return found

    assert drawn(1) == drawn(1) != drawn(2)
    assert len(set(chain(*drawn(0)))) == 8  # nine images in fours: the single one waits
    assert drawn(0, seed=None) == [[100, 101, 102, 103], [104, 105, 106, 107], [108]]
    assert sorted(chain(*drawn(0, size=3))) == positions.tolist()


def test_augmentation_is_small_and_reproducible() -> None:
    images = torch.zeros(64, 1, 32, 48)
    images[:, :, 12:20, 8:16] = 1.0
    moved = augment(images, np.random.default_rng(3))
    assert torch.equal(moved, augment(images, np.random.default_rng(3)))
    assert moved.shape == images.shape and moved.min() >= 0 and moved.max() <= 1
    # The bright square stays within the largest shift of where it was, and moves.
    columns = (moved * torch.arange(48.0)).sum((1, 2, 3)) / moved.sum((1, 2, 3))
    bright = (moved > 0.6).float()
    centre = (bright * torch.arange(48.0)).sum((1, 2, 3)) / bright.sum((1, 2, 3))
    assert (centre - 11.5).abs().max() < 48 * 0.06 + 4 and columns.std() > 0.3
    flipped = augment(images, np.random.default_rng(3), flip=True)
    bright = (flipped > 0.6).float()
    right = (bright[..., 24:].sum((1, 2, 3)) > bright[..., :24].sum((1, 2, 3))).float().mean()
    assert 0.3 < right < 0.7


def test_image_cache_keeps_pixels_to_half_a_grey_level(tmp_path) -> None:
    from PIL import Image

    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (3, 16, 16), dtype=np.uint8)
    paths = [str(tmp_path / f"{k}.png") for k in range(3)]
    for path, image in zip(paths, pixels, strict=True):
        Image.fromarray(image).save(path)
    skipped = Skipped()
    cache = load_image_cache([paths[0], str(tmp_path / "gone.png"), *paths[1:]], 16, skipped=skipped)
    assert cache.kept.tolist() == [0, 2, 3] and len(skipped) == 1 and len(cache) == 3
    assert np.array_equal(cache.pixels[:, 0], pixels)
    assert np.allclose(cache.floats(np.array([2]))[0, 0], pixels[2] / 255.0)
    assert load_image_cache([], 16).pixels.shape == (0, 1, 16, 16)
