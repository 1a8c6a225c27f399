from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cxrneighbors.classifiers.training_data import (
    LabelledImages,
    TrainingData,
    check_no_leak,
    check_positives,
    default_labels,
    encode_targets,
    label_shares,
    label_weights,
    split_by_patient,
    split_loader,
    usable_rows,
)
from cxrneighbors.data.schema import validate_studies
from cxrneighbors.data.splits import patient_split
from cxrneighbors.errors import UserError
from cxrneighbors.training.images import FileImages, MemoryImages


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
    rows = table([["a"]] * 3, split=["train", "val", "test"])
    check_no_leak(rows, ["x", "y", "z"])
    with pytest.raises(UserError, match="patient 'p' of unknown is in train and test"):
        check_no_leak(rows.assign(patient_id=["p", "q", "p"]), ["x", "y", "z"])
    # The same number in two data sets is two patients.
    check_no_leak(rows.assign(patient_id=["p", "q", "p"], dataset=["d", "d", "e"]), ["x", "y", "z"])
    with pytest.raises(UserError, match="'i1' and 'i2' are the same image, in val and test"):
        check_no_leak(rows, ["x", "y", "y"])


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


def test_label_shares() -> None:
    assert label_shares(np.array([[1, 0], [1, 1], [0, 0], [0, 0]]), 2).tolist() == [0.5, 0.25]
    assert label_shares(np.array([0, 0, 0, 2]), 3).tolist() == [0.75, 0, 0.25]


def test_a_file_that_has_gone_is_no_wrong_target(tmp_path) -> None:
    paths = [str(tmp_path / f"{number}.png") for number in range(3)]
    for path in paths[:2]:
        Image.fromarray(np.zeros((8, 8), np.uint8)).save(path)
    rows = table([["a"]] * 3, split=["train"] * 3)
    data = TrainingData(rows, FileImages(paths, 8, "pad"), np.arange(3))
    assert LabelledImages(data)[[0, 1]][1].tolist() == [0, 1]
    with pytest.raises(UserError, match="1 of a batch can no longer be read; put the files back"):
        LabelledImages(data)[[0, 2]]


def test_a_split_comes_in_batches_with_its_targets() -> None:
    rows = table([["a"]] * 9, split=["train"] * 5 + ["val"] * 4)
    pixels = np.arange(9, dtype=np.uint8).reshape(9, 1, 1, 1)
    data = TrainingData(rows, MemoryImages(pixels), np.arange(9))
    val = list(split_loader(data, "val", 3, seed=0))
    assert [targets.tolist() for _, targets in val] == [[5, 6, 7], [8]]
    assert (val[0][0].flatten() * 255).round().tolist() == [5, 6, 7]
    (images, targets), *others = split_loader(data, "train", 4, seed=0)
    assert not others, "a single image waits for another epoch's order"
    assert (images.flatten() * 255).round().tolist() == targets.tolist() != sorted(targets.tolist())
