import pytest

from cxrneighbors.data.mimic.layout import find_sources
from cxrneighbors.data.mimic.listing import list_images, with_files
from cxrneighbors.data.mimic.options import Options
from cxrneighbors.data.skipped import Skipped
from cxrneighbors.errors import UserError

FORM = "mimic-cxr-jpg"


@pytest.fixture
def listed(mimic):
    def read():
        root, skipped, notes = mimic / FORM, Skipped(), []
        return list_images(root, FORM, find_sources(root, FORM, None, None), skipped, notes), skipped, notes

    return read


def test_the_metadata_table_lists_the_images(mimic, listed):
    path = mimic / FORM / "mimic-cxr-2.0.0-metadata.csv"
    more = ["aa-1,10000001,50000001,PA,", "../x,10000001,50000001,PA,", "cc-1,1,50000003,PA,"]
    path.write_text("\n".join([path.read_text(), *more]))
    (mimic / "mimic-cxr/cxr-study-list.csv").write_text("subject_id,study_id\n1,50000009\n")
    listing, skipped, _ = listed()
    assert listing.rows[["image_id", "patient_id", "study_id", "row"]].values.tolist() == [
        ["aa-1", "10000001", "50000001", 2],
        ["aa-2", "10000001", "50000001", 3],
        ["bb-1", "11000002", "50000002", 4],
    ]
    assert listing.studies == {"50000001", "50000002", "50000009"}
    assert len(listing.metadata) == 6
    unusable = "unusable subject, study or image id"
    assert skipped.to_frame()[["item", "row", "reason"]].values.tolist() == [
        ["aa-1", 5, "duplicate image"], ["../x", 6, unusable], ["cc-1", 7, unusable],
    ]  # fmt: skip


def test_without_a_list_the_tree_says_the_same(mimic, listed):
    rows = listed()[0].rows.drop(columns="row")
    for path in (mimic / FORM).glob("*.csv"):
        path.unlink()
    listing, _, notes = listed()
    assert listing.rows.drop(columns="row").values.tolist() == rows.values.tolist()
    assert listing.metadata is None
    assert notes == ["no list of images (cxr-record-list.csv.gz): ids are taken from the tree"]
    (mimic / FORM / "files").rename(mimic / "away")
    with pytest.raises(UserError, match="no cxr-record-list, metadata or split table"):
        listed()


def test_images_without_their_file(mimic, listed):
    root = mimic / FORM
    folder, sources = root / "files/p10/p10000001/s50000001", find_sources(root, FORM, None, None)
    (folder / "aa-1.jpg").unlink()
    (folder / "aa-2.jpg").write_bytes(b"")
    rows = listed()[0].rows

    def kept(options):
        skipped = Skipped()
        found = with_files(rows, root, sources, ".jpg", options, skipped)
        return dict(zip(found["image_id"], found["path"], strict=True)), skipped.to_frame()

    there = str(root / "files/p11/p11000002/s50000002/bb-1.jpg")
    paths, skipped = kept(Options())
    assert paths == {"bb-1": there}
    assert skipped[["item", "row", "reason"]].values.tolist() == [
        ["aa-1", 2, "no image file"], ["aa-2", 3, "image file is empty (0 bytes)"],
    ]  # fmt: skip
    assert kept(Options(images="optional"))[0] == {"aa-1": None, "bb-1": there}
    trusted = kept(Options(check_files=False))[0]
    assert trusted["aa-1"] == str(folder / "aa-1.jpg") and trusted["bb-1"] == there
