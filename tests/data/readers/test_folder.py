import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset

from cxrneighbors.data.imports import import_dataset
from cxrneighbors.errors import UserError
from cxrneighbors.testing.dicom_file import Encoding, write_dicom


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
    assert len(result.notes) == 2 and "b: 'old'" in result.notes[0]


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
    with pytest.raises(UserError, match=r"no CSV and no PNG, JPEG or DICOM in it"):
        import_dataset("folder", tmp_path)
    with pytest.raises(UserError, match=r"own\.csv: no such file"):
        import_dataset("folder", tmp_path, csv="own.csv")
    write(tmp_path, "path,name\na.png,x\n")
    with pytest.raises(UserError, match=r"no column for 'patient_id'; name it with --column patient_id="):
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
    assert result.notes[0] == "1 patients stand in more than one split, such as 2: scores may leak"


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


def dicom(path, **attributes):
    path.parent.mkdir(parents=True, exist_ok=True)
    encoding = Encoding("uncompressed", "MONOCHROME2", 12, "none")
    write_dicom(path, np.zeros((8, 8)), encoding, "2.25.1", attributes)


def test_a_folder_of_dicoms_needs_no_csv(tmp_path):
    about = {"StudyInstanceUID": "1.2.9", "ViewPosition": "LL", "PatientSex": "F", "PatientAge": "042Y"}
    dicom(tmp_path / "p1" / "IM0001", PatientID="p1", **about)
    dicom(tmp_path / "p1" / "IM0002", PatientID="p1", **about | {"ViewPosition": "PA"})
    dicom(tmp_path / "p2" / "IM0001", PatientID="p2")
    report = Dataset()
    report.file_meta = FileMetaDataset()
    report.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    report.SOPClassUID, report.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.88.11", "1.2.3"
    report.save_as(tmp_path / "p2" / "SR0001", enforce_file_format=True)
    (tmp_path / "p2" / "readme.txt").write_text("no film")
    result = import_dataset("folder", tmp_path)
    table = result.studies
    assert table["image_id"].tolist() == ["p1/IM0001", "p1/IM0002", "p2/IM0001"]
    assert table["path"].tolist() == [str(tmp_path / name) for name in table["image_id"]]
    assert table["patient_id"].tolist() == ["p1", "p1", "p2"]
    assert table["study_id"].tolist() == ["1.2.9", "1.2.9", "p2/IM0001"]
    assert table["view"].tolist() == ["LATERAL", "PA", "UNKNOWN"]
    assert table["sex"].tolist() == ["F", "F", None] and table["age"].tolist()[:2] == [42, 42]
    assert reasons(result) == {"p2/SR0001": "DICOM that cannot be read or holds no image"}
    assert result.notes == ["nothing is labelled: without a CSV there are no findings"]


def test_pictures_without_a_csv_are_a_patient_each_and_it_is_said(tmp_path):
    for name in ("7_a.png", "7_b.jpg", "8_a.png", ".hidden.png"):
        image(tmp_path / name)
    result = import_dataset("folder", tmp_path)
    assert result.studies["patient_id"].tolist() == result.studies["image_id"].tolist()
    assert result.notes[0].startswith("warning: 3 films name no patient and count as a patient each")
    named = import_dataset("folder", tmp_path, patient_from_name=r"^(\d)_")
    assert named.studies["patient_id"].tolist() == ["7", "7", "8"]
    assert not any("warning" in note for note in named.notes)
    part = import_dataset("folder", tmp_path, patient_from_name=r"7")
    assert part.studies["image_id"].tolist() == ["7_a.png", "7_b.jpg"]
    assert reasons(part) == {"8_a.png": "no image id or no patient id"}
    with pytest.raises(UserError, match=r"--patient-from-name '\(': no regular expression"):
        import_dataset("folder", tmp_path, patient_from_name="(")


def test_films_that_all_name_one_patient_are_warned_of(tmp_path):
    for name in ("a.dcm", "b.dcm"):
        dicom(tmp_path / name, PatientID="ANON")
    notes = import_dataset("folder", tmp_path).notes
    assert notes[0].startswith("warning: all 2 films name the same patient ('ANON')")


def test_other_csvs_are_not_passed_over(tmp_path):
    write(tmp_path, "path,patient_id\na.png,1\n", "a.png", name="films.csv")
    with pytest.raises(
        UserError, match=r"give the table with --csv NAME \(found: films\.csv\), or --csv none"
    ):
        import_dataset("folder", tmp_path)
    assert import_dataset("folder", tmp_path, csv="films.csv").studies["patient_id"].tolist() == ["1"]
    assert import_dataset("folder", tmp_path, csv="none").studies["patient_id"].tolist() == ["a.png"]
    with pytest.raises(UserError, match="--csv NAME"):
        import_dataset("folder", tmp_path, columns={"path": "File"})


def test_a_csv_of_dicoms_needs_no_patient_column(tmp_path):
    dicom(tmp_path / "a.dcm", PatientID="p1")
    dicom(tmp_path / "b.dcm")
    write(tmp_path, "path,findings\na.dcm,Mass\nb.dcm,\n")
    result = import_dataset("folder", tmp_path)
    assert result.studies["patient_id"].tolist() == ["p1"]
    assert reasons(result) == {"b.dcm": "no image id or no patient id"}
    named = import_dataset("folder", tmp_path, patient_from_name=r"^.")
    assert named.studies["patient_id"].tolist() == ["a", "b"]


@pytest.mark.parametrize("column", ["finding", "Findings", "FINDING"])
def test_another_spelling_of_a_column_is_read_and_said(tmp_path, column):
    write(tmp_path, f"Path,Patient ID,{column}\na.png,1,Mass\n", "a.png")
    result = import_dataset("folder", tmp_path)
    assert result.studies["findings"].tolist() == [["Mass"]]
    assert result.studies["patient_id"].tolist() == ["1"]
    assert f"column {column!r} is read as findings" in result.notes


def test_findings_are_never_empty_in_silence(tmp_path):
    write(tmp_path, "path,patient_id,findngs\na.png,1,Mass\n", "a.png")
    with pytest.raises(UserError, match="column 'findngs' looks like findings; say which with --column"):
        import_dataset("folder", tmp_path)
    apart = import_dataset("folder", tmp_path, columns={"findngs": "findngs"})
    assert apart.studies["findngs"].tolist() == ["Mass"]
    assert apart.notes == [
        "nothing is labelled: no column of findings; name it with --column findings=YOUR_COLUMN"
    ]
    write(tmp_path, "path,patient_id,findings\na.png,1,\n")
    assert import_dataset("folder", tmp_path).notes == [
        "nothing is labelled: every cell of findings is blank"
    ]


def test_semicolons_tabs_and_utf_16(tmp_path):
    image(tmp_path / "a.png")
    for sign, encoding in ((";", "utf-8"), ("\t", "utf-16"), (",", "utf-16-le")):
        text = sign.join(("path", "patient_id", "findings")) + "\n" + sign.join(("a.png", "Ä1", "Mass|Edema"))
        (tmp_path / "studies.csv").write_bytes(text.encode(encoding))
        table = import_dataset("folder", tmp_path).studies
        assert table["patient_id"].tolist() == ["Ä1"] and table["findings"].tolist() == [["Mass", "Edema"]]
