"""The command `explain`, on a real classifier and index folder."""

from __future__ import annotations

import json

import numpy as np
import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

from cxrneighbors.cli.explain import command
from cxrneighbors.errors import UserError
from cxrneighbors.lungs.segmenter import LungSegmenter

app = typer.Typer()
app.command()(command)


@pytest.fixture(scope="module")
def folders(world, tmp_path_factory):
    from cxrneighbors.classifiers.registry import build

    root = tmp_path_factory.mktemp("cli")
    world.index.save(root / "index")
    build("small-cnn", labels=["Nodule", "Effusion"], image_size=48, width=4).save(root / "classifier")
    return root


def explain(folders, out, *more, method="kp-lime", target="Nodule", image_id="p0"):
    arguments = [str(folders / "index"), "--classifier", str(folders / "classifier")]
    arguments += [] if image_id is None else ["--image-id", image_id]
    arguments += ["--target", target, "--method", method, "-k", "2", "-p", "20", "--segmentation", "slic"]
    result = CliRunner().invoke(app, [*arguments, "--out", str(out), *more])
    if result.exception is not None:
        raise result.exception
    return result


@pytest.mark.parametrize("method", ["lime", "k-lime", "sigma-lime", "kp-lime", "dlime", "alime"])
def test_writes_explanation_and_panel(folders, tmp_path, method):
    explain(folders, tmp_path / "out", method=method)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "explanation.json",
        "explanation.npz",
        "manifest.json",
        "panel.png",
    ]
    record = json.loads((tmp_path / "out" / "explanation.json").read_text())
    assert record["method"] == method and record["image_id"] == "p0"
    explain(folders, tmp_path / "out", method=method)  # an older explanation gives way


def test_a_file_and_the_patient_whose_film_it_is(folders, world, tmp_path):
    pixels = np.array(Image.open(world.folder / "p3.png"))
    pixels[:4, :4] = 9
    Image.fromarray(pixels).save(tmp_path / "new.png")
    found = {}
    for name, more in (("stranger", ()), ("patient", ("--patient-id", "3"))):
        given = ("--image", str(tmp_path / "new.png"), *more)
        explain(folders, tmp_path / name, *given, image_id=None)
        record = json.loads((tmp_path / name / "explanation.json").read_text())
        found[name] = [neighbour["neighbor_id"] for neighbour in record["neighbours"]]
    assert found["stranger"][0] == "p3" and "p3" not in found["patient"]
    for image_id, more in ((None, ()), ("p0", ("--image", str(tmp_path / "new.png")))):
        with pytest.raises(UserError, match="give one film, by --image-id or as a file by --image"):
            explain(folders, tmp_path / "out", *more, image_id=image_id)


def test_until_stable_writes_and_says_which_of_the_two_happened(folders, tmp_path):
    more = ("--until-stable", "0.001", "--max-rounds", "2", "--top", "8")
    result = explain(folders, tmp_path, *more)
    record = json.loads((tmp_path / "explanation.json").read_text())
    assert record["settings"]["stability"]["rounds"] == 2 and not record["settings"]["stability"]["stable"]
    assert "not stable, stopped at the cap of 2 rounds" in result.stderr


def test_lungs_by_a_segmenter(folders, tmp_path):
    segmenter = LungSegmenter(32, 1)
    segmenter.save(tmp_path / "lungs")
    more = ("--segmentation", "lungs", "--lungs", str(tmp_path / "lungs"))
    explain(folders, tmp_path / "out", *more)
    settings = json.loads((tmp_path / "out" / "explanation.json").read_text())["settings"]
    assert settings["lungs"] == segmenter.weights_hash() and "heart" in settings["segment_names"]


@pytest.mark.parametrize(
    ("given", "more", "message"),
    [
        ({"target": "Mass"}, (), "Nodule, Effusion"),
        ({"method": "shap"}, (), "method 'shap'"),
        ({"image_id": "p99"}, (), "'p99'"),
        ({}, ("-k", "40"), "11"),
        ({}, ("--fill", "white"), "'white'"),
        ({"method": "lime"}, ("--fill", "neighbour"), "grey, black, mean, blur"),
        ({}, ("--segmentation", "grid"), "'grid'"),
        ({}, ("--segmentation", "lungs", "--lungs", "nowhere"), "nowhere.*a segmenter was saved to"),
        ({}, ("--until-stable", "3"), "not a probability"),
        ({}, ("--policy", "best"), "'best'"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(folders, tmp_path, given, more, message):
    with pytest.raises(UserError, match=message) as error:
        explain(folders, tmp_path / "out", *more, **given)
    assert "\n" not in str(error.value) and not (tmp_path / "out").exists()
