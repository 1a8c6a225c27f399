from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from typer.testing import CliRunner

from cxrneighbors.data.assemble import (
    DEFAULT_CLASSES,
    assemble,
    class_split,
    source_accuracy,
    source_warning,
    write_layout,
)
from cxrneighbors.data.imports import import_dataset
from cxrneighbors.data.schema import validate_studies
from cxrneighbors.data.tables import read_table, write_table
from cxrneighbors.errors import UserError


def table(folder, dataset, rows, start=0):
    """Rows of (image_id, patient, findings, view), each with a picture of its own."""
    folder.mkdir(exist_ok=True)
    paths = []
    for number, row in enumerate(rows):
        path = folder / f"{dataset}-{row[0]}.png"
        pixels = np.random.default_rng(start + number).integers(0, 256, (6, 6), dtype=np.uint8)
        Image.fromarray(pixels).save(path)
        paths.append(str(path))
    frame = pd.DataFrame(rows, columns=["image_id", "patient_id", "findings", "view"])
    return validate_studies(
        frame.assign(path=paths, dataset=dataset, image_id=dataset + "-" + frame["image_id"])
    )


@pytest.fixture
def tables(tmp_path):
    covid = [(f"c{i}", f"p{i // 2}", ["Pneumonia", "Viral", "COVID-19"], "AP") for i in range(20)]
    covid += [(f"t{i}", f"t{i}", ["Tuberculosis"], "PA") for i in range(4)]
    nih = [(f"n{i}", f"p{i}", ["No Finding"], "PA") for i in range(10)]
    nih += [(f"m{i}", f"m{i}", ["Pneumonia", "Edema"], "PA") for i in range(10)]
    nih += [("x", "x", ["Mass"], "PA"), ("y", "y", [], "PA"), ("z", "z", ["Pneumonia"], "LATERAL")]
    return [table(tmp_path / "a", "covid", covid), table(tmp_path / "b", "nih", nih, start=500)]


def classes_of(studies):
    return studies["findings"].str[0].value_counts().to_dict()


def test_one_class_each_and_no_patient_in_two_splits(tables):
    result = assemble(tables)
    studies = result.studies
    assert classes_of(studies) == {"COVID-19": 20, "No Finding": 10, "Pneumonia": 10, "Tuberculosis": 4}
    assert (studies["findings"].str.len() == 1).all()
    assert (studies.groupby(["dataset", "patient_id"])["split"].nunique() == 1).all()
    by_class = pd.crosstab(studies["findings"].str[0], studies["split"])
    assert (by_class >= 1).all(axis=None)
    assert by_class.loc["No Finding"].to_dict() == {"train": 6, "val": 1, "test": 3}
    assert any("20 images have findings of several classes" in note for note in result.notes)
    again = assemble(tables).studies
    pd.testing.assert_frame_equal(studies, again)
    assert (assemble(tables, seed=1).studies["split"] != studies["split"]).any()


def test_a_class_from_one_source_only_and_by_other_names(tables):
    classes = {"Sick": ["covid:Pneumonia", "Mass"], "Well": ["No Finding"]}
    studies = assemble(tables, classes).studies
    assert classes_of(studies) == {"Sick": 21, "Well": 10}
    assert set(studies.loc[studies["findings"].str[0] == "Sick", "image_id"]) >= {"nih-x", "covid-c0"}


def test_copies_go_and_contradicted_images_go_altogether(tables, tmp_path):
    pixels = Image.open(tables[0].loc[0, "path"])
    pixels.save(tables[1].loc[0, "path"])  # a COVID-19 image among the normal ones
    Image.open(tables[1].loc[2, "path"]).save(tables[1].loc[1, "path"])
    result = assemble(tables)
    assert classes_of(result.studies)["COVID-19"] == 19 and classes_of(result.studies)["No Finding"] == 8
    frame = result.skipped.to_frame().set_index("item")["reason"]
    assert frame["covid-c0"] == frame["nih-n0"] == "the same image is in another class too"
    assert frame["nih-n2"] == "a copy of another image"


def test_patients_who_share_an_image_stay_together(tables):
    Image.open(tables[0].loc[0, "path"]).save(tables[0].loc[19, "path"])
    studies = assemble(tables).studies.set_index("image_id")
    assert studies.loc["covid-c18", "patient_id"] == studies.loc["covid-c1", "patient_id"]


def test_limit_takes_whole_patients(tables):
    studies = assemble(tables, limit=5).studies
    assert classes_of(studies) == {"COVID-19": 4, "No Finding": 5, "Pneumonia": 5, "Tuberculosis": 4}
    sizes = studies[studies["dataset"] == "covid"].groupby("patient_id").size()
    assert set(sizes[sizes.index.str.startswith("p")]) == {2}


def test_unreadable_files_are_skipped(tables):
    with open(tables[1].loc[3, "path"], "wb") as file:
        file.write(b"x")
    result = assemble(tables)
    assert "nih-n3" not in set(result.studies["image_id"])
    assert "cannot be read" in result.skipped.to_frame()["reason"].iloc[0]


def test_source_warning_says_what_the_source_alone_gives():
    classes = pd.Series(["a"] * 30 + ["b"] * 10 + ["b"] * 20)
    mixed = pd.Series(["x"] * 30 + ["x"] * 10 + ["y"] * 20)
    assert source_accuracy(classes, mixed) == (pytest.approx(50 / 60), 0.5)
    assert "right in 83% of the images (50% without)" in source_warning(classes, mixed)
    assert source_warning(classes, pd.Series(["x"] * 60)) is None


def test_assemble_warns_of_sources(tables):
    assert any(
        note.startswith("warning: the classes come from different sources") for note in assemble(tables).notes
    )


def test_split_shares_hold_in_each_class():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"class": rng.choice(["a", "b"], 1000, p=[0.9, 0.1]), "dataset": "d"})
    frame["patient_id"] = [f"p{i}" for i in range(1000)]
    frame["split"] = class_split(frame, seed=3)
    for _, part in frame.groupby("class"):
        shares = part["split"].value_counts(normalize=True)
        np.testing.assert_allclose(
            [shares["train"], shares["val"], shares["test"]], [0.6, 0.1, 0.3], atol=0.01
        )


def test_layout_is_read_back(tables, tmp_path):
    studies = assemble(tables).studies
    write_layout(studies, tmp_path / "layout")
    assert sorted(path.name for path in (tmp_path / "layout").iterdir()) == [
        "patients.csv",
        "test",
        "train",
        "val",
    ]
    result = import_dataset("lime-ray", tmp_path / "layout")
    assert not len(result.skipped) and not result.notes
    back = result.studies
    columns = ["dataset", "patient_id", "split"]
    a, b = (
        sorted(map(tuple, frame[columns].assign(f=frame["findings"].str[0]).to_numpy()))
        for frame in (studies, back)
    )
    assert a == b
    with pytest.raises(UserError, match="is there already; give a new folder"):
        write_layout(studies, tmp_path / "layout")


@pytest.mark.parametrize(
    ("names", "said"), [(("a/b", "AB"), "both go to folder AB"), ((".", "B"), "no letter or digit")]
)
def test_classes_that_no_folder_can_be_called_by(tables, tmp_path, names, said):
    studies = assemble(tables).studies
    odd = studies["findings"].map(lambda found: [names[len(found[0]) % 2]])
    with pytest.raises(UserError, match=said):
        write_layout(studies.assign(findings=odd), tmp_path / "layout")
    assert not (tmp_path / "layout").exists()


def test_errors(tables):
    with pytest.raises(
        UserError, match=r"class 'Tuberculosis': no image has Tuberculosis; the tables have Edema, "
    ):
        assemble(tables[1:], {name: DEFAULT_CLASSES[name] for name in ("Tuberculosis", "Pneumonia")})
    with pytest.raises(UserError, match="one class only; name two or more"):
        assemble(tables, {"Pneumonia": ["Pneumonia"]})
    with pytest.raises(UserError, match="class 'Tuberculosis': no usable image is left; look at --views"):
        assemble(tables, views=["AP"])


def test_command_line(tables, tmp_path):
    import typer

    from cxrneighbors.cli.assemble import command

    for number, studies in enumerate(tables):
        write_table(studies, tmp_path / f"{number}.parquet")
    app = typer.Typer()
    app.command()(command)
    arguments = [
        str(tmp_path / "0.parquet"),
        str(tmp_path / "1.parquet"),
        "--out",
        str(tmp_path / "out.parquet"),
    ]
    arguments += [
        "--class",
        "COVID-19=COVID-19",
        "--class",
        "No Finding=No Finding",
        "--folders",
        str(tmp_path / "f"),
    ]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert classes_of(read_table(tmp_path / "out.parquet")) == {"COVID-19": 20, "No Finding": 10}
    assert "warning: the classes come from different sources" in result.output
    assert (tmp_path / "skipped.csv").is_file() and (tmp_path / "f" / "train" / "NORMAL").is_dir()
