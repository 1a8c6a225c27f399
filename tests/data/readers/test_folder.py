import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset

from cxrneighbors.data.imports import import_dataset
from cxrneighbors.errors import UserError


def image(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(path)


def write(root, text, *images, name="studies.csv"):
    (root / name).write_text(text)
    for relative in images:
        image(root / relative)
    return root


def reasons(result):
    frame = result.skipped.to_frame()
    return dict(zip(frame["item"], frame["reason"], strict=True))


def test_columns_by_their_own_names(tmp_path):
    write(
        tmp_path,
        "image_id,path,patient_id,study_id,view,sex,age,findings,report,split\n"
        'a,img/a.png,1,s1,AP Supine,female,61,Mass| Nodule,"FINDINGS: Mass.\nIMPRESSION: Mass.",training\n'
        "b,img/b.png,2,,lateral,x,old,,,Validation\n",
        "img/a.png",
        "img/b.png",
    )
    result = import_dataset("folder", tmp_path)
    table = result.studies
    assert table["path"].tolist() == [str(tmp_path / "img" / "a.png"), str(tmp_path / "img" / "b.png")]
    assert table["study_id"].tolist() == ["s1", "b"]
    assert table["view"].tolist() == ["AP", "LATERAL"] and table["position"].tolist() == ["supine", "unknown"]
    assert table["sex"].tolist() == ["F", None]
    np.testing.assert_array_equal(table["age"], [61, np.nan])
    assert table["findings"].tolist() == [["Mass", "Nodule"], []]
    assert table["sections"].tolist() == [{"findings": "Mass.", "impression": "Mass."}, None]
    assert table["split"].tolist() == ["train", "val"]
    assert table["dataset"].tolist() == ["folder"] * 2
    assert len(result.notes) == 1 and "b: 'old'" in result.notes[0]


def test_column_mapping_separator_and_further_columns(tmp_path):
    write(
        tmp_path,
        "File,Pat,Dx,Site,Dose\na.png,7,Mass;Edema,north,1.5\nb.png,8,,,\n",
        "a.png",
        "b.png",
        name="x.csv",
    )
    table = import_dataset(
        "folder",
        tmp_path,
        csv="x.csv",
        columns={"path": "File", "patient_id": "Pat", "findings": "Dx", "site": "Site", "dose": "Dose"},
        separator=";",
        name="mine",
    ).studies
    assert table["image_id"].tolist() == ["a.png", "b.png"]
    assert table["findings"].tolist() == [["Mass", "Edema"], []]
    assert table["site"].iloc[0] == "north" and table["site"].isna().tolist() == [False, True]
    assert table["dose"].iloc[0] == 1.5
    assert table["dataset"].tolist() == ["mine"] * 2
    assert import_dataset(
        "folder", tmp_path / "x.csv", columns={"path": "File", "patient_id": "Pat"}
    ).studies.shape[0]


def test_without_paths_the_id_may_be_the_file(tmp_path):
    write(tmp_path, "image_id,patient_id\na.png,1\nreport-only,2\n", "a.png")
    assert import_dataset("folder", tmp_path).studies["path"].tolist() == [str(tmp_path / "a.png"), None]


def test_bad_rows_are_listed_and_the_rest_kept(tmp_path):
    write(
        tmp_path,
        "image_id,path,patient_id,split\na,a.png,1,train\nb,none.png,1,\na,a.png,2,\nc,c.png,1,\nd,a.png,,\n"
        "e,a.png,1,holdout\n,,5,\nf,,6,\n",
        "a.png",
    )
    (tmp_path / "c.png").touch()
    result = import_dataset("folder", tmp_path)
    assert result.studies["image_id"].tolist() == ["a", "f"]
    assert result.studies["path"].tolist() == [str(tmp_path / "a.png"), None]
    assert reasons(result) == {
        "b": "no image file",
        "a": "duplicate image_id",
        "c": "image file is empty (0 bytes)",
        "d": "no image id or no patient id",
        "e": "unknown split (holdout)",
        "row 8": "no image id or no patient id",
    }
    assert result.skipped.to_frame()["row"].tolist() == [3, 4, 5, 6, 7, 8]


def test_missing_file_and_columns(tmp_path):
    with pytest.raises(UserError, match=r"studies\.csv: no such file"):
        import_dataset("folder", tmp_path)
    write(tmp_path, "path,name\na.png,x\n")
    with pytest.raises(UserError, match=r"no column for 'patient_id'; name it with columns={'patient_id'"):
        import_dataset("folder", tmp_path)
    with pytest.raises(
        UserError, match=r"column 'Pat' \(for 'patient_id'\) is missing \(found: path, name\)"
    ):
        import_dataset("folder", tmp_path, columns={"patient_id": "Pat"})
    write(tmp_path, "patient_id\n1\n")
    with pytest.raises(UserError, match="no column for 'image_id'"):
        import_dataset("folder", tmp_path)


def test_splits_given_in_part_or_torn(tmp_path):
    write(
        tmp_path,
        "image_id,patient_id,split\na,1,test\nb,1,\nc,2,train\nd,2,test\ne,3,\n",
    )
    result = import_dataset("folder", tmp_path)
    assert result.studies["split"].tolist()[:4] == ["test", "test", "train", "test"]
    assert result.studies["split"].iloc[4] in ("train", "val", "test")
    assert result.notes == ["1 patients stand in more than one split, such as 2: scores may leak"]


def test_dicom_header_stands_in_for_missing_columns(tmp_path):
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7", "1.2.3"
    dataset.ViewPosition, dataset.PatientSex, dataset.PatientAge = "LL", "M", "042Y"
    dataset.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    (tmp_path / "b.dcm").write_bytes(b"no dicom")
    write(tmp_path, "image_id,patient_id,path,sex\na,1,a.dcm,F\nb,2,b.dcm,\n")
    table = import_dataset("folder", tmp_path).studies
    assert table["view"].tolist() == ["LATERAL", "UNKNOWN"]
    assert table["age"].iloc[0] == 42 and table["sex"].tolist() == ["F", None]
    write(tmp_path, "image_id,patient_id,path,view\na,1,a.dcm,PA\n")
    assert import_dataset("folder", tmp_path).studies["view"].tolist() == ["PA"]


def test_real_dicoms(shared_data, tmp_path):
    names = sorted(path.name for path in (shared_data / "dicom").glob("*.dcm"))
    rows = "".join(f"{shared_data / 'dicom' / name},p{i}\n" for i, name in enumerate(names))
    write(tmp_path, "path,patient_id\n" + rows)
    table = import_dataset("folder", tmp_path).studies
    assert table["image_id"].tolist() == names
    assert table["view"].tolist() == ["PA", "PA"] and table["sex"].tolist() == ["M", "M"]
    assert table["age"].tolist() == [62.0, 62.0]


@pytest.mark.parametrize("separator", ["", " "])
def test_a_blank_separator_is_refused(tmp_path, separator):
    write(tmp_path, "image_id,path,patient_id,findings\na,a.png,1,Mass\n", "a.png")
    with pytest.raises(UserError, match=r"separator .*: must be a visible character"):
        import_dataset("folder", tmp_path, separator=separator)
