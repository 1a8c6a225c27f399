"""The trees are read back in tests/data/readers; here: their shape, against what the publishers document."""

import ast
import re

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cxrneighbors.data.schema import validate_studies
from cxrneighbors.data.tables import empty_regions
from cxrneighbors.testing.published_trees import write_chexpert, write_padchest, write_vindr


@pytest.fixture
def studies(tmp_path):
    paths = [str(tmp_path / f"{row}.png") for row in range(3)]
    for path in paths:
        Image.fromarray(np.full((40, 40), 90, np.uint8)).save(path)
    return validate_studies(
        pd.DataFrame(
            {
                "image_id": ["a", "b", "c"],
                "patient_id": ["1", "1", "2"],
                "path": paths,
                "age": [50, 51, 60],
                "findings": [["Effusion"], ["No Finding"], ["Mass"]],
                "view": ["PA", "LATERAL", "AP"],
                "split": ["train", "train", "val"],
                "sex": ["F", "F", None],
            }
        )
    )


def test_chexpert(studies, tmp_path):
    table = write_chexpert(studies, tmp_path)
    pattern = r"CheXpert-v1\.0-small/(train|valid)/patient\d{5}/study\d+/view1_(frontal|lateral)\.jpg"
    assert all(re.fullmatch(pattern, path) and (tmp_path / path).is_file() for path in table["Path"])
    assert list(table.columns)[:5] == ["Path", "Sex", "Age", "Frontal/Lateral", "AP/PA"]
    assert len(table.columns) == 19 and table["Pleural Effusion"].tolist() == ["1.0", "", ""]
    assert set(table.iloc[:, 5:].to_numpy().ravel()) == {"1.0", "0.0", "-1.0", ""}
    assert len(pd.read_csv(tmp_path / "CheXpert-v1.0-small" / "valid.csv")) == 1


def test_padchest(studies, tmp_path):
    write_padchest(studies, tmp_path)
    table = pd.read_csv(tmp_path / "PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv", index_col=0)
    assert [ast.literal_eval(cell) for cell in table["Labels"]] == [
        ["pleural effusion"],
        ["normal"],
        ["pulmonary mass"],
    ]
    assert table["Projection"].tolist() == ["PA", "L", "AP"]
    with Image.open(tmp_path / "0" / table["ImageID"].iloc[0]) as image:
        assert image.mode.startswith("I;16") and np.asarray(image)[0, 0] == round(90 / 255 * 65535)


def test_vindr(studies, tmp_path):
    ids = write_vindr(studies, empty_regions(), tmp_path)["image_id"]
    labels = pd.read_csv(tmp_path / "annotations" / "image_labels_train.csv", dtype={"image_id": str})
    assert labels["image_id"].tolist() == [image for image in ids for _ in range(3)]
    assert list(labels.columns)[:2] == ["image_id", "rad_id"] and len(labels.columns) == 30
    assert set(labels.iloc[:, 2:].to_numpy().ravel()) == {0, 1}
    assert all((tmp_path / "train" / f"{image}.dicom").is_file() for image in ids)
