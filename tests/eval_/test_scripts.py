"""Every script: it says what it does; some run whole, at a size of seconds."""

from __future__ import annotations

import importlib
import json
import re
from pathlib import Path

import pytest

from cxrneighbors.errors import UserError

EVAL = Path(__file__).parents[2] / "eval"
SCRIPTS = [path.stem for path in sorted(EVAL.glob("*.py")) if "run(main)" in path.read_text()]


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_script_says_how_it_is_run(name, capsys):
    with pytest.raises(SystemExit) as stopped:
        importlib.import_module(name).main(["--help"])
    assert stopped.value.code == 0
    assert f"python eval/{name}.py" in capsys.readouterr().out


def test_no_script_sets_a_constant_of_another_module():
    for path in EVAL.rglob("*.py"):
        assert not re.search(r"\w\.[A-Z_]{3,}(\[[^]]*\])? = |\.[A-Z_]{3,}\.update\(", path.read_text()), path


def run(name: str, tmp_path: Path, *arguments: object) -> dict:
    """The script's only JSON."""
    results = tmp_path / "results"
    importlib.import_module(name).main([*map(str, arguments), "--results", str(results)])
    (path,) = results.glob("*.json")
    return json.loads(path.read_text())


def test_table1_scores_each_report_encoder_with_and_without_label_words(archive, tmp_path):
    summary = run("table1", tmp_path, "folder", archive, "--encoders", "tfidf", "--work", tmp_path)
    assert list(summary["encoders"]) == ["tfidf", "tfidf (label words masked)"]
    assert summary["encoders"]["tfidf"]["lift"] > 0.2
    assert f"{archive.name}-table1.json" in [p.name.split("-", 1)[1] for p in tmp_path.glob("results/*")]
    assert "| tfidf | " in next(tmp_path.glob("results/*.md")).read_text()


def test_figure5_scores_the_index_and_renews_the_table_of_all_results(archive, tmp_path):
    options = ["--image-encoder", "pca", "--report-encoder", "none", "--name", "tiny", "--work", tmp_path]
    summary = run("figure5", tmp_path, "folder", archive, *options)
    assert summary["encoders_trained_on"] == "its own train split"
    assert summary["n_training_images"] == 46
    results = tmp_path / "results"
    assert (results / "tiny-figure5.png").read_bytes() == (
        tmp_path / "tiny" / "evaluation" / "figure5.png"
    ).read_bytes()
    row = next(line for line in (results / "figure5.md").read_text().splitlines() if "| image |" in line)
    assert row.startswith("| tiny | its own train split | 44 | image | ")


def test_fusion_scores_every_method_on_outer_folds(archive, tmp_path):
    options = ["--report-encoder", "tfidf", "--folds", "3", "--unmasked", "--image-size", "24"]
    summary = run("fusion", tmp_path, "folder", archive, *options)
    (data,) = summary["data"]
    methods = data["methods"]
    assert {row["n_targets"] for row in methods.values()} == {90}
    assert methods["report alone"]["lift"] > 0.2 and methods["image alone"]["lift"] > 0.2
    for name, row in methods.items():
        folds = [(fold["n_targets"], fold["lifts"][name]) for fold in data["folds"]]
        assert sum(n * lift for n, lift in folds) / 90 == pytest.approx(row["lift"])
    assert all(fold["chosen_on"]["n_films"] == 90 - fold["n_targets"] for fold in data["folds"])
    results = tmp_path / "results"
    assert (results / "fusion-folder.png").is_file() and "| fused auto | " in (
        results / "fusion-folder.md"
    ).read_text()


def test_views_scores_an_index_by_view_and_context(archive, tmp_path):
    options = ["--image-encoder", "pca", "--report-encoder", "none", "-k", "2", "--work", tmp_path]
    summary = run("views", tmp_path, "folder", archive, *options, "--name", "tiny")
    assert {row["condition"] for row in summary["results"]} >= {"any view", "same view", "other views"}
    same = [row for row in summary["results"] if row["condition"] == "same view"]
    assert {row["same_view"] for row in same} == {1.0}
    assert "| image | any view | all | " in (tmp_path / "results" / "views-tiny.md").read_text()


def test_search_benchmark_leaves_the_index_as_it_was(tmp_path, monkeypatch):
    import search_benchmark

    monkeypatch.setattr(search_benchmark, "QUERIES", 64)
    monkeypatch.setattr(search_benchmark, "REPEATS", 1)
    summary = run("search_benchmark", tmp_path, "--rows", 2500)
    assert [row["spread"] for row in summary["results"]] == ["equal", "falling"]
    assert summary["results"][0]["filters"]["none"]["graph_recall"] > 0.9
    index, _ = search_benchmark.make_index(2500, search_benchmark.SPREADS["falling"], 0)
    before = index.store.exact_rows, dict(index.store.rows_per_effort)
    search_benchmark.compare(index, None, search_benchmark.np.arange(64))
    assert (index.store.exact_rows, index.store.rows_per_effort) == before


def test_sections_are_found_where_they_are_known(tmp_path, shared_data):
    rows = run("sections", tmp_path, shared_data / "openi", "--reports", 300)["rows"]
    assert [row["n"] for row in rows] == [2719, 300, 300]
    assert max(row["unplaced"] for row in rows) < 0.01 and max(row["misplaced"] for row in rows) < 0.01


def test_mimic_scale_counts_what_it_wrote(tmp_path):
    summary = run("mimic_scale", tmp_path, "--images", 400)
    assert summary["images"] == 400 and summary["skipped"] == 0 and summary["within_limits"]


def test_mimic_reports_reads_labels_and_embeds_what_it_wrote(tmp_path):
    summary = run("mimic_reports", tmp_path, "--sizes", 80, "--minilm", 0, "--work", tmp_path / "work")
    (row,) = summary["sizes"]
    assert row["reports"] == sum(row["read_by"].values()) == 80 and row["labels"] > 80
    assert row["peak_mb"] >= row["resident_mb"]["quarter 4"] > 0 and summary["minilm"] is None
    assert set(row["per_cpu_second"]) == {"read", "parsed", "labelled", "embedded"}


def test_a_missing_data_set_is_a_mistake_in_one_line(tmp_path):
    with pytest.raises(UserError, match="nowhere"):
        run("labeler", tmp_path, tmp_path / "nowhere")


def test_contrast_compares_choices_on_val_and_controls_on_test(tmp_path):
    options = [
        "--patients",
        40,
        "--image-size",
        48,
        "--epochs",
        1,
        "--targets",
        2,
        "--calls",
        25,
        "--seeds",
        2,
    ]
    options += ["--min-score", 0, "--segmentations", "slic", "--rows", "as it is", "2 donors", "feather 1"]
    summary = run("contrast", tmp_path, *options, "--work", tmp_path)
    choices, controls = summary["choices"], summary["controls"]
    assert [line["row"] for line in choices["rows"]] == ["as it is", "2 donors", "feather 1"]
    assert {line["calls"] for line in choices["rows"]} == {25} and choices["n_targets"] == 2
    titles = [line["row"] for line in controls["rows"]]
    assert titles[:2] == ["Contrast-LIME", "LIME, grey"] and "difference to donors alone" in titles
    assert {line["calls"] for line in controls["rows"]} == {25, None}
    assert all(0 <= line["pointing"] <= 1 and 0 <= line["energy"] <= 1 for line in controls["rows"])
    assert "on validation patients" in next(tmp_path.glob("results/*.md")).read_text()


def test_explorer_speed_asks_real_rows(tmp_path):
    table = ["Image Index,Patient ID,View Position,Patient Sex,Patient Age,Finding Labels"]
    table += [f"{i:03d}.png,{i // 2},{'PA' if i % 3 else 'AP'},F,{i},Mass|Nodule" for i in range(120)]
    (tmp_path / "Data_Entry_2017_v2020.csv").write_text("\n".join(table))
    summary = run("explorer_speed", tmp_path, tmp_path, "--queries", 3)
    assert summary["n_films"] == 120 and list(summary["seconds"]) == ["8", "12", "24", "48"]
    assert all(0 < row["median"] <= row["most"] for row in summary["seconds"].values())


def test_negation_scores_by_hand_made_triples(archive, tmp_path):
    summary = run("negation", tmp_path, "folder", archive, "--encoders", "tfidf", "findings")
    words, findings = summary["encoders"]
    assert words["held-back"]["all"] < 0.1 and findings["development"]["negation"] > 0.7


def test_masking_says_what_words_are_left(tmp_path):
    rows = ["image_id,patient_id,report,findings"]
    said = {"Mass": "There is a mass.", "": "The lungs are clear."}
    for i in range(60):
        name = "Mass" if i % 2 else ""
        rows.append(f"i{i},p{i},{said[name]} Zorbly {'quux' if i % 2 else 'flim'}.,{name or 'No Finding'}")
    (tmp_path / "studies.csv").write_text("\n".join(rows))
    summary = run("masking", tmp_path, "folder", tmp_path, "--name", "made", "--least", 10)
    auc = summary["auc"]["Mass"]
    assert auc["none"] > 0.99 and auc["words"] > 0.99 and auc["sentences"] > 0.99  # 'quux' tells
    assert summary["text_left"]["none"] == 1 > summary["text_left"]["sentences"]


def test_view_classifier_is_scored_on_other_patients(archive, tmp_path):
    options = ["--epochs", 1, "--image-size", 32, "--name", "tiny", "--work", tmp_path]
    summary = run("view_classifier", tmp_path, "folder", archive, *options)
    everything, *views = summary["views"]
    assert everything["n_films"] == sum(row["n_films"] for row in views) > 0
    right = sum(row["accuracy"] * row["n_films"] for row in views) / everything["n_films"]
    assert everything["accuracy"] == pytest.approx(right)
