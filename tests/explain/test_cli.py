"""The command `explain`, on a real classifier and index folder."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
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


@pytest.mark.parametrize(
    "method", ["lime", "k-lime", "sigma-lime", "kp-lime", "dlime", "alime", "contrast-lime"]
)
def test_writes_explanation_and_panel(folders, tmp_path, method):
    explain(folders, tmp_path / "out", method=method)
    print_files = [f"panel-{width}.{kind}" for width in ("1col", "2col") for kind in ("png", "svg")]
    names = ["explanation.json", "explanation.npz", "manifest.json", "panel.csv", "panel.png", *print_files]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(names)
    record = json.loads((tmp_path / "out" / "explanation.json").read_text())
    assert record["method"] == method and record["image_id"] == "p0"
    explain(folders, tmp_path / "out", method=method)  # an older explanation gives way


RIVALLING = ["rise:grid=3", "occlusion", "grad-cam", "score-cam", "inpainting:source=neighbours"]


@pytest.mark.parametrize("method", RIVALLING)
def test_a_rival_writes_explanation_and_panel_too(folders, tmp_path, method):
    result = explain(folders, tmp_path / "out", "--masks", "70", method=method)
    assert (tmp_path / "out" / "panel.png").stat().st_size > 10_000
    record = json.loads((tmp_path / "out" / "explanation.json").read_text())
    name = method.split(":")[0]
    assert record["method"] == name and record["settings"]["rival"] is not None
    assert record["settings"]["classifier_calls"] <= 71
    assert len(record["neighbours"]) == (2 if name == "inpainting" else 0)
    assert "no surrogate" in result.output and "classifier calls" in result.output
    assert record["settings"]["rival"].get("grid", 3) == 3


def test_options_behind_the_name_are_the_same_explanation_or_another(folders, tmp_path):
    for _ in range(2):
        explain(folders, tmp_path / "out", method="rise:grid=3")
    with pytest.raises(UserError, match="holds an explanation of another settings"):
        explain(folders, tmp_path / "out", method="rise:grid=4")
    with pytest.raises(UserError, match="made with method 'rise', now 'occlusion'"):
        explain(folders, tmp_path / "out", "--masks", "70", method="occlusion")


def test_rivals_on_many_films(folders, tmp_path):
    explain(folders, tmp_path / "out", "--image-id", "p4", "--masks", "70", method="occlusion")
    assert films(tmp_path / "out")["image_id"].tolist() == ["p0", "p4"]
    with pytest.raises(UserError, match="rival"):
        explain(folders, tmp_path / "out", "--image-id", "p4", "--masks", "70", method="occlusion:window=0.5")


def test_options_behind_the_methods_name(folders, tmp_path):
    explain(folders, tmp_path / "out", method="kp-lime:fill=neighbour:policy=diverse:masks=20")
    settings = json.loads((tmp_path / "out" / "explanation.json").read_text())["settings"]
    assert (settings["fill"], settings["policy"], settings["n_masks"]) == ("neighbour", "diverse", 20)


def test_rivals_that_ask_a_library_or_a_vae_say_so_or_answer(folders, tmp_path):
    with pytest.raises(UserError, match=r"method 'latent-shift'.*VAE"):
        explain(folders, tmp_path / "out", method="latent-shift")
    try:
        import captum  # noqa: F401
    except ImportError:
        with pytest.raises(UserError, match="needs captum; pip install"):
            explain(folders, tmp_path / "out", method="kernel-shap")
    else:
        explain(folders, tmp_path / "out", method="kernel-shap")
        assert (tmp_path / "out" / "panel.png").is_file()


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
    for image_id, more in ((None, ()), ("p0", ("--among", "sex == 'F'"))):
        with pytest.raises(UserError, match="give films by --image-id or --image, or by --among"):
            explain(folders, tmp_path / "out", *more, image_id=image_id)


def films(folder):
    return pd.read_csv(folder / "films.csv", keep_default_na=False, dtype={"patient_id": str})


def test_several_films_by_id_and_file(folders, world, tmp_path):
    pixels = np.array(Image.open(world.folder / "p3.png"))
    for name in ("new", "other"):
        pixels[:4, :4] += 9
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
    files = ("--image", str(tmp_path / "new.png"), "--image", str(tmp_path / "other.png"))
    explain(folders, tmp_path / "a", "--image-id", "p5", *files, "--patient-id", "3")
    table = films(tmp_path / "a")
    assert table["image_id"].tolist() == ["p0", "p5", "", ""]
    assert table["patient_id"].tolist() == ["0", "5", "3", "3"]
    assert not any("p3" in names.split("|") for names in table["neighbours"][2:])
    assert {path.name for path in (tmp_path / "a").iterdir()} == {
        "films",
        "films.csv",
        "manifest.json",
        "sheet.png",
        "skipped.csv",
    }
    explain(folders, tmp_path / "b", *files, "--patient-id", "3", "--patient-id", "5", image_id=None)
    found = films(tmp_path / "b")["neighbours"]
    assert "p3" not in found[0].split("|") and "p3" in found[1].split("|")
    for patients in (["3", "4", "5"], ["3", "4"]):
        more = [word for patient in patients for word in ("--patient-id", patient)]
        given = files if len(patients) == 3 else ()
        with pytest.raises(UserError, match="give one for all, or one each"):
            explain(folders, tmp_path / "c", *given, *more)


def test_a_whole_predicate_and_a_rerun(folders, tmp_path):
    more = ("--among", "findings.has('Nodule')", "--limit", "3")
    explain(folders, tmp_path / "out", *more, image_id=None, method="lime")
    assert films(tmp_path / "out")["image_id"].tolist() == ["p0", "p2", "p4"]
    stamp = (tmp_path / "out" / "films" / "p2" / "panel.png").stat().st_mtime_ns
    explain(folders, tmp_path / "out", *more[:2], image_id=None, method="lime")
    assert len(films(tmp_path / "out")) == 6
    assert (tmp_path / "out" / "films" / "p2" / "panel.png").stat().st_mtime_ns == stamp
    explain(folders, tmp_path / "one", "--among", "image_id == 'p2'", image_id=None, method="lime")
    assert len(films(tmp_path / "one")) == 1  # films that a rule finds are laid out alike, however many
    with pytest.raises(UserError, match="n masks 20, now 30"):
        explain(folders, tmp_path / "out", *more, "--masks", "30", image_id=None, method="lime")


def test_all_errors_of_a_finding(folders, world, tmp_path):
    from cxrneighbors.classifiers.registry import load_classifier
    from cxrneighbors.data.pixels import load_images

    images, _ = load_images(list(world.studies["path"]), 48)
    scores = load_classifier(folders / "classifier").predict(images, device="cpu")[:, 0]
    threshold = float(np.median(scores))
    for error, wanted in (
        ("false-positive", [n for n in range(1, 12, 2) if scores[n] >= threshold]),
        ("false-negative", [n for n in range(0, 12, 2) if scores[n] < threshold]),
    ):
        more = ("--errors", error, "--threshold", repr(threshold))
        result = explain(folders, tmp_path / error, *more, image_id=None, method="lime")
        table = films(tmp_path / error)
        assert sorted(table["image_id"]) == sorted(f"p{n}" for n in wanted)
        assert (table["outcome"] == error).all() and f"{len(wanted)} {error}" in result.output
        worst = table["score"].tolist()
        assert worst == sorted(worst, reverse=error == "false-positive")
        limited = explain(
            folders, tmp_path / f"{error}-1", *more, "--limit", "1", image_id=None, method="lime"
        )
        assert "1 films" in limited.stderr
        assert films(tmp_path / f"{error}-1")["image_id"].tolist() == table["image_id"].tolist()[:1]


def test_as_published_and_its_options(folders, tmp_path):
    arguments = [str(folders / "index"), "--classifier", str(folders / "classifier"), "--image-id", "p0"]
    arguments += ["--target", "Nodule", "--out", str(tmp_path / "out"), "--method", "lime"]
    result = CliRunner().invoke(app, [*arguments, "--as-published", "lime", "--seed", "3"])
    assert result.exception is None, result.exception
    record = json.loads((tmp_path / "out" / "explanation.json").read_text())
    settings = record["settings"]
    assert record["seed"] == 3 and settings["classifier_calls"] == 1000 and settings["fill"] == "mean"
    assert settings["num_features"] == 100000 and settings["segmentation"] == "quickshift"
    result = CliRunner().invoke(app, [*arguments, "--as-published", "paper", "--fill", "black"])
    assert isinstance(result.exception, UserError) and "sets fill to 'grey'" in str(result.exception)


def test_fill_features_and_pool_reach_the_explanation(folders, tmp_path):
    more = ("--fill", "0.3", "--num-features", "2", "--feature-selection", "lasso_path", "--pool", "60")
    result = explain(folders, tmp_path / "out", *more, method="alime")
    settings = json.loads((tmp_path / "out" / "explanation.json").read_text())["settings"]
    assert (settings["fill"], settings["num_features"], settings["pool"]) == (0.3, 2, 60)
    assert settings["feature_selection"] == "lasso_path" and len(settings["selected_segments"]) <= 2
    shown = [line for line in result.output.splitlines() if line.startswith("  segment ")]
    assert len(shown) <= 2 and "segments weigh 0" in result.output


def test_until_stable_writes_and_says_which_of_the_two_happened(folders, tmp_path):
    more = ("--until-stable", "0.001", "--max-rounds", "2", "--top", "8")
    result = explain(folders, tmp_path, *more)
    record = json.loads((tmp_path / "explanation.json").read_text())
    assert record["settings"]["stability"]["rounds"] == 2 and not record["settings"]["stability"]["stable"]
    assert "not stable, stopped at the cap of 2 rounds" in result.output


def test_lungs_by_a_segmenter(folders, tmp_path):
    segmenter = LungSegmenter(32, 1)
    segmenter.save(tmp_path / "lungs")
    more = ("--segmentation", "lungs", "--lungs", str(tmp_path / "lungs"))
    explain(folders, tmp_path / "out", *more)
    settings = json.loads((tmp_path / "out" / "explanation.json").read_text())["settings"]
    assert settings["lungs"] == segmenter.weights_hash() and "heart" in settings["segment_names"]


def test_contrast_lime_takes_its_options_and_says_what_turns_the_decision(folders, tmp_path):
    more = ("--donors", "label", "--registration", "affine", "--intensity", "mean-std")
    more += ("--feather", "1.5", "--threshold", "0.3", "--any-view", "--mirror")
    explain(folders, tmp_path / "out", *more, method="contrast-lime")
    settings = json.loads((tmp_path / "out" / "explanation.json").read_text())["settings"]
    expected = {"donors": "label", "with_finding": True, "same_view": False, "feather": 1.5}
    expected |= {"registration": "affine", "intensity": "mean-std"}
    assert {name: settings[name] for name in expected} == expected


def test_the_terminal_says_what_turns_the_decision_and_who_the_donors_are(world, model, options):
    from cxrneighbors.cli.explain import neighbour_noun, summary_lines
    from cxrneighbors.explain.registry import build_explainer

    options["threshold"] = 0.95
    explanation = build_explainer("contrast-lime", model, world.index, **options).explain("p0", "Nodule")
    lines = summary_lines(explanation)
    assert lines[1] == explanation.answer() and "segment 6" in lines[1]
    assert lines[2].startswith("  segment 6 (middle right): +") and lines[2].endswith("4 of 4 donors agree")
    at = lines.index("donors without Nodule:")
    for line, (_, row) in zip(lines[at + 1 :], explanation.neighbours.iterrows(), strict=True):
        assert line.startswith(f"  {row['neighbor_id']} (distance {row['distance']:.2f}; ")
    explanation.settings["with_finding"] = True
    assert neighbour_noun(explanation) == "donors with Nodule"
    lime = build_explainer("lime", model, world.index, n_masks=20, **_without(options)).explain(
        "p0", "Nodule"
    )
    assert "donors" not in "\n".join(summary_lines(lime))


def _without(options):
    return {name: value for name, value in options.items() if name not in ("threshold", "n_masks")}


@pytest.mark.parametrize(
    ("given", "more", "message"),
    [
        ({"method": "contrast-lime"}, ("--donors", "best"), "donors 'best'.*label, no-finding"),
        ({"method": "contrast-lime"}, ("-k", "9"), "only 6 images pass where"),
        ({"method": "lime"}, ("--donors", "label"), "option of method lime 'donors'"),
        ({"target": "Mass"}, (), "Nodule, Effusion"),
        ({"method": "shap"}, (), "method 'shap'"),
        ({"image_id": "p99"}, (), "'p99'"),
        ({}, ("-k", "40"), "11"),
        ({}, ("--fill", "white"), "'white'"),
        ({"method": "lime"}, ("--fill", "neighbour"), "grey, black, mean, blur"),
        ({}, ("--segmentation", "grid"), "'grid'"),
        ({}, ("--segmentation", "lungs", "--lungs", "nowhere"), "nowhere.*a segmenter was saved to"),
        ({}, ("--until-stable", "3"), "not a probability"),
        ({}, ("--lungs", "nowhere"), "--lungs nowhere: is for --segmentation lungs"),
        ({}, ("--limit", "3"), "--limit: is for --among and --errors"),
        ({}, ("--policy", "best"), "'best'"),
        ({}, ("--fill", "1.4"), "a grey must lie in"),
        ({}, ("--feature-selection", "lasso"), "'lasso'"),
        ({}, ("--pool", "200"), "option of method kp-lime 'pool'"),
        ({}, ("--as-published", "paper"), "sets k to 5, not to 2"),
        ({"method": "dlime"}, ("--as-published", "paper"), "no settings for method 'dlime'"),
        ({"image_id": None}, ("--errors", "false"), "'false'; choose one of: false-positive"),
        ({"image_id": None}, ("--errors", "false-positive", "--threshold", "2"), "threshold 2"),
        ({"image_id": None}, ("--among", "sex == 'X'"), "no row has sex 'X'"),
        ({"image_id": None}, ("--among", "nothing == 1"), "among: unknown column 'nothing'"),
        ({}, ("--patient-id", "3"), "patient-id: 1 for 0 files"),
        ({}, ("--view", "PA"), "view: 1 for 0 files"),
        ({}, ("--text", "Clear."), "text: 1 for 0 files"),
        ({"method": "kp-lime:masks=9"}, (), "n_masks is given twice"),
        ({"method": "kp-lime:calls=9"}, (), "calls are for comparing methods"),
        ({"method": "rise:keep=2"}, (), "keep is 2.0; give a share"),
        ({"method": "random"}, (), "method 'random'; choose one of: lime"),
        ({"method": "occlusion"}, (), "calls is 20; give at least 49"),
        ({"method": "rise"}, ("--until-stable", "0.1"), "fits no surrogate, so leave stability out"),
        ({"method": "rise"}, ("--num-features", "3"), "fits no surrogate, so leave num_features out"),
        ({"method": "rise"}, ("--donors", "label"), "option of method rise 'donors'"),
        ({"method": "rise"}, ("--as-published", "lime"), "no kin of LIME"),
        ({"method": "vae-infill"}, (), "method 'vae-infill'.*VAE"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(folders, tmp_path, given, more, message):
    with pytest.raises(UserError, match=message) as error:
        explain(folders, tmp_path / "out", *more, **given)
    assert "\n" not in str(error.value) and not (tmp_path / "out").exists()


@pytest.mark.parametrize("method", ["k-lime", "kp-lime", "contrast-lime"])
def test_k_beyond_the_index_takes_no_memory(folders, tmp_path, memory_cap, method):
    with memory_cap(1000), pytest.raises(UserError, match=r"k is 1000000000"):
        explain(folders, tmp_path / "out", "-k", "1000000000", method=method)
