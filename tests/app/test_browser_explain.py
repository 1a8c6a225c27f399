"""Explanations in a real browser: to the end, called off, of an uploaded film, narrow and dark."""

from __future__ import annotations

import io
import os
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cxrneighbors.app.archive import Archive
from cxrneighbors.explain.explanation import Explanation

SHOTS = os.environ.get("CXRNEIGHBORS_SCREENSHOTS")
Open = Callable[..., Any]


def shot(page: Any, name: str) -> None:
    if SHOTS:
        Path(SHOTS).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=str(Path(SHOTS, f"{name}.png")), full_page=True)


def choose(page: Any, film: str) -> None:
    page.locator(".ex").get_by_label("Film", exact=True).fill(film)
    page.locator(f'.ex[data-film="{film}"]').wait_for()


def explain(page: Any, method: str, masks: int = 20) -> None:
    page.locator("[data-part=method]").select_option(method)
    page.get_by_label("Masked films P").fill(str(masks))
    page.get_by_label("Segments").first.select_option("slic")
    page.locator("[data-part=go]").click()
    page.locator("[data-part=result]:not([hidden]), [data-part=error]:not(:empty)").first.wait_for()
    assert page.locator("[data-part=error]").inner_text() == ""


def test_an_explanation_from_the_film_to_the_files(
    open_page: Open, phantom_archive: Archive, tmp_path: Path
) -> None:
    page, film = open_page("Explain"), phantom_archive.studies["image_id"][4]
    choose(page, film)
    scores = [float(text) for text in page.locator(".ex-scores b").all_inner_texts()]
    assert scores == sorted(scores, reverse=True) and page.locator(".ex-scores :checked").count() == 1
    explain(page, "contrast-lime")
    assert page.locator("[data-part=question]").inner_text().startswith(("Why", "Why not"))
    page.wait_for_function("document.querySelector('[data-part=film]').naturalWidth === 96")
    with page.expect_download() as kept:
        page.get_by_role("link", name="Explanation file").click()
    zipfile.ZipFile(io.BytesIO(Path(kept.value.path()).read_bytes())).extractall(tmp_path)
    found = Explanation.load(tmp_path / "explanation")

    from playwright.sync_api import expect

    page.locator("[data-part=stack]").scroll_into_view_if_needed()
    box = page.locator("[data-part=stack]").bounding_box()
    for x, y in ((0.3, 0.4), (0.7, 0.8)):
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
        height, width = found.segments.shape
        segment = found.segments[int(y * height), int(x * width)]
        weighs = re.escape(f"{found.weights[segment]:+.3f}")
        told = page.locator("[data-part=told]")
        expect(told).to_contain_text(re.compile(f"{weighs}|weighs 0"), timeout=90_000)
    assert "donors agree" in told.inner_text()
    shot(page, "explain")

    strongest = page.locator("[data-part=segments] button").first
    strongest.focus()  # the keyboard's way to the same
    assert f"{found.weights[found.order()[0]]:+.3f}" in page.locator("[data-part=told]").inner_text()
    seen = page.locator("[data-part=overlay]")
    page.get_by_label("Overlay").fill("20")
    assert seen.evaluate("(canvas) => getComputedStyle(canvas).opacity") == "0.2"
    heat = page.locator("[data-part=heat]").evaluate(
        "(c) => Array.from(c.getContext('2d').getImageData(0, 0, c.width, c.height).data)"
    )
    colours, values = np.reshape(heat, (*found.segments.shape, 4)).astype(int), found.heatmap()
    limit = np.abs(values).max()
    assert (colours[values > 0.2 * limit, 0] > colours[values > 0.2 * limit, 2]).all()  # orange is for
    assert (colours[values < -0.2 * limit, 2] > colours[values < -0.2 * limit, 0]).all()  # blue is against
    for name, begins in (("Panel as PNG", b"\x89PNG"), ("Panel as SVG", b"<?xml")):
        with page.expect_download() as kept:
            page.get_by_role("link", name=name).click()
        assert Path(kept.value.path()).read_bytes().startswith(begins)
    donors = page.locator("[data-part=neighbours] b").all_inner_texts()
    assert [text.split(" (")[0] for text in donors] == list(found.neighbours["neighbor_id"])


def test_a_running_explanation_tells_how_far_it_is_and_stops(
    open_page: Open, phantom_archive: Archive
) -> None:
    page = open_page("Explain")
    choose(page, phantom_archive.studies["image_id"][1])
    page.locator("[data-part=method]").select_option("kp-lime")
    page.get_by_label("Masked films P").fill("1000")
    page.get_by_label("Neighbours K").fill("15")
    page.locator("[data-part=go]").click()
    page.get_by_text("films scored").first.wait_for()
    shot(page, "explain-running")
    page.get_by_role("button", name="Cancel").click()
    page.locator("[data-part=error]", has_text="Cancelled.").wait_for()
    assert page.locator("[data-part=go]").is_enabled()
    page.get_by_label("Neighbours K").fill("2")
    explain(page, "lime", 10)  # the next one runs at once
    assert "takes no neighbours" in page.locator("[data-part=neighbours]").inner_text()


def test_a_film_comes_from_another_tab_and_a_wrong_one_is_told(
    open_page: Open, phantom_archive: Archive
) -> None:
    film = phantom_archive.studies["image_id"][2]
    page = open_page("Search", f"?film={film}")
    page.locator(".cxr-target [data-explain]").click()
    page.locator(f'.ex[data-film="{film}"]').wait_for()
    page.locator(".ex").get_by_label("Film", exact=True).fill("nobody")
    page.get_by_text("No film of the index has this id").wait_for()
    page.locator(".ex").get_by_label("Film", exact=True).fill("")
    page.locator("[data-part=go]").click()
    assert "Choose a film first" in page.locator("[data-part=error]").inner_text()


def test_an_uploaded_film_is_explained(open_page: Open, phantom_archive: Archive) -> None:
    page = open_page("Search")
    page.locator(".cxr-drop input").set_input_files(phantom_archive.studies["path"][3])
    page.locator(".cxr-target [data-explain]").click()
    page.locator(".ex[data-film]").wait_for()
    explain(page, "k-lime", 10)
    assert page.locator("[data-part=neighbours] article").count() == 5


@pytest.mark.parametrize("width", [390, 640])  # 640 pixels are what 1280 are at 200 %
def test_it_fits_a_narrow_dark_screen(open_page: Open, phantom_archive: Archive, width: int) -> None:
    page = open_page("Explain", viewport={"width": width, "height": 780}, color_scheme="dark")
    choose(page, phantom_archive.studies["image_id"][0])
    explain(page, "sigma-lime", 10)
    page.locator("[data-part=film]").evaluate("(image) => image.decode()")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    shot(page, f"explain-{width}")
