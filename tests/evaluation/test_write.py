from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cxrneighbors import leftovers
from cxrneighbors.evaluation import make_baselines, report_page
from cxrneighbors.evaluation import write as write_module
from cxrneighbors.evaluation.evaluate import evaluate_overlap
from cxrneighbors.evaluation.examples import choose_examples
from cxrneighbors.evaluation.figures.cases import cases
from cxrneighbors.evaluation.figures.figure5 import draw_figure5, figure5_table
from cxrneighbors.evaluation.figures.table1 import table1
from cxrneighbors.evaluation.films import Films
from cxrneighbors.evaluation.graph import Graph
from cxrneighbors.evaluation.question import Question
from cxrneighbors.evaluation.score_table import score_targets
from cxrneighbors.evaluation.wording import neighbours_line, summary_lines
from cxrneighbors.figures import WIDTHS

from .fake_index import FakeIndex, make_studies, random_findings

N = 40
QUICK = {"n_permutations": 49}
EVIL = "<script>alert('x')</script> & \"Mass\""


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    rng = np.random.default_rng(0)
    findings = random_findings(rng, N)
    findings[3] = [EVIL]
    path = tmp_path_factory.mktemp("films") / "film.png"
    Image.fromarray(rng.integers(0, 255, (40, 30), dtype=np.uint8)).save(path)
    broken = path.with_name("broken.png")
    broken.write_bytes(b"")
    paths = [str(path), str(broken), None, "/nowhere/film.png"] * (N // 4)
    reports = [f"Findings: {EVIL} number {row // 2}." for row in range(N)]
    studies = make_studies(
        findings,
        patients=np.arange(N) // 2,
        views=rng.choice(["PA", "AP"], N),
        path=paths,
        report=reports,
        study_id=[f"s{row // 2}" for row in range(N)],
        dataset=[EVIL] * N,
    )
    return FakeIndex(studies, rng.normal(size=(N, 3)), rng.normal(size=(N // 2, 3))[np.arange(N) // 2])


@pytest.fixture(scope="module")
def result(index):
    return evaluate_overlap(index, methods=make_baselines(index, ("random",)), **QUICK)


def write_evaluation(*given, **options):
    """Without the figures for print, which take seconds."""
    return write_module.write_evaluation(*given, **{"print_figures": False} | options)


@pytest.fixture(scope="module")
def written(result, tmp_path_factory):
    return {path.name: path for path in write_evaluation(result, tmp_path_factory.mktemp("out"))}


def test_all_files_are_written_and_each_figure_for_print_with_its_numbers(result, tmp_path):
    paths = {path.name: path for path in write_evaluation(result, tmp_path / "out", print_figures=True)}
    assert tuple(paths) == write_module.FILES
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted([*paths, "manifest.json"])
    assert json.loads(paths["overlap.json"].read_text(encoding="utf-8")) == result.summary
    pd.testing.assert_frame_equal(
        pd.read_parquet(paths["neighbors.parquet"]), result.neighbors, check_dtype=False
    )
    for name in ("figure4.png", "figure5.png"):
        assert Image.open(paths[name]).format == "PNG"
    assert pd.read_csv(paths["table1.csv"]).shape == table1(result).shape
    stems = ["figure5", *(f"figure4-{method}" for method in ("image", "report", "fused"))]
    names = {f"{stem}-{width}.{kind}" for stem in stems for width in WIDTHS for kind in ("png", "svg")}
    figures = {path.name: path for path in paths["figures"].iterdir()}
    assert set(figures) == names | {f"{stem}.csv" for stem in stems}
    numbers = pd.read_csv(figures["figure5.csv"])
    for method, part in numbers.groupby("method"):
        row = result.summary["methods"][method]
        assert part["targets"].tolist() == row["histogram"]
        assert part["targets_at_random"].tolist() == pytest.approx(row["random_histogram"], rel=1e-5)
    films = pd.read_csv(figures["figure4-fused.csv"])
    assert films["image_id"].tolist() == [
        film.image_id for case in cases(result, "fused") for film in case.films
    ]


def test_a_picture_that_fails_leaves_the_numbers_in_an_unfinished_folder(result, tmp_path, monkeypatch):
    def fail(*_):
        raise RuntimeError("no ink")

    write_evaluation(result, tmp_path / "twice")  # an older result, whose pictures are not the new one's
    with monkeypatch.context() as patched:
        patched.setattr(write_module, "render_page", fail)
        for folder in (tmp_path / "once", tmp_path / "twice"):
            with pytest.raises(RuntimeError, match="no ink"):
                write_evaluation(result, folder)
            names = {path.name for path in folder.iterdir()}
            assert names == {*write_module.NUMBERS, "manifest.json"}
            assert json.loads((folder / "overlap.json").read_text(encoding="utf-8")) == result.summary
            assert not json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["complete"]
    write_evaluation(result, tmp_path / "once")
    assert write_module.EVALUATION.read(tmp_path / "once")["complete"]


def test_numbers_that_fail_leave_the_older_result(result, tmp_path, monkeypatch):
    write_evaluation(result, tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def fail(*_):
        raise RuntimeError("disk full")

    monkeypatch.setattr(write_module, "csv_text", fail)
    with pytest.raises(RuntimeError, match="disk full"):
        write_evaluation(result, tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_other_files_stay_and_an_old_table_goes(result, index, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    write_evaluation(result, tmp_path)
    images_only = FakeIndex(index.studies, index.vectors["image"])
    written = write_evaluation(evaluate_overlap(images_only, **QUICK), tmp_path)
    assert "table1.csv" not in {path.name for path in written}
    assert not (tmp_path / "table1.csv").exists() and (tmp_path / "notes.txt").read_text() == "mine"
    assert len(written) == len(write_module.FILES) - 2


def test_what_a_killed_run_left_goes(result, tmp_path, monkeypatch):
    write_evaluation(result, tmp_path)
    before = sorted(path.name for path in tmp_path.iterdir())
    for name in (".evaluation.tmp-abcdefgh", ".evaluation.old-notes"):
        (tmp_path / name).mkdir()
    (tmp_path / ".evaluation.tmp-abcdefgh" / "overlap.json").write_text("half")
    monkeypatch.setattr(leftovers, "FRESH", -1.0)
    write_evaluation(result, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".evaluation.old-notes", *before]


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.sources, self.texts, self.open = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.sources += [value for name, value in attrs if name in ("src", "href", "srcset")]
        if tag not in ("meta", "img", "br", "source"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def test_page_is_self_contained_escaped_and_well_formed(result, written):
    html = written["report.html"].read_text(encoding="utf-8")
    page = Page(html)
    assert not page.open and page.tags.count("script") == 1 and "link" not in page.tags
    assert all(source.startswith(("data:image/", "#")) for source in page.sources)
    assert not re.search(r"https?://", html) and len(html) < 5e6
    text = " ".join(page.texts)
    assert EVIL in text and "Limits" in text and "number" in text and "How to cite" in text
    row = result.summary["methods"]["image"]
    assert f"{100 * row['mean_overlap']:.1f}\u00a0%" in text
    for method in ("image", "report", "fused"):
        for case in cases(result, method):
            for film in case.films:
                assert film.image_id in page.texts


def test_the_sentence_comes_first_then_films_then_figure_and_tables(written):
    html = written["report.html"].read_text(encoding="utf-8")
    order = [
        'class="headline"',
        'id="films"',
        "<img",
        'id="figure5"',
        "image/svg",
        "<table",
        'id="method"',
        'id="cite"',
    ]
    places = [html.index(mark) for mark in order]
    assert places == sorted(places)


def test_the_page_stays_below_5_mb_with_the_hardest_films(tmp_path):
    """18 films of pure noise a method: no film is harder for a JPEG."""
    rng = np.random.default_rng(0)
    paths = []
    for number in range(18):
        paths.append(str(tmp_path / f"{number}.png"))
        Image.fromarray(rng.integers(0, 255, (320, 320), dtype=np.uint8)).save(paths[-1])
    studies = make_studies(random_findings(rng, 18), np.arange(18), path=paths, report="Same.")
    vectors = rng.normal(size=(2, 18, 3))
    index = FakeIndex(studies, *vectors)
    written = write_evaluation(evaluate_overlap(index, **QUICK), tmp_path / "out")
    page = next(path for path in written if path.name == "report.html")
    assert page.read_text(encoding="utf-8").count("data:image/jpeg") == 3 * 18
    assert page.stat().st_size < 5e6


def test_a_reason_stands_wherever_interval_and_p_seem_to_disagree(result, tmp_path):
    summary = json.loads(json.dumps(result.summary))
    odd = {"lift": 0.03, "lift_ci95": [0.01, 0.05], "p_value": 0.02, "p_value_adjusted": 0.3}
    summary["methods"]["image"] |= odd
    summary["methods"]["image"]["per_finding"][0] |= odd
    summary["methods"]["image"]["per_view"][0] |= odd | {"lift_ci95": [-0.01, 0.05], "p_value_adjusted": 0.01}
    pair = {"difference_ci95": [0.01, 0.05], "p_value": 0.02, "p_value_adjusted": 0.3}
    summary["comparisons"][0] |= pair
    write_evaluation(replace(result, summary=summary), tmp_path)
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert html.count("0.30 †") == 3 and html.count("0.010 †") >= 1
    assert html.count("is after Holm&#39;s correction") >= 4  # the headline and three lists
    assert "rests on few patients" in html


def test_headline_in_plain_words():
    row = {"mean_overlap": 0.461, "random_overlap": 0.352, "lift": 0.109, "p_value": 0.0001}
    row |= {"lift_ci95": [0.08, 0.13], "p_value_adjusted": 0.25, "null_mean_lift": 0.031}
    row["tests"] = {"permutation": {"unit": "patient"}}
    summary = {"k": 5, "definition": "any", "methods": {"image": row}}
    assert report_page.headline(summary, "image").replace("\u00a0", " ") == (
        "Of the 5 nearest neighbours by image, 46.1 % share a finding with the target; random neighbours: "
        "35.2 %; lift +10.9 points (95 % CI +8.0 to +13.0), corrected p = 0.25. "
        "Findings exchanged between patients with equally many images leave +3.1 points."
    )


@pytest.mark.parametrize(
    ("p", "view", "full", "words"),
    [
        (0.3, 0.3, 0.3, "could not be shown"),
        (0.001, 0.001, 0.001, "remains against random images of the same view, and"),
        (0.001, 0.4, 0.4, "may share the view rather than the disease"),
        (
            0.001,
            0.01,
            0.4,
            "same view; against random images of the same view, sex and age band it could not",
        ),
        (0.001, None, 0.01, "of the same view, sex and age band; against random images of the same view it"),
    ],
)
def test_verdict(p, view, full, words):
    """The words rest on the corrected p-values alone: the uncorrected ones are all tiny here."""
    tests = {"view": view, "view-sex-age": full}
    matched = {
        name: {"p_value": 0.0001, "p_value_adjusted": adjusted, "lift": 0.1}
        for name, adjusted in tests.items()
    }
    row = {"p_value": 0.0001, "p_value_adjusted": p, "lift": 0.1, "tests": {"matched": matched}}
    assert words in report_page.verdict({"methods": {"image": row}}, "image")


def test_every_definition_draws_and_renders(index, tmp_path):
    for definition in ("any-disease", "jaccard", "exact"):
        result = evaluate_overlap(index, k=7, definition=definition, include_same_patient=True, **QUICK)
        write_evaluation(result, tmp_path / definition)
        html = (tmp_path / definition / "report.html").read_text(encoding="utf-8")
        assert "None" not in re.sub(r"<img[^>]*>", "", html) and "nan" not in Page(html).texts


def test_figure5_fills_its_width_and_shows_counts(result):
    for width, shape in ((WIDTHS["2col"], (1, 3)), (WIDTHS["1col"], (3, 1))):
        figure = draw_figure5(result, width)
        figure.draw_without_rendering()
        assert figure.get_figwidth() == width
        boxes = [axes.get_position() for axes in figure.axes]
        assert (len({round(b.y0, 3) for b in boxes}), len({round(b.x0, 3) for b in boxes})) == shape
        assert min(b.x0 for b in boxes) < 0.2 and max(b.x1 for b in boxes) > 0.93
        for axes, name in zip(figure.axes, result.main_methods(), strict=True):
            title = axes.title.get_window_extent()
            assert title.x1 <= figure.bbox.x1 and title.y1 <= figure.bbox.y1
            heights = [bar.get_height() for bar in axes.patches]
            row = result.summary["methods"][name]
            assert heights == pytest.approx([*row["histogram"], *row["random_histogram"]])
    assert len(figure5_table(result)) == 3 * 6


def test_examples_follow_the_rule():
    lift = np.array([0.2, 0.9, -0.1, 0.9, 0.2, 0.1, -0.1])
    graph = Graph(np.arange(7), np.arange(7), np.zeros((7, 1), int), np.zeros((7, 1)), 0)
    table = score_targets(graph, Films.of(make_studies([["Mass"]] * 7)), Question(1))
    frame = table.frame.assign(overlap=lift, expected=0.0, image_id=list("gfedcba"))
    picks = {row["rule"]: row["image_id"] for row in choose_examples(replace(table, frame=frame))}
    assert picks == {"highest lift": "d", "median lift": "c", "lowest lift": "a"}


def test_table1_lists_each_report_once(result):
    table = table1(result)
    studies = result.studies.set_index("image_id")
    for _, block in table.groupby("example"):
        assert block["role"].tolist() == ["original"] + ["neighbour"] * (len(block) - 1)
        assert studies.loc[block["image_id"], "study_id"].is_unique
        assert block["distance"].iloc[1:].is_monotonic_increasing
        original = set(studies.at[block["image_id"].iloc[0], "findings"])
        for _, line in block.iloc[1:].iterrows():
            shared = {name for name in line["shared_findings"].split("|") if name}
            assert shared == original & set(studies.at[line["image_id"], "findings"])
    assert table["report"].str.contains("number").all()


def test_table1_is_empty_without_reports(index):
    images_only = evaluate_overlap(FakeIndex(index.studies, index.vectors["image"]), **QUICK)
    assert len(table1(images_only)) == 0


def test_terminal_shows_corrected_p_and_what_exchange_leaves(result):
    lines = summary_lines(result.summary).splitlines()
    row = result.summary["methods"]["image"]
    image = next(line for line in lines if line.startswith("image"))
    assert image.endswith(f"{100 * row['null_mean_lift']:.1f}   {row['p_value_adjusted']:.4f}")
    assert "exchanged" in lines[0] and len({len(line) for line in lines}) == 1


def test_every_output_says_one_image_per_patient(result, index, written, tmp_path):
    assert neighbours_line(result.summary) == "5 neighbours, same patient excluded, one image per patient"
    paths = dict(written)
    assert json.loads(paths["overlap.json"].read_text(encoding="utf-8"))["one_per"] == "patient"
    html = paths["report.html"].read_text(encoding="utf-8")
    assert "at most one image of each patient" in html and "5 different patients" in html
    every = evaluate_overlap(index, one_per="image", **QUICK)
    assert neighbours_line(every.summary).endswith("every image counts")
    paths = {path.name: path for path in write_evaluation(every, tmp_path / "every")}
    html = paths["report.html"].read_text(encoding="utf-8")
    assert "at most one image of each" not in html and "Several images of one patient may be" in html


CANARY = "CANARY went home"


@pytest.mark.parametrize("named", ["mimic-cxr", "hospital"])
def test_report_text_of_mimic_is_left_out_unless_asked_for(index, tmp_path, named):
    studies = index.studies.assign(
        dataset=named,
        report=[f"{CANARY} {row // 2}, ___ years old." for row in range(N)],
        sections=[{"findings": f"{CANARY} {row // 2} ___"} for row in range(N)],
    )
    texts = index.vectors["report"]
    result = evaluate_overlap(FakeIndex(studies, index.vectors["image"], texts), **QUICK)
    write_evaluation(result, tmp_path / "hidden", print_figures=named == "hospital")
    for path in (tmp_path / "hidden").rglob("*.*"):
        assert b"CANARY" not in path.read_bytes(), path.name
    assert len(pd.read_csv(tmp_path / "hidden" / "table1.csv")) == len(table1(result))
    assert "--show-reports" in (tmp_path / "hidden" / "report.html").read_text(encoding="utf-8")
    write_evaluation(result, tmp_path / "shown", show_reports=True)
    page = (tmp_path / "shown" / "report.html").read_text(encoding="utf-8")
    assert CANARY in page and "word for word" in page
    assert pd.read_csv(tmp_path / "shown" / "table1.csv")["report"].str.contains(CANARY).all()


def test_other_reports_are_shown_and_can_be_left_out(result, written, tmp_path):
    assert pd.read_csv(written["table1.csv"])["report"].notna().all()
    write_evaluation(result, tmp_path / "hidden", show_reports=False)
    assert pd.read_csv(tmp_path / "hidden" / "table1.csv")["report"].isna().all()


def test_no_cell_of_table_1_is_a_formula(index, tmp_path):
    studies = index.studies.assign(report='=HYPERLINK("http://x")', sections=None)
    result = evaluate_overlap(FakeIndex(studies, index.vectors["image"], index.vectors["report"]), **QUICK)
    write_evaluation(result, tmp_path)
    cells = pd.read_csv(tmp_path / "table1.csv", dtype=str)["report"]
    assert (cells == '\'=HYPERLINK("http://x")').all()
