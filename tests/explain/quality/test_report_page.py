from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from cxrneighbors.explain.colours import LESION
from cxrneighbors.explain.page import outlined
from cxrneighbors.explain.quality.evaluate import BenchmarkResult, evaluate_explanations
from cxrneighbors.explain.quality.examples import SHOWN, Example
from cxrneighbors.explain.quality.report_page import render_page
from cxrneighbors.explain.quality.settings import BenchmarkSettings
from cxrneighbors.explain.quality.summary import paired_tests, records_table, summarise

from .test_summary import N, record

SVG = (b"<svg/>", b"<svg/>")
EVIL = "<script>alert('x')</script>"


@pytest.fixture(scope="module")
def made():
    """A result of records made by hand, with a film whose name is markup."""
    table = records_table(
        [
            record(n, m, s)
            for s in ("quickshift", "slic")
            for m in ("random", "lime", "alime", "kp-lime")
            for n in range(N)
        ]
    ).assign(prediction=0.8, best_iou=0.5, n_segments=20, lesion_share=0.1)
    film = np.zeros((8, 8, 3))
    example = Example(EVIL, "Pleural_Thickening", 0.81, film, {"lime": film, "kp-lime": film})
    return BenchmarkResult(table, summarise(table), paired_tests(table), [example], {"n_masks": 100})


@pytest.fixture(scope="module")
def html(made):
    return render_page(made.to_json(), made.examples, made.settings, SVG)


def test_the_answers_come_first_then_films_figure_and_tables(html):
    order = ["headline", 'id="films"', "data:image/jpeg", 'id="figure"', "image/svg", "<table", 'id="method"']
    places = [html.index(mark) for mark in order]
    assert places == sorted(places) and "How to cite" in html and len(html) < 5e6
    assert EVIL not in html and "&lt;script&gt;alert" in html and "Pleural Thickening" in html


def test_the_best_method_is_named_with_its_number_and_whom_it_beats(made, html):
    rows = made.summary.set_index(["segmentation", "metric", "method"])
    best = rows.loc[("quickshift", "pointing")]["mean"].drop("random").idxmax()
    assert best == "kp-lime"
    mean = rows.loc[("quickshift", "pointing", best), "mean"]
    assert f"Of KP-LIME&#39;s strongest area, {100 * mean:.1f}\u00a0% lies on the finding" in html
    assert "Better than " in html and "Not told apart from" not in html.split("</div>")[0]


def test_each_table_has_every_method_and_measure(made, html):
    for segmentation in ("quickshift", "slic"):
        part = made.summary[made.summary["segmentation"] == segmentation]
        table = html.split(f'aria-label="Measures, {segmentation}"')[1].split("</table>")[0]
        assert table.count("<tr") == 1 + part["method"].nunique()
        for mean in part.loc[part["metric"] == "iou", "mean"]:
            assert f">{mean:.3f}" in table


def test_a_difference_that_only_the_correction_hides_is_marked(made):
    odd = made.pairs.assign(p=0.02, p_holm=0.3, low=0.01, high=0.1)
    html = render_page(BenchmarkResult(made.table, made.summary, odd).to_json(), (), {}, SVG)
    assert "0.30 †" in html and "corrected by Holm" in html and 'id="films"' not in html


def test_a_lesion_is_outlined_on_both_sides_of_its_edge():
    picture, area = np.full((30, 30, 3), 0.5), np.zeros((30, 30), dtype=bool)
    area[10:20, 10:20] = True
    drawn = outlined(picture, area)
    assert drawn[10, 12] == pytest.approx(LESION) and (drawn[9, 12] == 0).all()
    assert (drawn[15, 15] == 0.5).all() and (drawn[0, 0] == 0.5).all()
    assert outlined(picture, np.zeros_like(area)) is picture


def test_films_of_the_page_are_the_first_targets_with_every_method(world, regions, seeing, tmp_path):
    settings = BenchmarkSettings(k=2, n_masks=10, seeds=1, n_held_out=10, n_sanity=0, n_donors=0)
    options = {"methods": ["lime"], "segmentations": ("slic",), "settings": settings, "device": "cpu"}
    found = evaluate_explanations(
        seeing, world.index, tmp_path, n_targets=SHOWN + 1, regions=regions, **options
    )
    first = found.table[found.table["method"] == "lime"]["image_id"].tolist()[:SHOWN]
    assert [example.image_id for example in found.examples] == first
    assert all(set(example.maps) == {"random", "lime", "lime-equal-cost"} for example in found.examples)
    for example in found.examples:
        assert np.isclose(example.film, LESION, atol=1e-6).all(-1).any() and example.film.shape[0] >= 192
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert page.count("data:image/jpeg") == 4 * SHOWN and "research use only" in page
    assert pd.read_csv(tmp_path / "figures" / "benchmark.csv").shape == found.summary.shape
    assert json.loads((tmp_path / "benchmark.json").read_text())["n_targets"] == SHOWN + 1
