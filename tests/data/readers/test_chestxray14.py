import gzip
import time

import numpy as np
import pytest
from PIL import Image

from cxrneighbors.data.imports import import_dataset
from cxrneighbors.errors import UserError

HEADER = (
    "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
    "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y]\n"
)
ROWS = [
    "00000001_000.png,Cardiomegaly|Emphysema,0,1,058Y,M,PA,2682,2749,0.143,0.143",
    "00000001_001.png,No Finding,1,1,59,M,AP,2682,2749,0.143,0.143",
    "00000002_000.png,,0,2,412,F,?,2682,2749,0.143,0.143",
]


def image(path, size=(64, 32)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros(size[::-1], np.uint8)).save(path)


@pytest.fixture
def root(tmp_path):
    (tmp_path / "Data_Entry_2017_v2020.csv").write_text(HEADER + "\n".join(ROWS) + "\n")
    for name in ("00000001_000.png", "00000001_001.png", "00000002_000.png"):
        image(tmp_path / "images" / name)
    return tmp_path


def add_rows(root, *rows):
    with open(root / "Data_Entry_2017_v2020.csv", "a") as stream:
        stream.write("\n".join(rows) + "\n")


def reasons(result):
    frame = result.skipped.to_frame()
    return dict(zip(frame["item"], frame["reason"], strict=True))


def test_columns(root):
    result = import_dataset("chestxray14", root)
    table = result.studies
    assert table["image_id"].tolist() == ["00000001_000.png", "00000001_001.png", "00000002_000.png"]
    assert table["path"].iloc[0] == str(root / "images" / "00000001_000.png")
    assert table["patient_id"].tolist() == ["1", "1", "2"]
    assert table["study_id"].tolist() == ["1_0", "1_1", "2_0"]
    assert table["view"].tolist() == ["PA", "AP", "UNKNOWN"]
    assert table["sex"].tolist() == ["M", "M", "F"]
    np.testing.assert_array_equal(table["age"], [58, 59, np.nan])
    assert table["findings"].tolist() == [["Cardiomegaly", "Emphysema"], ["No Finding"], []]
    assert (table["dataset"] == "chestxray14").all() and table["report"].isna().all()
    assert len(result.skipped) == 0
    assert result.notes == [
        "1 ages not understood or over 120 years set to missing (00000002_000.png: '412')"
    ]


def test_older_release_gzip_and_table_as_root(root):
    path = root / "Data_Entry_2017_v2020.csv"
    text = path.read_text().replace("Patient Gender", "Patient Sex").replace("y]\n", "y],\n")
    path.unlink()
    (root / "Data_Entry_2017.csv.gz").write_bytes(gzip.compress(text.encode()))
    assert import_dataset("chestxray14", root).studies["sex"].tolist() == ["M", "M", "F"]
    assert len(import_dataset("chestxray14", root / "Data_Entry_2017.csv.gz").studies) == 3


def test_newer_release_goes_first(root):
    (root / "Data_Entry_2017.csv").write_text(HEADER + ROWS[0] + "\n")
    assert len(import_dataset("chestxray14", root).studies) == 3


def test_images_anywhere_below_the_nearest_first(root):
    image(root / "images_002" / "images" / "00000003_000.png")
    image(root / "images" / "thumbnails" / "00000001_000.png")
    add_rows(root, "00000003_000.png,Mass,0,3,5,F,PA,1,1,1,1")
    table = import_dataset("chestxray14", root).studies
    assert table["path"].iloc[0] == str(root / "images" / "00000001_000.png")
    assert table["path"].iloc[3] == str(root / "images_002" / "images" / "00000003_000.png")


def test_links_that_lead_back_up_end(root):
    (root / "images" / "up").symlink_to(root)
    assert len(import_dataset("chestxray14", root).studies) == 3


def test_bad_rows_are_listed_and_the_rest_kept(root):
    add_rows(
        root,
        "00000001_000.png,Mass,0,9,5,F,PA,1,1,1,1",
        "00000009_000.png,Mass,0,9,5,F,PA,1,1,1,1",
        "00000008_000.png,Mass,0,8,5,F,PA,1,1,1,1",
        ",Mass,0,8,5,F,PA,1,1,1,1",
        "00000007_000.png,Mass,0,,5,F,PA,1,1,1,1",
        "00000006_000.png,Mass,0,6,5,F,PA,1,1,1,1,9,9",
    )
    (root / "images" / "00000008_000.png").touch()
    result = import_dataset("chestxray14", root)
    assert len(result.studies) == 3
    assert reasons(result) == {
        "00000001_000.png": "duplicate image index",
        "00000009_000.png": "no image file",
        "00000008_000.png": "image file is empty (0 bytes)",
        "row 8": "no image index or no patient id",
        "00000007_000.png": "no image index or no patient id",
        "00000006_000.png": "more cells than the header has",
    }
    assert sorted(result.skipped.to_frame()["row"]) == [5, 6, 7, 8, 9, 10]


def test_labels_alone(root):
    for path in (root / "images").iterdir():
        path.unlink()
    with pytest.raises(UserError, match=r"none of the 3 images .* unpack .* images='optional'"):
        import_dataset("chestxray14", root)
    result = import_dataset("chestxray14", root, images="optional")
    assert result.studies["path"].tolist() == [None] * 3 and len(result.skipped) == 0
    with pytest.raises(UserError, match="unknown value of images 'no'; choose one of: required, optional"):
        import_dataset("chestxray14", root, images="no")


def test_missing_table_and_column(root):
    path = root / "Data_Entry_2017_v2020.csv"
    path.write_text(path.read_text().replace("Patient ID", "Patient"))
    with pytest.raises(UserError, match=r"Data_Entry_2017_v2020\.csv: column 'Patient ID' is missing"):
        import_dataset("chestxray14", root)
    path.unlink()
    with pytest.raises(UserError, match=r"no Data_Entry_2017\*\.csv"):
        import_dataset("chestxray14", root)


def test_boxes_are_scaled_to_the_file(root):
    (root / "BBox_List_2017.csv").write_text(
        "Image Index,Finding Label,Bbox [x,y,w,h],Unnamed: 6,Unnamed: 7,Unnamed: 8\n"
        "00000001_000.png,Infiltrate,512,256,128,1024,,,\n"
        "00000001_001.png,Mass,10,x,10,10,,,\n"
        "00099999_000.png,Mass,1,2,3,4,,,\n"
    )
    result = import_dataset("chestxray14", root)
    assert len(result.regions) == 1
    box = result.regions.iloc[0]
    assert (box["image_id"], box["finding"]) == ("00000001_000.png", "Infiltration")
    assert box[["x", "y", "width", "height"]].tolist() == [32, 8, 8, 32]  # 64 x 32 pixels
    assert reasons(result) == {"00000001_001.png": "box without four numbers"}
    (root / "images" / "00000001_000.png").write_bytes(b"no image")
    broken = import_dataset("chestxray14", root)
    assert len(broken.regions) == 0 and "size cannot be read" in reasons(broken)["00000001_000.png"]


def test_boxes_without_files_stay_in_published_pixels(root):
    (root / "BBox_List_2017.csv").write_text(
        "Image Index,Finding Label,Bbox [x,y,w,h],,,\nq.png,Mass,1,2,3,4\n"
    )
    add_rows(root, "q.png,Mass,0,9,5,F,PA,1,1,1,1")
    regions = import_dataset("chestxray14", root, images="optional").regions
    assert regions.iloc[0].tolist()[2:6] == [1, 2, 3, 4]


def test_published_split_lists(root):
    names = []
    for patient in range(100, 160):
        for number in range(2):
            names.append(f"{patient:08d}_{number:03d}.png")
            image(root / "images" / names[-1])
            add_rows(root, f"{names[-1]},Mass,{number},{patient},5,F,PA,1,1,1,1")
    (root / "train_val_list.txt").write_text("\n".join(names[:80]) + "\n")
    (root / "test_list.txt").write_text("\n".join(names[80:119]) + "\n")  # the last image is in no list
    result = import_dataset("chestxray14", root)
    table = result.studies.set_index("image_id")
    assert set(table.loc[names[:80], "split"]) == {"train", "val"}
    assert set(table.loc[names[80:], "split"]) == {"test"}
    assert table.groupby("patient_id")["split"].nunique().max() == 1
    assert any("4 images are in neither" in note for note in result.notes)
    (root / "test_list.txt").unlink()
    assert set(import_dataset("chestxray14", root).studies["split"]) == {"train", "val", "test"}


@pytest.mark.parametrize(
    ("folder", "rows", "patients", "boxes", "views"),
    [
        ("chestxray14-256", 422, 422, 8, {"PA": 355, "AP": 67}),
        ("chestxray14-128", 750, 183, 7, {"PA": 452, "AP": 298}),
        ("chestxray14-1024", 8, 8, 0, {"PA": 6, "AP": 2}),
    ],
)
def test_real_samples(shared_data, folder, rows, patients, boxes, views):
    result = import_dataset("chestxray14", shared_data / folder)
    table = result.studies
    assert (len(table), table["patient_id"].nunique(), len(result.regions)) == (rows, patients, boxes)
    assert table["view"].value_counts().to_dict() == views
    assert len(result.skipped) == 0
    size = int(folder.split("-")[1])
    assert ((result.regions["x"] + result.regions["width"]) <= size).all()


def test_real_label_table_in_seconds(shared_data):
    start = time.perf_counter()
    result = import_dataset("chestxray14", shared_data / "chestxray14-labels", images="optional")
    assert time.perf_counter() - start < 20
    table = result.studies
    assert len(table) == 112_120 and table["patient_id"].nunique() == 30_805
    counts = table["findings"].explode().value_counts()
    # Wang et al. 2017, as published with the label table.
    assert counts["No Finding"] == 60_361 and counts["Effusion"] == 13_317 and counts["Hernia"] == 227
    assert len(result.regions) == 984
    assert result.regions["finding"].isin(counts.index).all()


def test_patient_on_both_lists_is_tested_and_never_trained_on(root):
    (root / "test_list.txt").write_text("00000001_000.png\n")
    (root / "train_val_list.txt").write_text("00000001_001.png\n00000002_000.png\n")
    split = import_dataset("chestxray14", root).studies["split"].tolist()
    assert split[:2] == ["test", "test"] and split[2] in ("train", "val")
