import gzip
import importlib.util
import shutil
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pydicom
import pytest

from cxrneighbors.data.imports import import_dataset
from cxrneighbors.data.pixels import read_pixels
from cxrneighbors.data.tables import read_table, write_table
from cxrneighbors.errors import UserError
from cxrneighbors.reports.selection import report_text

# The tree and its source come from the tests of the tree itself.
_SPEC = importlib.util.spec_from_file_location(
    "mimic_fixtures", Path(__file__).parents[2] / "testing" / "conftest.py"
)
_FIXTURES = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(_FIXTURES)
source, tree, joined = _FIXTURES.source, _FIXTURES.tree, _FIXTURES.joined
FORMS = ("mimic-cxr", "mimic-cxr-jpg")


@pytest.fixture
def copy(tree, tmp_path):
    """A copy of the tree that a test may spoil."""
    shutil.copytree(tree[0], tmp_path / "tree")
    return tmp_path / "tree"


def change(path, edit):
    with gzip.open(path, "rt") as stream:
        text = stream.read()
    path.write_bytes(gzip.compress(edit(text).encode()))


@pytest.mark.parametrize("form", FORMS)
def test_what_went_in_comes_out(form, tree, joined):
    result = import_dataset(
        form, tree[0] / form, patients=tree[0] / "mimic-iv", reports=tree[0] / "mimic-cxr"
    )
    table = joined(result.studies)
    assert len(table) == 80 and not len(result.skipped)
    assert set(table["dataset"]) == {"mimic-cxr"}
    assert (table["split"] == table["source_split"]).all()
    assert (table["sex"].fillna("") == table["source_sex"].fillna("")).all()
    # MIMIC-IV writes 91 for the patient who is 95 at the first study and 96 at the second.
    ages = table["source_age"].replace({95.0: 91.0, 96.0: 92.0})
    np.testing.assert_array_equal(table["age"], ages)
    said = table["view_source"] != "none"
    assert (table["view"] == table["source_view"])[said].all() and (table["view"][~said] == "UNKNOWN").all()
    assert set(table["view_source"]) >= {"ViewPosition", "ViewCodeSequence", "none"}
    named = {"Effusion": ["Effusion"], "No Finding": ["No Finding"], "COVID-19": ["Lung Lesion", "Pneumonia"]}
    for found, given in zip(table["findings"], table["source_findings"], strict=True):
        assert sorted(found) == named.get(given[0] if given else "", [])
    assert (table["report"].isna() == table["source_report"].isna()).all()
    row = table[table["source_id"] == "im0"].iloc[0]
    assert report_text(row["report"], row["sections"]) == "Seen on ___. A ___-year-old man.\n\nStudy 0."
    assert any("10 of 40 studies have no report" in note for note in result.notes)
    # Lossless DICOM; an 8-bit JPEG of quality 95 strays by a few grey values.
    for path, before in zip(table["path"][:40], table["source_path"], strict=False):
        difference = np.abs(read_pixels(path) - read_pixels(before))
        assert difference.max() < 1 / 255 if form == "mimic-cxr" else difference.mean() < 4 / 255


def test_headers_name_views_that_the_table_lacks(tree, joined):
    without = import_dataset("mimic-cxr", tree[0] / "mimic-cxr").studies
    result = import_dataset("mimic-cxr", tree[0] / "mimic-cxr", headers=True)
    table = joined(result.studies)
    said = table["view_source"] != "none"
    assert said.sum() > (without["view_source"] != "none").sum()
    assert "SeriesDescription" in set(table["view_source"])
    assert (table["view"] == table["source_view"])[said].all()
    assert (table["sex"].fillna("") == table["source_sex"].fillna("")).all()
    assert set(table["rows"]) == {40} and set(table["columns"]) == {56}
    assert table["bits_stored"].isin([12, 16]).all()
    assert set(table["photometric_interpretation"]) == {"MONOCHROME1", "MONOCHROME2"}


def test_nothing_identifying_reaches_the_table(copy, tmp_path, capfd):
    paths = sorted((copy / "mimic-cxr").rglob("*.dcm"))
    for path in paths[:5]:
        dataset = pydicom.dcmread(path)
        dataset.PatientName = dataset.OperatorsName = "Planted^Name"
        dataset.PatientBirthDate, dataset.AccessionNumber = "19570301", "PLANTED7"
        dataset.PatientComments = dataset.StudyDescription = "planted remark"
        dataset.save_as(path)
    paths[5].write_bytes(paths[5].read_bytes()[:300] + b"Planted^Name")
    result = import_dataset("mimic-cxr", copy / "mimic-cxr", headers=True)
    write_table(result.studies, tmp_path / "studies.parquet")
    text = read_table(tmp_path / "studies.parquet").to_csv() + " ".join(result.notes)
    text += result.skipped.to_frame().to_csv() + "".join(capfd.readouterr())
    assert "planted" not in text.lower() and "19570301" not in text
    dates = pd.read_csv(copy / "mimic-cxr-jpg/mimic-cxr-2.0.0-metadata.csv.gz", dtype=str)["StudyDate"]
    assert not any(date in text for date in set(dates))
    assert result.skipped.to_frame()["reason"].str.startswith("DICOM").tolist() == [True]


def test_lying_and_empty_dicoms(copy, tree):
    # Without a VOI LUT, which alone is larger than these pixels.
    plain = tree[1].ids.set_index("image_id")["encoding"].eq("jpeg2000/MONOCHROME2/12/none")
    paths = sorted((copy / "mimic-cxr").rglob("*.dcm"))
    third = next(path for path in paths if plain[path.stem])
    first, second = [path for path in paths if path != third][:2]
    first.write_bytes(b"")
    second.write_text("no DICOM")
    dataset = pydicom.dcmread(third)
    del dataset.PixelData
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    dataset.save_as(third)
    result = import_dataset("mimic-cxr", copy / "mimic-cxr", headers=True)
    reasons = result.skipped.to_frame().set_index("item")["reason"]
    assert len(result.studies) == 77
    assert "empty" in reasons[first.stem] and "cannot be read" in reasons[second.stem]
    assert "smaller" in reasons[third.stem]


def test_partial_download(copy):
    group = sorted((copy / "mimic-cxr-jpg/files").iterdir())[0]
    shutil.rmtree(group)
    gone = pd.read_csv(copy / "mimic-cxr/cxr-record-list.csv.gz", dtype=str)
    n_gone = int(gone["subject_id"].str.startswith(group.name[1:]).sum())
    root = copy / "mimic-cxr-jpg"
    result = import_dataset("mimic-cxr-jpg", root)
    assert 0 < n_gone == len(result.skipped) and len(result.studies) == 80 - n_gone
    assert result.skipped.summary() == f"{n_gone} skipped ({n_gone} no image file)"
    assert any("without images here" in note for note in result.notes)
    kept = import_dataset("mimic-cxr-jpg", root, images="optional").studies
    assert kept["path"].isna().sum() == n_gone and len(kept) == 80
    assert len(import_dataset("mimic-cxr-jpg", root, check_files=False).studies) == 80


def test_tables_alone(copy):
    shutil.rmtree(copy / "mimic-cxr-jpg/files")
    with pytest.raises(UserError, match="images='optional'"):
        import_dataset("mimic-cxr-jpg", copy / "mimic-cxr-jpg")
    assert (
        import_dataset("mimic-cxr-jpg", copy / "mimic-cxr-jpg", images="optional")
        .studies["path"]
        .isna()
        .all()
    )


def test_missing_csvs(copy):
    shutil.rmtree(copy / "mimic-cxr-jpg")
    root = copy / "mimic-cxr"
    result = import_dataset("mimic-cxr", root)
    assert len(result.studies) == 80 and set(result.studies["view"]) == {"UNKNOWN"}
    assert not any(result.studies["findings"]) and len(set(result.studies["split"])) > 1
    notes = " ".join(result.notes)
    assert "no metadata table" in notes and "no chexpert table" in notes
    listed = result.studies.drop(columns=["report", "sections"])
    for name in ("cxr-record-list", "cxr-study-list"):
        (root / f"{name}.csv.gz").unlink()
    walked = import_dataset("mimic-cxr", root)
    pd.testing.assert_frame_equal(walked.studies.drop(columns=["report", "sections"]), listed)
    assert "ids are taken from the tree" in " ".join(walked.notes)
    shutil.rmtree(root / "files")
    with pytest.raises(UserError, match="no cxr-record-list"):
        import_dataset("mimic-cxr", root)


def test_plain_csvs_and_a_folder_of_tables(copy):
    jpg = copy / "mimic-cxr-jpg"
    for path in jpg.glob("*.csv.gz"):
        path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
        path.unlink()
    plain = import_dataset("mimic-cxr", copy / "mimic-cxr").studies
    jpg.rename(copy / "elsewhere")
    given = import_dataset("mimic-cxr", copy / "mimic-cxr", tables=copy / "elsewhere").studies
    pd.testing.assert_frame_equal(plain, given)
    assert (plain["view"] != "UNKNOWN").any()


def test_labeler_and_policy(tree):
    root = tree[0] / "mimic-cxr-jpg"
    tables = {
        policy: import_dataset("mimic-cxr-jpg", root, labeler="negbio", uncertain=policy).studies
        for policy in ("ignore", "positive", "negative")
    }
    chexpert = import_dataset("mimic-cxr-jpg", root).studies
    doubted = tables["ignore"]["uncertain_findings"] != ""
    assert doubted.any() and (chexpert["uncertain_findings"] == "").all()
    # negbio doubts what chexpert says is present: counted as present both agree
    assert tables["positive"]["findings"].map(sorted).tolist() == chexpert["findings"].map(sorted).tolist()
    assert tables["ignore"]["findings"][doubted].str.len().lt(chexpert["findings"][doubted].str.len()).all()
    alone = doubted & (tables["ignore"]["findings"].str.len() == 0)
    assert alone.any() and all(names == ["No Finding"] for names in tables["negative"]["findings"][alone])


def test_reports_without_study_and_in_other_encodings(copy):
    root = copy / "mimic-cxr"
    records = pd.read_csv(root / "cxr-record-list.csv.gz", dtype=str)
    import zipfile

    with zipfile.ZipFile(root / "mimic-cxr-reports.zip") as archive:
        archive.extractall(root)  # beside the study folders
    (root / "mimic-cxr-reports.zip").unlink()
    subject, study = records.loc[0, ["subject_id", "study_id"]]
    folder = root / f"files/p{subject[:2]}/p{subject}"
    (folder / f"s{study}.txt").write_bytes("IMPRESSION: 37 °C.".encode("latin-1"))
    (folder / "s59999999.txt").write_text("IMPRESSION: Stray.")
    other = records[records["study_id"] != study].iloc[0]
    (root / f"files/p{other.subject_id[:2]}/p{other.subject_id}/s{other.study_id}.txt").write_text("")
    result = import_dataset("mimic-cxr", root)
    row = result.studies[result.studies["study_id"] == study].iloc[0]
    assert row["sections"] == {"impression": "37 °C."}
    skipped = result.skipped.to_frame().set_index("item")["reason"]
    assert skipped["s59999999.txt"] == "report without a study in the lists"
    assert skipped[f"s{other.study_id}.txt"].startswith("report is empty")
    assert len(result.studies) == 80 and any("1 reports are not valid UTF-8" in note for note in result.notes)


def test_bad_rows_of_the_list(copy):
    path = copy / "mimic-cxr-jpg/mimic-cxr-2.0.0-metadata.csv.gz"

    def spoil(text):
        lines = text.splitlines()
        lines[2] = lines[2].replace(",1", ",x1", 1)
        return "\n".join([*lines, lines[1], "../../etc,10000000,50000000" + "," * 9]) + "\n"

    change(path, spoil)
    result = import_dataset("mimic-cxr-jpg", copy / "mimic-cxr-jpg")
    assert len(result.studies) == 79
    assert sorted(result.skipped.to_frame()["reason"]) == [
        "duplicate image", *["unusable subject, study or image id"] * 2,
    ]  # fmt: skip


def test_images_outside_the_split_follow_their_patient(copy):
    path = copy / "mimic-cxr-jpg/mimic-cxr-2.0.0-split.csv.gz"
    change(path, lambda text: "\n".join(text.splitlines()[:-1]) + "\n")
    result = import_dataset("mimic-cxr-jpg", copy / "mimic-cxr-jpg")
    assert (result.studies.groupby("patient_id")["split"].nunique() == 1).all()
    assert any("1 images are not in" in note for note in result.notes)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"labeler": "other"}, "labeler"),
        ({"uncertain": "maybe"}, "policy"),
        ({"images": "some"}, "value of images"),
        ({"patients": "nowhere"}, "no such file"),
        ({"tables": "nowhere"}, "no such file"),
        ({"reports": "nowhere"}, "no such file"),
        ({"header": True}, "option"),
    ],
)
def test_bad_options(tree, options, message):
    with pytest.raises(UserError, match=message):
        import_dataset("mimic-cxr", tree[0] / "mimic-cxr", **options)


def test_patients_folder_without_the_table(tree):
    with pytest.raises(UserError, match=r"no patients\.csv"):
        import_dataset("mimic-cxr", tree[0] / "mimic-cxr", patients=tree[0] / "mimic-cxr")


def test_reading_does_not_import_torch(tree):
    import subprocess

    code = (
        "import sys; from cxrneighbors.data.imports import import_dataset; "
        f"import_dataset('mimic-cxr-jpg', {str(tree[0] / 'mimic-cxr-jpg')!r}); "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
