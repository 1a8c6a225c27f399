from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cxrneighbors.data.skipped import read_skipped
from cxrneighbors.errors import UserError
from cxrneighbors.explain.explanation import Explanation
from cxrneighbors.explain.films import FilmReader
from cxrneighbors.explain.many import COLUMNS, EXPLANATIONS, explain_many, plan_of
from cxrneighbors.explain.registry import METHODS, build_explainer


@pytest.fixture
def counted(model):
    """The classifier, and how many films it has scored."""

    class Counted:
        films = 0

        def __call__(self, images):
            Counted.films += len(images)
            return model(images)

    return Counted()


@pytest.fixture
def build(world, counted, options):
    def make(name="lime", **more):
        return build_explainer(name, counted, world.index, **{**options, "n_masks": 20, "k": 2, **more})

    return make


@pytest.fixture
def outside(world, tmp_path):
    """A file that is not in the index: almost p3."""
    pixels = np.array(Image.open(world.folder / "p3.png"))
    pixels[:4, :4] = 9
    Image.fromarray(pixels).save(tmp_path / "new film.png")
    return tmp_path / "new film.png"


OWN = {
    "contrast-lime": {
        "donors": "no-finding",
        "mirror": True,
        "same_view": False,
        "registration": "lungs",
        "intensity": "histogram",
        "feather": 1.5,
        "mixed": True,
        "design": "random",
        "link": "identity",
        "grid": 7,
        "detail": False,
        "counterfactual": False,
        "threshold": 0.3,
    },
    "sigma-lime": {"top": 3},
    "alime": {"pool": 50},
    "rise": {"grid": 4, "keep": 0.3, "centred": False},
    "inpainting": {"source": "biharmonic", "k": 3},
    "grad-cam": {"relu": False},
}


@pytest.mark.parametrize("name", OWN)
def test_a_folder_tells_every_option_of_a_method_apart(name, build):
    assert {*OWN[name], "encoder"} >= set(getattr(METHODS.get(name), "own_options", ()))
    plans = [plan_of(build(name), "Nodule"), plan_of(build("lime"), "Nodule")]
    plans += [plan_of(build(name, **{option: value}), "Nodule") for option, value in OWN[name].items()]
    texts = [json.dumps(plan, sort_keys=True) for plan in plans]
    assert len(set(texts)) == len(texts)


@pytest.mark.parametrize("name", METHODS)
def test_each_film_is_explained_as_alone(name, build, tmp_path):
    explainer = build(name)
    table = explain_many(explainer, ["p0", "p3"], "Nodule", tmp_path / "out")
    assert list(table.columns) == list(COLUMNS) and table["image_id"].tolist() == ["p0", "p3"]
    for row in table.to_dict(orient="records"):
        alone = explainer.explain(row["image_id"], "Nodule")
        kept = Explanation.load(tmp_path / "out" / row["folder"])
        assert (kept.weights == alone.weights).all() and kept.neighbours.equals(alone.neighbours)
        assert (row["score"], row["fidelity"]) == (alone.prediction, alone.fidelity)
        assert row["neighbours"] == "|".join(alone.neighbours["neighbor_id"])
        assert (tmp_path / "out" / row["folder"] / "panel.png").is_file()
    assert table["findings"].tolist() == ["Nodule", "Effusion|Pleural_Thickening"]
    assert table["patient_id"].tolist() == ["0", "3"] and table["label"].tolist() == ["present", "absent"]
    written = pd.read_csv(tmp_path / "out" / "films.csv", dtype={"patient_id": str})
    assert written["score"].tolist() == pytest.approx(table["score"].tolist(), rel=1e-5)
    assert (tmp_path / "out" / "sheet.png").is_file() and not len(read_skipped(tmp_path / "out"))
    EXPLANATIONS.read(tmp_path / "out")


def test_outcomes_by_the_threshold_and_top_segments(build, tmp_path):
    table = explain_many(build(), ["p0", "p1", "p2"], "Nodule", tmp_path / "a", threshold=0.95)
    scores = table["score"]
    assert scores[0] > 0.95 > scores[1] > 0.5  # lesions of 0.95 and 0.78
    assert table["outcome"].tolist() == ["true-positive", "true-negative", "false-negative"]
    again = explain_many(build(), ["p1"], "Nodule", tmp_path / "a", threshold=0.5)
    assert again["outcome"].tolist() == ["false-positive"]
    first = table["top_segments"][0].split("|")[0]
    weight = Explanation.load(tmp_path / "a" / "films" / "p0").weights[6]
    assert first == f"segment 6 {weight:+.4f}" and weight > 0


def test_films_explained_before_are_kept_and_others_added(build, counted, tmp_path):
    first = explain_many(build(), ["p0", "p1"], "Nodule", tmp_path / "out")
    stamp = (tmp_path / "out" / "films" / "p0" / "explanation.json").stat().st_mtime_ns
    calls = counted.films
    assert calls == 2 * 21
    table = explain_many(build(), ["p1", "p0", "p2"], "Nodule", tmp_path / "out")
    assert counted.films == calls + 21
    assert (tmp_path / "out" / "films" / "p0" / "explanation.json").stat().st_mtime_ns == stamp
    assert table.iloc[1].to_dict() == first.iloc[0].to_dict() and len(table) == 3
    EXPLANATIONS.read(tmp_path / "out")


def test_an_interrupted_run_goes_on_and_a_changed_film_is_explained_again(
    build, counted, tmp_path, monkeypatch
):
    explainer = build()
    real, seen = type(explainer).explain_film, []

    def stopped(self, film, target):
        seen.append(film.image_id)
        if len(seen) == 3:
            raise KeyboardInterrupt
        return real(self, film, target)

    monkeypatch.setattr(type(explainer), "explain_film", stopped)
    images = ["p0", "p1", "p2", "p3"]
    with pytest.raises(KeyboardInterrupt):
        explain_many(explainer, images, "Nodule", tmp_path / "out")
    with pytest.raises(UserError, match="explain was interrupted; run it again"):
        EXPLANATIONS.read(tmp_path / "out")
    (tmp_path / "out" / "films" / "p1" / "explanation.json").write_text("{}")
    table = explain_many(explainer, images, "Nodule", tmp_path / "out")
    assert seen == ["p0", "p1", "p2", "p1", "p2", "p3"]
    alone = explain_many(explainer, images, "Nodule", tmp_path / "other")
    pd.testing.assert_frame_equal(table, alone)
    for name in ("films.csv", "sheet.png", "films/p1/panel.png"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "other" / name).read_bytes(), name


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"n_masks": 21}, "settings n masks 20, now 21"),
        ({"fill": 0.3}, "settings fill 'grey', now 0.3"),
        ({"seed": 4}, "seed 0, now 4"),
        ({"num_features": 3}, "num features None, now 3"),
        ({"name": "k-lime"}, "method 'lime', now 'k-lime'"),
    ],
)
def test_a_folder_of_other_settings_is_refused(more, message, build, tmp_path):
    explain_many(build(), ["p0"], "Nodule", tmp_path / "out")
    with pytest.raises(UserError, match=message):
        explain_many(build(**more), ["p0"], "Nodule", tmp_path / "out")
    with pytest.raises(UserError, match="target 'Nodule', now 'Effusion'"):
        explain_many(build(), ["p0"], "Effusion", tmp_path / "out")


def test_the_plan_tells_options_of_a_method_classifiers_and_indexes_apart(build, world, options):
    import torch

    from cxrneighbors.classifiers.registry import build as build_classifier
    from cxrneighbors.encoders.store import Embeddings
    from cxrneighbors.explain.certificate import StabilityRule
    from cxrneighbors.index.neighbor_index import NeighborIndex

    plain = plan_of(build("sigma-lime"), "Nodule")
    assert plan_of(build("sigma-lime"), "Nodule") == plain != plan_of(build("sigma-lime", top=3), "Nodule")
    assert plan_of(build("sigma-lime", stability=StabilityRule(0.1)), "Nodule") != plain
    assert plan_of(build("alime"), "Nodule") != plan_of(build("alime", pool=50), "Nodule")
    hashes = []
    network = build_classifier("small-cnn", labels=["Nodule", "Effusion"], image_size=48, width=4)
    for step in (0, 0, 1):
        with torch.no_grad():
            next(network.parameters()).add_(step)
        explainer = build_explainer("lime", network, world.index, device="cpu")
        hashes.append(plan_of(explainer, "Nodule")["classifier"])
    assert hashes[0] == hashes[1] != hashes[2] and len(hashes[0]) == 64
    vectors = world.index.vectors["image"] + 1
    other = NeighborIndex.build(
        Embeddings.from_arrays(list(world.studies["image_id"]), image=vectors), world.studies, backend="exact"
    )
    moved = build_explainer("sigma-lime", build("sigma-lime").predictor, other, n_masks=20, k=2)
    assert plan_of(moved, "Nodule")["index"] != plain["index"]


def test_films_from_outside_with_and_without_their_patient(build, outside, world, tmp_path):
    explainer = build("kp-lime")
    array = FilmReader(world.studies, 48).read("p5").pixels * 0.9
    images = [outside, "p0", array, world.folder / "p3.png"]
    table = explain_many(explainer, images, "Nodule", tmp_path / "out", patient_ids=["3", None, None, None])
    assert table["image_id"].tolist() == ["", "p0", "", "p3"] and table["file"][0] == str(outside)
    assert table["patient_id"].tolist() == ["3", "0", "", "3"]
    assert "p3" not in table["neighbours"][0].split("|") and "p5" in table["neighbours"][2].split("|")
    assert table["label"].tolist() == ["unknown", "present", "unknown", "absent"]
    assert table["outcome"][0] == "" and table["folder"][0].startswith("films/new_film.png-")
    stranger = explain_many(explainer, [outside], "Nodule", tmp_path / "stranger")
    assert "p3" in stranger["neighbours"][0].split("|")
    calls = explainer.explain(outside, "Nodule").settings["classifier_calls"]
    assert stranger["classifier_calls"].tolist() == [calls]


def test_what_cannot_be_explained_is_listed_and_the_rest_goes_on(build, outside, tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_bytes(outside.read_bytes()[:60])
    images = ["p77", outside, broken, "p0", "p0"]
    table = explain_many(build(), images, "Nodule", tmp_path / "out")
    assert len(table) == 2
    skipped = read_skipped(tmp_path / "out")
    assert skipped["item"].tolist() == ["p77", str(broken)]
    assert "not in the index" in skipped["reason"][0] and "cannot be read" in skipped["reason"][1]


def test_bad_input_is_one_line_and_leaves_nothing(build, tmp_path):
    out = tmp_path / "out"
    for images, more, message in (
        (["p77", "p78"], {}, "none of 2 films; image 'p77': not in the index"),
        ([], {}, "0 films"),
        (["p0"], {"patient_ids": ["1", "2"]}, "1 films and 2 patients"),
        (["p0"], {"texts": ["a", "b"]}, "1 films and 2 texts"),
        (["p0"], {"views": ["PA"]}, "none of 1 films; view: the index knows the view of image 'p0'"),
    ):
        with pytest.raises(UserError, match=message) as error:
            explain_many(build(), images, "Nodule", out, **more)
        assert "\n" not in str(error.value) and not out.exists()
    with pytest.raises(UserError, match="target 'Mass'"):
        explain_many(build(), ["p0"], "Mass", out)
    build().explain("p0", "Nodule").save(out)
    with pytest.raises(UserError, match="holds other files, not explanations"):
        explain_many(build(), ["p0"], "Nodule", out)


def test_more_films_than_a_sheet_holds_go_on_to_the_next(build, tmp_path, monkeypatch):
    monkeypatch.setattr("cxrneighbors.explain.many.MAX_FILMS", 2)
    monkeypatch.setattr("cxrneighbors.explain.many.usable_cpus", lambda: 1)
    out = tmp_path / "out"
    explain_many(build(), ["p0", "p1", "p2", "p3", "p4"], "Nodule", out)
    sheets = sorted(path.name for path in out.glob("sheet*.png"))
    assert sheets == ["sheet-2.png", "sheet-3.png", "sheet.png"]
    assert Image.open(io.BytesIO(Path(out / "sheet.png").read_bytes())).format == "PNG"
    explain_many(build(), ["p0"], "Nodule", out)
    assert [path.name for path in out.glob("sheet*.png")] == ["sheet.png"]
