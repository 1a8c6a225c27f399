"""The whole run on twelve films, with a classifier whose lesion is known."""

from __future__ import annotations

import copy
import json

import numpy as np
import pytest

from cxrneighbors.errors import UserError
from cxrneighbors.explain.predictor import Predictor
from cxrneighbors.explain.quality.benchmark import Benchmark
from cxrneighbors.explain.quality.case import small_map
from cxrneighbors.explain.quality.evaluate import evaluate_explanations
from cxrneighbors.explain.quality.references import EqualCostLime, RandomSegments
from cxrneighbors.explain.quality.settings import BenchmarkSettings
from cxrneighbors.explain.quality.targets import Target
from cxrneighbors.lungs.segmenter import LungSegmenter
from cxrneighbors.verification import verify

SETTINGS = BenchmarkSettings(k=2, n_masks=20, n_held_out=20, n_sanity=1)
NAMES = ("lime", "kp-lime", "dlime")


@pytest.fixture(scope="module")
def result(world, regions, seeing, tmp_path_factory):
    out = tmp_path_factory.mktemp("benchmark")
    options = {"methods": NAMES, "segmentations": ("slic",), "settings": SETTINGS, "device": "cpu"}
    return out, evaluate_explanations(seeing, world.index, out, n_targets=3, regions=regions, **options)


def test_every_method_and_reference_on_every_target(result):
    out, found = result
    assert found.table.groupby("method", sort=False).size().to_dict() == dict.fromkeys(
        ["random", "lime", "kp-lime", "dlime", "lime-equal-cost"], 3
    )
    names = {"benchmark.json", "benchmark.md", "benchmark.png", "summary.csv", "pairs.csv", "targets.csv"}
    assert names | {"report.html", "figures"} <= {path.name for path in out.iterdir()}
    summary = json.loads((out / "benchmark.json").read_text())
    assert summary["n_targets"] == 3 and 0 < summary["best_possible_iou"]["slic"] <= 1


def test_a_classifier_that_sees_the_lesion_is_explained_better_than_by_chance(result):
    means = result[1].table.groupby("method")[["pointing", "energy", "deletion", "held_out"]].mean()
    for name in (*NAMES, "lime-equal-cost"):
        assert means.loc[name, "pointing"] > means.loc["random", "pointing"]
        assert means.loc[name, "energy"] > 2 * means.loc["random", "energy"]
        assert means.loc[name, "deletion"] < means.loc["random", "deletion"]
        assert means.loc[name, "held_out"] > 0.6


def test_costs_are_the_calls_that_the_methods_make(result):
    calls = result[1].table.groupby("method")["calls"].first()
    assert calls["lime"] == 21 and calls["random"] == 1
    assert calls["kp-lime"] == calls["lime-equal-cost"] == 3 * 20 + 1
    assert (result[1].table["seconds"] > 0).all()


def test_a_method_without_a_seed_is_stable_and_sanity_is_measured_on_a_subset(result):
    table = result[1].table.set_index("method")
    assert (table.loc["dlime", "seed_rank"] == 1).all() and (table.loc["lime", "seed_rank"] < 1).all()
    assert table.groupby("method")["sanity"].count().eq(1).all()


def test_a_rerun_computes_nothing_and_a_longer_one_only_what_is_missing(
    result, world, regions, seeing, monkeypatch
):
    out, found = result
    before = (out / "records.jsonl").read_text()
    made = []
    monkeypatch.setattr(
        Benchmark, "explainer", lambda *a: made.append(a) or pytest.fail("it was there already")
    )
    options = {"methods": NAMES, "segmentations": ("slic",), "settings": SETTINGS, "device": "cpu"}
    again = evaluate_explanations(seeing, world.index, out, n_targets=3, regions=regions, **options)
    assert (out / "records.jsonl").read_text() == before and again.summary.equals(found.summary)
    monkeypatch.undo()
    options["methods"] = ("lime", "alime")
    more = evaluate_explanations(seeing, world.index, out, n_targets=3, regions=regions, **options)
    assert set(more.table["method"]) == {"random", "lime", "alime", "lime-equal-cost"}
    assert len((out / "records.jsonl").read_text().splitlines()) == len(before.splitlines()) + 3
    described = {"records.jsonl", "benchmark.json", "report.html", "targets.csv", "figures/benchmark.csv"}
    assert described <= set(verify(out).files)  # also of a folder that has grown


def test_interrupted_and_resumed_equals_uninterrupted(result, world, regions, seeing, tmp_path):
    out, found = result
    lines = (out / "records.jsonl").read_text().splitlines(keepends=True)[:7]
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["complete"] and manifest["n_records"] >= 15
    (tmp_path / "manifest.json").write_text(json.dumps(manifest | {"complete": False}))
    (tmp_path / "records.jsonl").write_text("".join(lines) + '{"image')
    options = {"methods": NAMES, "segmentations": ("slic",), "settings": SETTINGS, "device": "cpu"}
    again = evaluate_explanations(seeing, world.index, tmp_path, n_targets=3, regions=regions, **options)
    same = [name for name in found.table.columns if name != "seconds"]
    assert again.table[same].equals(found.table[same])


def test_without_regions_nothing_is_localised(world, seeing, tmp_path):
    found = evaluate_explanations(
        seeing,
        world.index,
        tmp_path,
        n_targets=1,
        methods=("lime",),
        segmentations=("slic", "felzenszwalb"),
        settings=SETTINGS,
        device="cpu",
    )
    assert found.table[["pointing", "iou", "energy"]].isna().all(axis=None)
    assert found.table["across"].notna().all() and "Pointing" not in found.markdown()


def test_min_score_takes_what_the_classifier_sees(world, regions, seeing, tmp_path):
    options = {"regions": regions, "methods": ("lime",), "segmentations": ("slic",), "settings": SETTINGS}
    with pytest.raises(UserError, match="scores none of 6"):
        evaluate_explanations(seeing, world.index, tmp_path, min_score=1.0, device="cpu", **options)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"methods": ("shap",)}, "method 'shap'"),
        ({"segmentations": ("grid",)}, "segmentation 'grid'"),
        ({"segmentations": ()}, "none given"),
        ({"n_targets": 0}, "targets 0"),
        ({"settings": BenchmarkSettings(k=40, n_masks=5)}, "no target could be explained.* k is 40"),
    ],
)
def test_bad_input_is_one_line(world, regions, seeing, tmp_path, more, message):
    given = {"methods": ("kp-lime",), "segmentations": ("slic",), "n_targets": 1, "settings": SETTINGS} | more
    with pytest.raises(UserError, match=message) as error:
        evaluate_explanations(seeing, world.index, tmp_path, regions=regions, device="cpu", **given)
    assert "\n" not in str(error.value)


def test_nothing_stays_where_no_film_can_be_explained(world, regions, seeing, tmp_path, monkeypatch):
    monkeypatch.setattr(Benchmark, "film", lambda *_: (_ for _ in ()).throw(UserError("no pixels; import")))
    options = {"methods": ("lime",), "segmentations": ("slic",), "n_targets": 2, "device": "cpu"}
    with pytest.raises(UserError, match="no target could be explained; no pixels; import"):
        evaluate_explanations(seeing, world.index, tmp_path / "new", regions=regions, **options)
    assert not list(tmp_path.iterdir())


def test_a_plain_function_has_no_weights_to_compare(world, model, tmp_path):
    with pytest.raises(UserError, match="needs a classifier of this package"):
        Benchmark(Predictor(model, ["Nodule", "Effusion"], "cpu"), world.index, tmp_path)


def test_settings_are_checked():
    with pytest.raises(UserError, match="seeds 0"):
        BenchmarkSettings(seeds=0)


def test_a_film_of_one_segment_is_skipped_with_its_reason(world, regions, seeing, tmp_path, monkeypatch):
    predictor = Predictor(seeing, device="cpu")
    benchmark = Benchmark(predictor, world.index, tmp_path, SETTINGS, regions, ("lime",), ("slic",))
    cut = benchmark.segments
    flat = world.studies["image_id"].tolist().index("p2")
    whole = benchmark.film(Target("p2", "Nodule", "2")).pixels

    def segments(film, segmentation):
        if np.array_equal(film, whole):
            raise UserError("one segment covers the whole film")
        return cut(film, segmentation)

    monkeypatch.setattr(benchmark, "segments", segments)
    records = benchmark.run([Target("p2", "Nodule", "2"), Target("p4", "Nodule", "4")])
    assert flat == 2 and {record["image_id"] for record in records} == {"p4"}
    assert "one segment" in (tmp_path / "skipped.csv").read_text()


def test_random_segments_ignore_the_classifier(world, model, options):
    first = RandomSegments(model, world.index, **options).explain("p0", target="Nodule")
    second = RandomSegments(model, world.index, **options).explain("p0", target="Effusion")
    other = RandomSegments(model, world.index, **options | {"seed": 1}).explain("p0", target="Nodule")
    assert np.array_equal(first.weights, second.weights) and not np.array_equal(first.weights, other.weights)


def test_equal_cost_lime_has_the_masks_of_kp_lime(world, model, options):
    explanation = EqualCostLime(model, world.index, **options).explain("p0", target="Nodule")
    assert explanation.settings["classifier_calls"] == 5 * 60 + 1 and explanation.method == "lime-equal-cost"


def test_small_map_averages_areas():
    heat = np.kron(np.arange(4.0).reshape(2, 2), np.ones((32, 32)))
    small = small_map(heat, side=2)
    assert small.shape == (2, 2) and np.allclose(small, [[0, 1], [2, 3]])
    assert small_map(np.zeros((64, 64))).shape == (32, 32) and small_map(np.ones((9, 9))).shape == (9, 9)


def test_other_regions_or_another_classifier_are_another_benchmark(result, world, regions, seeing):
    """With every lesion replaced by a small box the old scores must not come back."""
    out, _ = result
    options = {"methods": NAMES, "segmentations": ("slic",), "settings": SETTINGS, "device": "cpu"}
    boxes = regions.assign(mask_path=None, x=1.0, y=1.0, width=3.0, height=3.0)
    with pytest.raises(UserError, match="holds benchmark records made with regions"):
        evaluate_explanations(seeing, world.index, out, n_targets=3, regions=boxes, **options)
    other = copy.deepcopy(seeing)
    settings = {**seeing.config(), "aspect": "crop"}
    other.config = lambda: settings
    with pytest.raises(UserError, match="holds benchmark records made with classifier settings"):
        evaluate_explanations(other, world.index, out, n_targets=3, regions=regions, **options)
    with pytest.raises(UserError, match="holds benchmark records made with lungs"):
        evaluate_explanations(
            seeing, world.index, out, n_targets=3, regions=regions, lungs=LungSegmenter(32, 1), **options
        )
