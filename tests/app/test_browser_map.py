"""The map and the evaluation in a real browser: pick, lasso, tags, keys, touch, narrow and dark."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cxrneighbors.app.archive import Archive
from cxrneighbors.app.projection import Projections

SHOTS = os.environ.get("CXRNEIGHBORS_SCREENSHOTS")  # a folder to keep pictures of the pages in
MAP = "document.querySelector('.cxr-map').cxrMap"
# Against brute force: points nearest to a place, and points in a polygon, of random and of equal points.
GEOMETRY = """async () => {
  const { Points } = await import("/explorer/modules/map_points.js");
  let seed = 1;
  const random = () => (seed = (seed * 16807) % 2147483647) / 2147483647;
  const n = 3000, value = (_, i) => (i < 200 ? NaN : i < 260 ? 0.5 : random());
  const pairs = Float32Array.from({ length: 2 * n }, value);
  const points = new Points(pairs, Uint8Array.from({ length: n }, (_, i) => i % 3));
  const known = [...Array(n).keys()].filter((i) => !Number.isNaN(points.x[i]));
  const wrong = [];
  for (let turn = 0; turn < 60; turn++) {
    const x = 1.4 * random() - 0.2, y = 1.4 * random() - 0.2, hidden = turn % 2 ? [true] : [];
    const far = (i) => Math.hypot(points.x[i] - x, points.y[i] - y), reach = turn % 3 ? Infinity : 0.05;
    const seen = known.filter((i) => !hidden[points.codes[i]] && far(i) <= reach);
    const best = seen.map(far).sort((a, b) => a - b).slice(0, 8);
    const found = points.nearest(x, y, reach, 8, hidden).map(far);
    const apart = best.some((d, i) => !(Math.abs(d - found[i]) < 1e-9));
    if (found.length !== best.length || apart) wrong.push(["nearest", turn]);
    const polygon = Array.from({ length: 7 }, () => [random(), random()]);
    const path = new Path2D();
    polygon.forEach(([a, b], i) => (i ? path.lineTo(1000 * a, 1000 * b) : path.moveTo(1000 * a, 1000 * b)));
    const context = document.createElement("canvas").getContext("2d");
    const inside = new Set(points.inside(polygon));
    const drawn = (i) => context.isPointInPath(path, 1000 * points.x[i], 1000 * points.y[i], "evenodd");
    const differ = known.filter((i) => drawn(i) !== inside.has(i));
    if (differ.length > 2) wrong.push(["inside", turn, differ.length]); // the browser rounds on an edge
  }
  return wrong;
}"""
Open = Callable[..., Any]


def shot(page: Any, name: str) -> None:
    if SHOTS:
        Path(SHOTS).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=str(Path(SHOTS, f"{name}.png")), full_page=True)


@pytest.fixture
def map_page(open_page: Open) -> Callable[..., Any]:
    def open_map(**options: Any) -> Any:
        page = open_page("Map", **options)
        page.wait_for_selector(".cxr-map[data-ready]")
        page.wait_for_function(f"{MAP}.view")
        return page

    return open_map


def place(page: Any, row: int) -> tuple[float, float]:
    """Where a film lies in the window."""
    box = page.locator("[data-part=marks]").bounding_box()
    x, y = page.evaluate(f"(row) => {MAP}.place(row)", row)
    return box["x"] + x, box["y"] + y


def alone(page: Any) -> int:
    """A film that no other lies near."""
    at = np.array(page.evaluate(f"() => [...{MAP}.points.x.keys()].map((row) => {MAP}.place(row))"))
    gaps = np.linalg.norm(at[:, None] - at[None], axis=-1) + 1e9 * np.eye(len(at))
    return int(gaps.min(axis=1).argmax())


def test_nearest_and_lasso_are_those_of_brute_force(map_page: Open) -> None:
    assert map_page().evaluate(GEOMETRY) == []


def test_a_point_is_hovered_picked_and_searched_by(map_page: Open, phantom_archive: Archive) -> None:
    page = map_page()
    layout = Projections(phantom_archive.index.store).layout("fused")
    assert layout is not None
    shown = page.evaluate(f"() => [Array.from({MAP}.points.x), Array.from({MAP}.points.y)]")
    spread = np.asarray(shown).T - np.mean(shown, axis=1)
    expected = (layout - layout.mean(axis=0)) / np.ptp(layout, axis=0).max()
    np.testing.assert_allclose(spread, expected, atol=1e-5)
    row = alone(page)
    name = phantom_archive.studies["image_id"][row]
    page.mouse.move(*place(page, row))
    page.locator("[data-part=tip]").get_by_text(name).wait_for()
    shot(page, "map-hover")
    page.mouse.click(*place(page, row))
    page.locator("[data-part=film] img").wait_for()
    shot(page, "map-picked")
    page.get_by_role("button", name="Find its neighbours").click()
    page.locator(".cxr-target", has_text=name).wait_for()
    assert f"film={name}" in page.url


def test_a_group_is_lassoed_tagged_and_saved_as_a_table(
    map_page: Open, phantom_archive: Archive, tmp_path: Path
) -> None:
    page = map_page()
    box = page.locator("[data-part=marks]").bounding_box()
    page.get_by_role("button", name="Lasso").click()
    corners = [(0.02, 0.02), (0.5, 0.02), (0.5, 0.98), (0.02, 0.98)]
    points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in corners]
    page.mouse.move(*points[0])
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*point, steps=3)
    page.mouse.up()
    middle = f"{MAP}.marks.clientWidth / 2"
    half = page.evaluate(f"() => [...{MAP}.points.x.keys()].filter((row) => {MAP}.place(row)[0] < {middle})")
    assert page.evaluate(f"() => {MAP}.tags.chosen.toSorted((a, b) => a - b)") == half
    page.locator(".cxr-map").get_by_label("Name").fill("left half")
    page.keyboard.press("Enter")
    page.get_by_role("button", name=f"left half ({len(half)})").wait_for()
    shot(page, "map-tagged")
    with page.expect_download() as kept:
        page.get_by_role("button", name="Save study table").click()
    table = pd.read_parquet(kept.value.path())
    assert [row for row, tags in enumerate(table["tags"]) if "left half" in tags] == half
    page.reload()  # tags outlast a visit to another page
    page.get_by_role("tab", name="Map").click()
    page.get_by_role("button", name=f"left half ({len(half)})").wait_for()


def test_colours_layouts_and_the_legend(map_page: Open, phantom_archive: Archive) -> None:
    page = map_page()
    page.get_by_label("Colour by").select_option("sex")
    page.wait_for_selector(".cxr-map[data-ready=sex]")
    counts = phantom_archive.studies["sex"].value_counts()
    legend = page.locator("[data-part=legend] label")
    assert {tuple(text.split("\n")) for text in legend.all_inner_texts()} == {
        ("female", str(counts["F"])),
        ("male", str(counts["M"])),
    }
    before = page.evaluate(f"() => ({MAP}.draw(), {MAP}.canvas.toDataURL())")
    legend.first.click()
    assert page.evaluate(f"() => ({MAP}.draw(), {MAP}.canvas.toDataURL())") != before
    assert page.get_by_label("Laid out by").locator("option").nth(1).text_content().startswith("UMAP")
    page.get_by_label("Distance by").select_option("report")
    page.wait_for_function(f"{MAP}.space === 'report'")


def test_the_map_works_by_keys_alone(map_page: Open) -> None:
    page = map_page()
    page.locator("[data-part=marks]").focus()
    before = page.evaluate(f"() => ({{ ...{MAP}.view }})")
    for key in ("+", "ArrowLeft", "ArrowUp"):
        page.keyboard.press(key)
    after = page.evaluate(f"() => ({{ ...{MAP}.view }})")
    assert after["scale"] > before["scale"] and after["x"] < before["x"] and after["y"] > before["y"]
    page.keyboard.press("0")
    page.keyboard.press("Enter")
    page.locator("[data-part=film] img").wait_for()
    nearest = page.locator("[data-part=near] button").first
    nearest.wait_for()
    assert page.locator("[data-part=film] b").inner_text() == nearest.inner_text()
    for _ in range(12):
        page.keyboard.press("]")
    page.keyboard.press("m")
    assert "marked" in page.locator("[data-part=chosen]").inner_text()
    shot(page, "map-keys")
    page.keyboard.press("Escape")
    assert "No films are marked" in page.locator("[data-part=chosen]").inner_text()


def test_a_narrow_dark_screen_and_a_finger(map_page: Open) -> None:
    page = map_page(viewport={"width": 390, "height": 780}, color_scheme="dark", has_touch=True)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.locator("[data-part=marks]").scroll_into_view_if_needed()
    page.touchscreen.tap(*place(page, alone(page)))
    page.locator("[data-part=film] img").wait_for()
    shot(page, "map-narrow")


def test_a_hundred_thousand_points_stay_fluid(map_page: Open) -> None:
    page = map_page()
    best = page.evaluate(
        f"""async () => {{
          const m = {MAP}, {{ Points }} = await import("/explorer/modules/map_points.js"), n = 112120;
          m.points = new Points(Float32Array.from({{ length: 2 * n }}, Math.random), new Uint8Array(n));
          m.view = null;
          m.fit();
          const took = Array.from({{ length: 30 }}, () => m.draw());
          return took.sort((a, b) => a - b)[3];
        }}"""
    )
    assert best < 120, f"{best:.0f} ms a frame"  # 3 ms of a core that is free; machines that test are busy


def test_the_evaluation_tab_shows_its_sentence_figure_tables_and_files(open_page: Open) -> None:
    page = open_page("Evaluation")
    page.get_by_text("nearest neighbours by image and report together").first.wait_for()
    picture = page.locator(".eval figure img")
    picture.evaluate("(image) => image.decode()")
    assert picture.evaluate("(image) => image.naturalWidth") > 200
    with page.expect_download() as kept:
        page.get_by_role("link", name="overlap.json").click()
    assert '"methods"' in Path(kept.value.path()).read_text(encoding="utf-8")
    shot(page, "evaluation")
    page.set_viewport_size({"width": 390, "height": 780})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.locator(".eval [data-search]").first.click()
    page.locator(".cxr-target").wait_for()


@pytest.mark.parametrize(
    ("tab", "shown"), [("Map", ".cxr-map[data-ready]"), ("Evaluation", ".eval"), ("Explain", ".ex")]
)
def test_nothing_stands_in_the_way_of_assistive_technology(open_page: Open, tab: str, shown: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="no axe-playwright-python")
    page = open_page(tab)
    page.wait_for_selector(shown)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        found = axe.Axe().run(page).response["violations"]
        assert [(one["id"], one["nodes"][0]["target"]) for one in found] == []
