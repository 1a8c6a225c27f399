import pytest

from cxrneighbors.data.mimic.layout import find_sources, image_file, report_file, walk_files
from cxrneighbors.errors import UserError

FORM = "mimic-cxr-jpg"


def test_paths_are_those_that_physionet_publishes(mimic):
    jpg, report = image_file("11000002", "50000002", "bb-1", ".jpg"), report_file("10000001", "50000001")
    assert (mimic / FORM / "files" / jpg).is_file() and (mimic / "mimic-cxr/files" / report).is_file()


def test_a_walk_finds_every_file_of_the_published_depth_with_its_size(mimic):
    folder = mimic / FORM / "files"
    (folder / "p10/p10000001/s50000001/aa-3.JPG").write_bytes(b"")
    (folder / "p10/p10000001/s50000001/deep/er").mkdir(parents=True)
    (folder / "p10/p10000001/s50000001/deep/er/x.jpg").write_text("too deep")
    (folder / "other").mkdir()
    (folder / "other/x.jpg").write_text("no patient group")
    (folder / "p10/p10000001/s50000001/gone.jpg").symlink_to("nowhere")
    expected = {
        str(path.relative_to(folder)): path.stat().st_size
        for path in folder.rglob("*")
        if path.suffix.lower() == ".jpg" and path.name != "x.jpg" and path.exists()
    }
    assert len(expected) == 4 and walk_files(folder, [".jpg"]) == expected
    assert walk_files(folder / "nothing here", [".jpg"]) == {}


def test_tables_come_from_root_then_tables_then_the_sister(mimic):
    root = mimic / FORM
    (mimic / "extra").mkdir()
    (mimic / "extra/mimic-cxr-2.0.0-chexpert.csv").write_text("second to the root's")
    (mimic / "extra/mimic-cxr-2.0.0-negbio.csv.gz").write_text("x")
    (mimic / "mimic-cxr/cxr-study-list.csv").write_text("x")
    (root / "mimic-cxr-2.1.0-split.csv").write_text("the newer release")
    sources = find_sources(root, FORM, mimic / "extra", mimic / "mimic-iv")
    assert sources.files == root / "files"
    assert sources.tables == {
        "metadata": root / "mimic-cxr-2.0.0-metadata.csv",
        "chexpert": root / "mimic-cxr-2.0.0-chexpert.csv",
        "split": root / "mimic-cxr-2.1.0-split.csv",
        "negbio": mimic / "extra/mimic-cxr-2.0.0-negbio.csv.gz",
        "studies": mimic / "mimic-cxr/cxr-study-list.csv",
        "patients": mimic / "mimic-iv/hosp/patients.csv",
    }
    assert sources.notes == [f"cxr-study-list.csv is taken from {mimic / 'mimic-cxr'}"]


def test_a_version_folder_and_groups_without_files(mimic):
    (mimic / FORM / "files").rename(mimic / "2.0.0")
    (mimic / "mimic-cxr").rename(mimic / "reports")
    version = mimic / FORM / "2.0.0"
    (mimic / "2.0.0").rename(version)
    assert find_sources(version, FORM, None, None).files == version
    assert find_sources(mimic / FORM, FORM, None, None).files is None
    (mimic / "mimic-cxr/2.0.0").mkdir(parents=True)
    assert find_sources(version, FORM, None, None).places[1:] == [
        mimic / "mimic-cxr", mimic / "mimic-cxr/2.0.0",
    ]  # fmt: skip


def test_folders_that_do_not_hold_what_they_are_given_for(mimic):
    with pytest.raises(UserError, match="give the folder that holds the mimic-cxr-jpg tables"):
        find_sources(mimic / FORM, FORM, mimic / "none", None)
    (mimic / "other").mkdir()
    with pytest.raises(UserError, match="other: holds none of MIMIC-CXR's tables"):
        find_sources(mimic / FORM, FORM, mimic / "other", None)
    with pytest.raises(UserError, match=r"no patients\.csv"):
        find_sources(mimic / FORM, FORM, None, mimic / FORM)
