from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cxrneighbors.classifiers.four_classes import FOUR_CLASSES
from cxrneighbors.figures import WIDTHS
from table2_page import NAMES, answers, figure_set, page, show_films, write_page

RESULT = Path(__file__).parents[2] / "eval" / "results" / "table2.json"


@pytest.fixture(scope="module")
def summary():
    """The committed result, of two networks, which is quicker."""
    whole = json.loads(RESULT.read_text(encoding="utf-8"))
    kept = list(whole["models"])[:2]
    pairs = [row for row in whole["mcnemar"] if row["a"] in kept and row["b"] in kept]
    return whole | {"models": {name: whole["models"][name] for name in kept}, "mcnemar": pairs}


@pytest.fixture(scope="module")
def films():
    rng = np.random.default_rng(0)
    targets = np.arange(12) % 4
    correct = {"alexnet": targets > 1, "resnet101v2": np.ones(12, dtype=bool)}
    sources = np.array(["<b>A</b>", "B"] * 6)
    return show_films(rng.random((12, 1, 32, 32)), targets, sources, correct)


def test_the_best_network_comes_first_and_whom_it_beats(summary):
    first, second = answers(summary)
    best = max(summary["models"], key=lambda name: summary["models"][name]["accuracy"])
    assert first.startswith(f"{NAMES[best]} names the class of")
    assert f"{100 * summary['models'][best]['accuracy']:.1f}" in first and "told apart from" in first
    by_source, blind = summary["source_accuracy_test"]
    assert f"{100 * by_source:.1f}" in second and f"{100 * blind:.1f}" in second


def test_films_are_shown_by_class_with_the_networks_that_are_right(films):
    assert [film.label for film in films] == [label for label in FOUR_CLASSES for _ in range(3)]
    assert {film.right for film in films[:6]} == {("ResNet101V2",)}
    assert {film.right for film in films[6:]} == {("AlexNet", "ResNet101V2")}


def test_page_and_figures_lie_in_one_folder(summary, films, tmp_path):
    figures = figure_set(summary)
    path = write_page(tmp_path, summary, figures, films)
    stems = ["confusion-alexnet", "confusion-resnet101v2", "reliability"]
    wanted = {f"{stem}-{width}.{kind}" for stem in stems for width in WIDTHS for kind in ("png", "svg")}
    wanted |= {f"{stem}.csv" for stem in stems}
    assert {each.name for each in (tmp_path / "figures").iterdir()} == wanted
    matrix = pd.read_csv(tmp_path / "figures" / "confusion-alexnet.csv").drop(columns="true")
    assert matrix.to_numpy().tolist() == summary["models"]["alexnet"]["confusion"]
    html = path.read_text(encoding="utf-8")
    assert html.count("data:image/jpeg") == len(films) and "<b>A</b>" not in html
    assert len(html) < 5e6 and "https:" not in html and "How to cite" in html
    assert html.index("headline") < html.index("data:image/jpeg") < html.index("<table")


def test_a_page_needs_no_films(summary):
    assert "data:image/jpeg" not in page(summary, figure_set(summary))
