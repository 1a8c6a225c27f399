from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from cxrneighbors.evaluation.evaluate import evaluate_overlap
from cxrneighbors.evaluation.figures.cases import PIXELS, cases, cases_table, read_picture
from cxrneighbors.evaluation.figures.figure4 import draw_figure4
from cxrneighbors.figures import WIDTHS, figure_files

from ..fake_index import FakeIndex, make_studies, random_findings

N = 24
MARKED = "<b>Mass</b> $x_1$ 50 %"


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    rng = np.random.default_rng(1)
    path = tmp_path_factory.mktemp("films") / "film.png"
    Image.fromarray(rng.integers(0, 255, (40, 30), dtype=np.uint8)).save(path)
    broken = path.with_name("broken.png")
    broken.write_bytes(b"")
    findings = [[*names, MARKED] if row % 2 else names for row, names in enumerate(random_findings(rng, N))]
    studies = make_studies(
        findings,
        np.arange(N),
        path=[str(path), str(broken), None, "/nowhere.png"] * (N // 4),
        image_id=[f"${row:02d}$_" + "long-" * (row % 20) for row in range(N)],
    )
    reports = rng.normal(size=(N, 3))
    reports[:6] = np.nan
    return evaluate_overlap(FakeIndex(studies, rng.normal(size=(N, 3)), reports), n_permutations=49)


def test_each_method_shows_its_own_neighbours_with_what_the_table_says_of_them(result):
    studies = result.studies.set_index("image_id")
    for method in ("image", "report", "fused"):
        table = result.neighbors[result.neighbors["method"] == method]
        shown = cases(result, method)
        assert [case.rule for case in shown] == [example["rule"] for example in result.examples[method]]
        for case, example in zip(shown, result.examples[method], strict=True):
            target, *others = case.films
            assert target.image_id == example["image_id"] and target.rank == 0 and not target.distance_text
            assert {name for name, _ in target.findings} == set(studies.at[target.image_id, "findings"])
            hits = table[table["query_id"] == target.image_id].sort_values("rank")
            assert [film.image_id for film in others] == hits["neighbor_id"].tolist()
            assert [film.distance for film in others] == pytest.approx(hits["distance"])
            wanted = set(studies.at[target.image_id, "findings"])
            for film, (_, hit) in zip(others, hits.iterrows(), strict=True):
                has = studies.at[film.image_id, "findings"]
                assert {name for name, _ in film.findings} == set(has)
                assert {name for name, shared in film.findings if shared} == set(has) & wanted
                for part in ("image", "report"):
                    known = part != method and hit[f"{part}_distance"] >= 0
                    assert (part in dict(film.parts)) == known
            shared = np.mean([any(both for _, both in film.findings) for film in others])
            assert case.overlap == pytest.approx(shared)


def test_films_that_cannot_be_read_are_none(result):
    found = [read_picture(path) for path in result.studies["path"][:4]]
    assert found[0].shape == (PIXELS, PIXELS) and found[1:] == [None] * 3


def test_the_table_has_a_row_a_film(result):
    shown = cases(result, "image")
    table = cases_table(shown)
    assert len(table) == 6 * len(shown) and (table["role"] == "target").sum() == len(shown)
    assert table.loc[table["role"] == "target", "distance"].isna().all()
    assert table["findings"].str.contains(MARKED, regex=False).any()


@pytest.mark.parametrize("width", WIDTHS.values())
@pytest.mark.parametrize("method", ["image", "report", "fused"])
def test_ids_findings_and_distances_stand_under_their_film_and_nothing_leaves_the_page(result, method, width):
    shown = cases(result, method)
    figure = draw_figure4(shown, "Neighbours by something", width)
    figure.draw_without_rendering()
    films = [film for case in shown for film in case.films]
    assert figure.get_figwidth() == width and len(figure.axes) == len(films)
    boxes = [(text, text.get_window_extent()) for text in figure.texts]
    captions = [(text, box) for text, box in boxes if text.get_fontsize() < 7]
    frames = [axes.get_window_extent() for axes in figure.axes]
    for frame, film in zip(frames, films, strict=True):
        below = max((other.y1 for other in frames if other.y1 < frame.y0), default=0)
        under = [
            (text, box)
            for text, box in captions
            if abs(box.x0 - frame.x0) < 3 and below < box.y0 and box.y1 <= frame.y0
        ]
        words = "".join(text.get_text() for text, _ in under).replace(" ", "")
        assert film.image_id[:30] in words and film.distance_text.replace(" ", "") in words
        for name, shared in film.findings:
            assert name.replace(" ", "").replace("_", "") in words or "…" in words
            if shared:
                assert any(text.get_weight() == "bold" and text.get_text()[0] == "✓" for text, _ in under)
        assert max(box.x1 for _, box in under) <= frame.x1 + 6
    assert all(box.x1 <= figure.bbox.x1 and box.y0 >= 0 and box.y1 <= figure.bbox.y1 for _, box in boxes)


def test_markup_in_names_neither_breaks_nor_changes_the_figure(result):
    files = figure_files("f", lambda width: draw_figure4(cases(result, "image"), MARKED, width), "")
    assert all(files[f"f-{name}.{kind}"] for name in WIDTHS for kind in ("png", "svg"))
    assert b"$x_1$" in files["f-2col.svg"]
