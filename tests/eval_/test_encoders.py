"""The bench of image encoders on made films."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import encoders
import heterogeneity
from cxrneighbors.errors import UserError
from cxrneighbors.evaluation.heterogeneity import finding_entropy
from cxrneighbors.lungs import LungSegmenter
from encoder_looks import looks, record_look, times_looked
from encoder_rows import GROUPS, ROWS, UNTRAINED

QUICK = ("--image-size", "32", "--epochs", "1", "--device", "cpu")


def bench(data: Path, folder: Path, *arguments: str) -> dict[str, Any]:
    folders = ["--work", str(folder / "work"), "--results", str(folder / "results")]
    encoders.main([str(data), *QUICK, *folders, *arguments])
    return json.loads((folder / "results" / "encoders.json").read_text())


@pytest.fixture(scope="module")
def run(data_sets, tmp_path_factory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("bench")
    named = ("random", "pixels", "pca-centre", "vae-before", "vae")
    options = ("--only", *named, "--data-sets", "chestxray14-256", "lung-masks")
    return folder, bench(data_sets, folder, *options)


def test_rows_of_all_data_sets_and_groups(run):
    folder, summary = run
    assert list(summary["data_sets"]) == ["chestxray14-10k", "chestxray14-256", "lung-masks"]
    main = summary["data_sets"]["chestxray14-10k"]["encoders"]
    assert list(main) == ["random", "pixels", "pca-centre", "vae-before", "vae"]
    for row in main.values():
        assert row["group"] in GROUPS and min(row["fit_seconds"]) >= 0 and min(row["encode_seconds"]) > 0
        assert row["overall"]["retrieval"].keys() >= {"p_at_1", "p_at_3", "p_at_5", "p_at_10", "map"}
    # The finding is plain to see in a film's pixels: every neighbour shares it, a third do at random.
    assert main["pixels"]["overall"]["lift"] > 0.5
    assert main["pixels"]["within"]["lift"] > 0.5 and main["pixels"]["diseased"]["lift"] > 0.5
    assert abs(main["random"]["overall"]["lift"]) < 0.1
    assert summary["reference"] in ("pixels", "pca-centre")
    assert summary["data_sets"]["lung-masks"]["within"] == "source"
    text = (folder / "results" / "encoders.md").read_text()
    assert "| unsupervised | dim |" in text and "| untrained | dim |" in text
    assert "so far: never" in text and "within source" in text
    assert (folder / "results" / "encoders.png").read_bytes()[1:4] == b"PNG"
    assert "00000001_000" not in (folder / "results" / "encoders.json").read_text()


def test_a_second_run_makes_nothing_and_only_makes_what_it_names(run, data_sets, monkeypatch):
    folder, first = run
    made: list[str] = []

    def make(self: Any, name: str, fit: Any) -> dict[str, Any]:
        made.append(f"{fit.name}/{name}")
        return original(self, name, fit)

    original = encoders.Keeper._make
    monkeypatch.setattr(encoders.Keeper, "_make", make)
    only = ("--data-sets", "chestxray14-256", "lung-masks", "--only")
    again = bench(data_sets, folder, *only, "pixels")
    assert made == [] and again["data_sets"] == first["data_sets"]
    bench(data_sets, folder, *only, "pixels", "--anew")
    assert made == ["fold-1/pixels", "fold-2/pixels", "fold-3/pixels", "elsewhere/pixels"]
    made.clear()
    more = bench(data_sets, folder, *only, "pca", "--epochs", "2")  # a VAE of other epochs is not kept
    assert {name.split("/")[1] for name in made} == {"pca"}
    kept = list(more["data_sets"]["chestxray14-10k"]["encoders"])
    assert kept == ["random", "pixels", "pca", "pca-centre", "vae-before"]


def test_the_last_look_is_counted_and_shown(run, data_sets):
    folder, _ = run
    results = folder / "results"
    for times in (1, 2):
        named = ("--only", "pixels", "pca-centre", "--reference", "pixels", "--data-sets", "lung-masks")
        bench(data_sets, folder, *named, "--last-look")
        assert times_looked(results) == {"pixels": times, "pca-centre": times}
    summary = json.loads((results / "encoders_last_look.json").read_text())
    assert list(summary["data_sets"]) == ["last-look"]
    assert [row["first"] for row in summary["data_sets"]["last-look"]["comparisons"]] == ["pca-centre"] * 4
    assert "so far: pixels 2, pca-centre 2." in (results / "encoders_last_look.md").read_text()
    assert looks(results)[1] == {"look": 2, "encoders": ["pixels", "pca-centre"]}


def test_the_ledger_counts_from_one(tmp_path):
    assert times_looked(tmp_path) == {} and looks(tmp_path) == []
    record_look(tmp_path, ["pca"])
    record_look(tmp_path, ["pca", "vae"])
    assert times_looked(tmp_path) == {"pca": 2, "vae": 1}


def test_what_is_trained_has_a_row_before_training():
    for name, row in ROWS.items():
        assert row.group in GROUPS
        if "epochs" in row.options:
            assert row.parts or ROWS[row.before].group == UNTRAINED, name
        assert all(ROWS[part].group in GROUPS for part in (*row.parts, *filter(None, [row.before])))


def test_label_trained_rows_share_their_trainings_and_their_seconds(data_sets, tmp_path):
    named = ("classifier", "classifier-logits", "classifier-contrastive", "classifiers")
    options = ("--only", *named, "--data-sets", "--reference", "classifier")
    rows = bench(data_sets, tmp_path, *options)["data_sets"]["chestxray14-10k"]["encoders"]
    assert list(rows) == ["contrastive", *named]  # what a classifier starts from is made with it
    assert rows["classifiers"]["fit_seconds"][0] > sum(
        rows[part]["fit_seconds"][0] for part in ("contrastive", "classifier")
    )
    assert rows["classifier"]["dim"] == 1280 and rows["classifiers"]["dim"] == 2560
    assert (tmp_path / "work" / "encoders" / "fold-1" / "classifier-imagenet" / "metrics.json").is_file()


def test_rows_in_lung_frames_need_a_segmenter(data_sets, tmp_path):
    with pytest.raises(UserError, match="give --lungs DIR"):
        bench(data_sets, tmp_path, "--only", "pca-half-lungs", "--data-sets")
    LungSegmenter(image_size=32, width=2).save(tmp_path / "lungs")
    named = ("pca-half-lungs", "vae-lungs-before", "vae-lungs")
    options = ("--only", *named, "--data-sets", "--lungs", str(tmp_path / "lungs"))
    options += ("--folds", "1", "--name", "encoders")
    rows = bench(data_sets, tmp_path, *options)["data_sets"]["chestxray14-10k"]["encoders"]
    assert list(rows) == list(named)
    for name in named:
        assert rows[name]["config"]["lungs"] == LungSegmenter.load(tmp_path / "lungs").weights_hash()
        assert rows[name]["overall"]["lift"] > 0.05


def test_mistakes_are_one_line(data_sets, tmp_path):
    with pytest.raises(UserError, match="unknown encoder 'gan'"):
        bench(data_sets, tmp_path, "--only", "gan")
    with pytest.raises(UserError, match="unknown data set 'chestxray14-10k'"):
        bench(data_sets, tmp_path, "--data-sets", "chestxray14-10k")
    with pytest.raises(UserError, match="no untrained descriptor is made; name it with --reference"):
        bench(data_sets, tmp_path, "--only", "random", "--data-sets")


def test_policies_are_measured_on_one_film_of_each_patient(data_sets, tmp_path):
    results = tmp_path / "results"
    heterogeneity.main([str(data_sets), "--image-encoder", "pca", "-k", "3", "--results", str(results)])
    summary = json.loads((results / "heterogeneity.json").read_text())
    rows = {row["policy"]: row for row in summary["policies"]}
    assert list(rows) == ["nearest", "diverse", "cluster", "random"]
    assert summary["n_targets"] == summary["n_films"] / 2
    assert rows["nearest"]["distance"] == min(row["distance"] for row in rows.values())
    assert rows["diverse"]["entropy_bits"] > rows["nearest"]["entropy_bits"]
    assert abs(rows["random"]["lift"]) < 0.15 < rows["nearest"]["lift"]
    assert "| nearest | " in (results / "heterogeneity.md").read_text()


def test_measures_of_a_policy_are_those_of_loops(data_sets):
    from encoder_films import MAIN, read_labelled

    films = read_labelled(data_sets, MAIN)
    rng = np.random.default_rng(0)
    targets = heterogeneity.one_film_each(films, 0)
    assert films["patient_id"].iloc[targets].is_unique and len(targets) == films["patient_id"].nunique()
    hits = np.stack([rng.choice(np.setdiff1d(np.arange(len(films)), [t]), 3, replace=False) for t in targets])
    row, points = heterogeneity.measure(films, targets, hits, rng.random(hits.shape))
    labels = films["findings"].str[0]
    same = [labels[j] == labels[i] for i, found in zip(targets, hits, strict=True) for j in found]
    assert row["overlap"] == pytest.approx(np.mean(same))
    counts = labels.iloc[hits[0]].value_counts().to_numpy()[None]
    assert points[0, 1] == pytest.approx(finding_entropy(counts)[0])
