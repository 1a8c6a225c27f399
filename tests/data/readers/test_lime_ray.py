from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from cxrneighbors.data.imports import import_dataset
from cxrneighbors.data.readers.lime_ray import class_of, patient_of
from cxrneighbors.errors import UserError

CLASS_FOLDERS = ("COVID19", "NORMAL", "PNEUMONIA", "TURBERCULOSIS")
FINDINGS = {
    "COVID19": "COVID-19",
    "NORMAL": "No Finding",
    "PNEUMONIA": "Pneumonia",
    "TURBERCULOSIS": "Tuberculosis",
}


def image(path, seed):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (8, 9), dtype=np.uint8)
    Image.fromarray(pixels).save(path)


@pytest.fixture
def layout(tmp_path):
    """Two images of each class in each split, as Kaggle has them."""
    seed = 0
    for split in ("train", "val", "test"):
        for folder in CLASS_FOLDERS:
            for number in range(2):
                seed += 1
                image(
                    tmp_path / split / folder / f"{split}{folder}({number}).{'jpg' if number else 'png'}",
                    seed,
                )
    return tmp_path


def reasons(result):
    frame = result.skipped.to_frame()
    return dict(zip(frame["item"], frame["reason"], strict=True))


def test_reads_splits_and_classes(layout):
    result = import_dataset("lime-ray", layout)
    table = result.studies
    assert len(table) == 24 and not len(result.skipped) and not result.notes
    for image_id, split, findings, path in table[["image_id", "split", "findings", "path"]].to_numpy():
        assert image_id.split("/")[0] == split and findings == [FINDINGS[image_id.split("/")[1]]]
        assert path == str(layout / image_id)
    assert table["patient_id"].is_unique and set(table["dataset"]) == {"lime-ray"}


@pytest.mark.parametrize(
    ("folder", "finding"),
    [
        ("TURBERCULOSIS", "Tuberculosis"),
        ("tuberclosis", "Tuberculosis"),
        ("TB", "Tuberculosis"),
        ("Covid-19", "COVID-19"),
        ("covid 19", "COVID-19"),
        ("Normal", "No Finding"),
        ("pnuemonia", "Pneumonia"),
        ("Bacterial Pneumonia", "Pneumonia"),
        ("abnormal", None),
        ("non-COVID", None),
        ("No finding", "No Finding"),
        ("Lung_Opacity", None),
    ],
)
def test_class_folders_in_any_spelling(folder, finding):
    assert class_of(folder) == finding


@pytest.mark.parametrize(
    ("stem", "patient"),
    [
        ("person1000_virus_1681", "person1000_virus"),
        ("IM-0033-0001-0002", "IM-0033"),
        ("NORMAL2-IM-1412-0001", "NORMAL2-IM-1412"),
        ("Tuberculosis-12", None),
    ],
)
def test_patients_from_file_names(stem, patient):
    assert patient_of(stem) == patient


def test_split_folders_in_any_case(layout):
    (layout / "train").rename(layout / "Train")
    (layout / "val").rename(layout / "VALIDATION")
    table = import_dataset("lime-ray", layout).studies
    assert table["split"].value_counts().to_dict() == {"train": 8, "val": 8, "test": 8}


def test_missing_and_empty_class_folders_are_named(layout):
    for path in (layout / "val" / "TURBERCULOSIS").iterdir():
        path.unlink()
    for path in list((layout / "test" / "NORMAL").iterdir()):
        path.unlink()
    (layout / "test" / "NORMAL").rmdir()
    image(layout / "train" / "Edema" / "e.png", 99)
    notes = "\n".join(import_dataset("lime-ray", layout).notes)
    assert "val/TURBERCULOSIS: no images in it; fill it" in notes
    assert "test: no folder for the class Normal; add it" in notes
    assert "train/Edema: none of the four classes; kept under its own name" in notes


def test_damaged_and_animated_images_are_skipped_by_name(layout):
    folder = layout / "train" / "NORMAL"
    (folder / "a.jpg").write_bytes(b"no image")
    whole = (layout / "train" / "PNEUMONIA" / "trainPNEUMONIA(1).jpg").read_bytes()
    (folder / "b.jpg").write_bytes(whole[: len(whole) - 40])
    (folder / "c.png").touch()
    frames = [Image.fromarray(np.full((8, 8), grey, np.uint8)) for grey in (0, 99, 200)]
    frames[0].save(folder / "d.gif", save_all=True, append_images=frames[1:])
    found = reasons(import_dataset("lime-ray", layout))
    assert "cannot be read as an image" in found["train/NORMAL/a.jpg"]
    assert "cannot be read as an image" in found["train/NORMAL/b.jpg"]
    assert "empty (0 bytes)" in found["train/NORMAL/c.png"]
    assert "animated or of several frames (3)" in found["train/NORMAL/d.gif"]


def test_an_image_in_two_splits_is_told_and_patients_way_out(layout):
    image(layout / "test" / "NORMAL" / "copy.png", 3)  # train/NORMAL's first, under another name
    result = import_dataset("lime-ray", layout)
    assert "1 image is in two splits, such as " in result.notes[0]
    assert "train/NORMAL/trainNORMAL(0).png" in result.notes[0] and "test/NORMAL/copy.png" in result.notes[0]
    assert "--splits patients" in result.notes[0]
    again = import_dataset("lime-ray", layout, splits="patients")
    assert not again.notes
    assert (again.studies.groupby(["dataset", "patient_id"])["split"].nunique() == 1).all()
    copies = again.studies[again.studies["image_id"].str.contains(r"copy|trainNORMAL\(0\)")]
    assert copies["patient_id"].nunique() == 1


def test_training_does_not_start_on_a_leak(layout, tmp_path_factory):
    from cxrneighbors.classifiers.registry import build
    from cxrneighbors.classifiers.training import train_classifier

    image(layout / "test" / "NORMAL" / "copy.png", 3)
    studies = import_dataset("lime-ray", layout).studies
    studies["patient_id"] = studies["image_id"]  # the image itself, not only its patient, is found
    out = tmp_path_factory.mktemp("leak") / "model"
    model = build("mobilenetv2", 4, image_size=32)
    with pytest.raises(UserError, match="are the same image, in train and test; drop one of them"):
        train_classifier(model, studies, out, device="cpu")
    assert not out.exists()


def test_a_patient_in_two_splits_is_told(layout):
    image(layout / "train" / "PNEUMONIA" / "person7_virus_1.png", 70)
    image(layout / "val" / "PNEUMONIA" / "person7_virus_2.png", 71)
    assert "1 patient is in two splits" in import_dataset("lime-ray", layout).notes[0]


def test_an_image_in_two_classes_is_in_none(layout):
    image(layout / "train" / "PNEUMONIA" / "copy.png", 3)
    result = import_dataset("lime-ray", layout)
    assert len(result.studies) == 23
    assert set(reasons(result)) == {"train/PNEUMONIA/copy.png", "train/NORMAL/trainNORMAL(0).png"}
    assert "in another class too" in reasons(result)["train/PNEUMONIA/copy.png"]


def test_errors(layout, tmp_path_factory):
    with pytest.raises(UserError, match="unknown splits 'random'; choose one of: folders, patients"):
        import_dataset("lime-ray", layout, splits="random")
    (layout / "training").mkdir()
    with pytest.raises(UserError, match="both 'train' and 'training' are a train folder; keep one"):
        import_dataset("lime-ray", layout)
    empty = tmp_path_factory.mktemp("empty")
    with pytest.raises(UserError, match="has no folder 'train'"):
        import_dataset("lime-ray", empty)
    (empty / "train").mkdir()
    with pytest.raises(UserError, match="no class has usable images"):
        import_dataset("lime-ray", empty)
    image(empty / "train" / "NORMAL" / "a.png", 1)
    with pytest.raises(UserError, match="only the class 'No Finding' has usable images"):
        import_dataset("lime-ray", empty)
    image(empty / "train" / "TB" / "a.png", 2)
    (empty / "patients.csv").write_text("file,dataset\n")
    with pytest.raises(UserError, match=r"patients.csv: has no column 'patient_id'"):
        import_dataset("lime-ray", empty)
