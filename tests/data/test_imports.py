import numpy as np
import pytest
from PIL import Image

from cxrneighbors.data.imports import import_dataset, read_studies
from cxrneighbors.data.readers import DATASETS
from cxrneighbors.errors import UserError


def test_names_are_the_contracts():
    assert {"chestxray14", "openi", "covid-chestxray", "folder", "phantom"} <= set(DATASETS)


def test_unknown_data_set_and_option(tmp_path):
    with pytest.raises(UserError, match="unknown data set 'chexpart'; choose one of: chestxray14"):
        import_dataset("chexpart", tmp_path)
    with pytest.raises(UserError, match="unknown option of data set openi 'images'; choose one of: seed"):
        import_dataset("openi", tmp_path, images="optional")


@pytest.mark.parametrize("dataset", ["chestxray14", "openi", "covid-chestxray", "folder"])
def test_missing_root_is_named(tmp_path, dataset):
    with pytest.raises(UserError, match="nowhere: no such file or folder; give the folder"):
        import_dataset(dataset, tmp_path / "nowhere")


@pytest.mark.parametrize("dataset", ["chestxray14", "openi", "covid-chestxray", "folder"])
def test_empty_root_is_named(tmp_path, dataset):
    with pytest.raises(UserError, match=str(tmp_path)):
        import_dataset(dataset, tmp_path)


def test_no_usable_row_is_an_error(tmp_path):
    (tmp_path / "studies.csv").write_text("image_id,patient_id,path\na,1,a.png\nb,2,b.png\n")
    with pytest.raises(UserError, match=r"no row of it can be used, 2 skipped \(2 no image file\)"):
        import_dataset("folder", tmp_path)


def test_result_is_validated(tmp_path):
    (tmp_path / "studies.csv").write_text("image_id,patient_id,path\na,1,a.png\n")
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / "a.png")
    table = read_studies("folder", str(tmp_path))
    assert table["path"].tolist() == [str(tmp_path / "a.png")]
    assert table["age"].dtype == "float64"
    imported = import_dataset("folder", str(tmp_path))
    assert repr(imported) == "<ImportResult: 1 images of 1 patients; 0 regions; 0 skipped>"
