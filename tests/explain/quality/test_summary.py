"""Means, intervals and tests on records made by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from cxrneighbors.explain.quality.figure import draw_benchmark, label_of
from cxrneighbors.explain.quality.metrics import METRICS
from cxrneighbors.explain.quality.summary import (
    compare,
    paired_tests,
    records_table,
    sentences,
    summarise,
)
from cxrneighbors.explain.quality.tables import markdown_tables
from cxrneighbors.figures import WIDTHS, to_png

N = 12
COMPUTED = ("across", "sanity", "fill_rank")
LIFT = {"random": -0.3, "lime": 0.0, "alime": 0.001, "kp-lime": 0.2}


def record(number: int, method: str, segmentation: str) -> dict:
    """Target `number` of patient `number // 2`; a method adds its lift to every measure."""
    base = 0.4 + 0.02 * number + LIFT[method]
    noise = np.random.default_rng([number, len(method)]).normal(0, 0.01)
    values = {metric.name: base + noise for metric in METRICS if metric.name not in COMPUTED}
    return {
        "image_id": f"i{number}",
        "finding": "Mass",
        "patient": f"p{number // 2}",
        "method": method,
        "segmentation": segmentation,
        **values,
        "sanity": None if number else 0.25,
        "fidelity": None if method == "random" else 0.5,
        "map": [[number, 1.0], [0.0, 2.0 if segmentation == "slic" else 5.0]],
        "weights": [0.1, 0.2],
    }


@pytest.fixture(scope="module")
def table():
    return records_table([record(n, m, s) for s in ("quickshift", "slic") for n in range(N) for m in LIFT])


def test_across_is_the_correlation_of_maps_in_other_segmentations(table):
    expected = np.corrcoef([3, 1, 0, 5], [3, 1, 0, 2])[0, 1]
    assert table[table["image_id"] == "i3"]["across"].to_numpy() == pytest.approx(expected)
    alone = records_table([record(0, "lime", "slic")])
    assert alone["across"].isna().all()


def test_fill_rank_is_the_rank_correlation_of_weights_under_other_fills():
    weights = {"lime:fill=mean": [1.0, 2, 3, 4], "lime": [1.0, 2, 4, 3], "lime:fill=blur": [4.0, 3, 2, 1]}
    rows = [record(0, "lime", "slic") | {"method": name, "weights": w} for name, w in weights.items()]
    more = [rows[0] | {"method": "lime:fill=mean:masks=9"}, rows[0] | {"method": "rise"}]
    found = records_table([*rows, *more]).set_index("method")["fill_rank"]
    rho = {(a, b): stats.spearmanr(weights[a], weights[b])[0] for a in weights for b in weights}
    for name in weights:
        assert found[name] == pytest.approx(np.mean([rho[name, other] for other in weights if other != name]))
    assert found.iloc[3:].isna().all()


def test_summary_gives_means_intervals_and_counts(table):
    summary = summarise(table)
    row = summary[(summary["method"] == "lime") & (summary["metric"] == "iou")].iloc[0]
    part = table[(table["method"] == "lime") & (table["segmentation"] == "quickshift")]
    assert row["mean"] == pytest.approx(part["iou"].mean()) and row["low"] < row["mean"] < row["high"]
    assert (row["n_targets"], row["n_patients"]) == (N, N // 2)
    sanity = summary[(summary["method"] == "lime") & (summary["metric"] == "sanity")].iloc[0]
    assert (sanity["mean"], sanity["n_targets"]) == (0.25, 1)


def test_paired_tests_take_patients_as_units_and_correct_over_pairs(table):
    pairs = paired_tests(table)
    iou = pairs[(pairs["metric"] == "iou") & (pairs["segmentation"] == "slic")]
    assert len(iou) == 6 and set(iou["n_patients"]) == {N // 2}
    difference, p = compare(pairs, "slic", "iou", "kp-lime", "lime")
    assert difference == pytest.approx(0.2, abs=0.02)
    assert compare(pairs, "slic", "iou", "lime", "kp-lime") == (-difference, p)
    row = iou[(iou["first"] == "kp-lime") & (iou["second"] == "lime")].iloc[0]
    part = table[table["segmentation"] == "slic"].pivot(
        index=["patient", "image_id"], columns="method", values="iou"
    )
    by_patient = (part["kp-lime"] - part["lime"]).groupby("patient").mean()
    theirs = stats.ttest_1samp(by_patient, 0)  # every patient has two targets
    interval = theirs.confidence_interval()
    # The few-patient correction widens Student's interval by sqrt(6 / 5), and little more.
    half = (row["high"] - row["low"]) / (interval.high - interval.low)
    assert half == pytest.approx(np.sqrt(6 / 5), rel=0.15) and half > 1
    assert row["p"] < 1e-4 and row["p"] <= p <= 6 * row["p"]
    assert np.isnan(compare(pairs, "slic", "fidelity", "kp-lime", "lime")).all()


def test_sentences_say_who_wins_and_who_is_not_told_apart(table):
    summary, pairs = summarise(table), paired_tests(table)
    pairs["p_holm"] = pairs["p"]  # the marks are what is tested here, not the correction
    text = next(line for line in sentences(summary, pairs) if line.startswith("slic, IoU"))
    assert "KP-LIME" in text and "better than" in text and "random segments" not in text
    pairs["p_holm"] = 1.0
    text = next(line for line in sentences(summary, pairs) if line.startswith("slic, IoU"))
    assert "no significant difference" in text and "not told apart from random segments" in text


def test_table_marks_best_and_differences_to_lime(table):
    summary, pairs = summarise(table), paired_tests(table)
    pairs["p_holm"] = pairs["p"]
    lines = markdown_tables(summary, pairs).splitlines()
    header = next(line for line in lines if line.startswith("| method")).split(" | ")
    kp = next(line for line in lines if line.startswith("| KP-LIME")).split(" | ")
    iou, deletion = header.index("IoU, top segments ↑"), header.index("Deletion AUC ↓")
    assert kp[iou].startswith("**") and kp[iou].endswith("▲") and kp[deletion].endswith("▼")


def test_figure_is_a_picture_also_without_lesions_and_with_one_segmentation(table):
    summary, pairs = summarise(table), paired_tests(table)
    for width in WIDTHS.values():
        figure = draw_benchmark(summary, pairs, width)
        assert to_png(figure).startswith(b"\x89PNG") and figure.get_figwidth() == width
        titles = [axes.title for axes in figure.axes if axes.axison] + figure.legends[0].get_texts()
        assert all(text.get_window_extent().x1 <= figure.bbox.x1 + 1 for text in titles)
    few = summary[
        (summary["segmentation"] == "slic") & ~summary["metric"].isin(["pointing", "iou", "energy", "across"])
    ]
    assert to_png(draw_benchmark(few, pairs)).startswith(b"\x89PNG")


def test_titles_and_long_names_of_methods_lie_beside_each_other(table):
    names = {"kp-lime": "contrast-lime:counterfactual=false:design=soft:donors=no-finding:grid=9"}
    table = table.assign(method=table["method"].replace(names))
    figure = draw_benchmark(summarise(table), paired_tests(table))
    to_png(figure)
    boxes = [axes.title.get_window_extent() for axes in figure.axes if axes.axison]
    boxes += [text.get_window_extent() for text in figure.axes[0].get_yticklabels()]
    overlap = [a for i, a in enumerate(boxes) for b in boxes[:i] if a.overlaps(b)]
    assert len(boxes) > 10 and not overlap
    label = label_of(names["kp-lime"])
    assert label == "Contrast-LIME, design=soft,\ndonors=no-finding, grid=9"


def test_the_result_says_itself_in_few_words(table):
    from cxrneighbors.explain.quality.evaluate import BenchmarkResult

    result = BenchmarkResult(table, summarise(table), paired_tests(table))
    methods, targets = table["method"].nunique(), len(table.drop_duplicates(["image_id", "finding"]))
    counts = f"{targets} targets of {table['patient'].nunique()} patients"
    segmentations = table["segmentation"].nunique()
    assert repr(result) == f"<BenchmarkResult: {methods} methods, {segmentations} segmentations, {counts}>"
    html = result._repr_html_()
    assert html.count("<tr>") == segmentations * (methods + 1) and "**" not in html and len(html) < 12000
    assert result.show().body.startswith('<img class="panel"')
