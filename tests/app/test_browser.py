"""The search tab in a real browser, on phantoms: every kind of query, filters, links, keyboard, screens."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import quote

import numpy as np
import pytest
from PIL import Image

from cxrneighbors.app.archive import Archive
from cxrneighbors.app.query import Query
from cxrneighbors.app.uploads import Uploads

if TYPE_CHECKING:
    from playwright.sync_api import Page

FOUND = "#cxr-results .cxr-grid .cxr-card"


@pytest.fixture
def archive(phantom_archive: Archive) -> Archive:
    """The one that is served."""
    return phantom_archive


@pytest.fixture
def page(open_page: Callable[..., Page], explorer_address: str) -> Page:
    opened = open_page(base_url=explorer_address)
    opened.wait_for_selector("#cxr-film-input")
    return opened


@pytest.fixture
def image_id(archive: Archive) -> str:
    studies = archive.studies
    return str(studies["image_id"][(studies["view"] == "PA").idxmax()])


def ids(page: Page) -> list[str]:
    """The neighbours that are shown, once a search has ended."""
    page.wait_for_selector("#cxr-results .cxr-answers")
    return page.eval_on_selector_all(FOUND, "cards => cards.map(card => card.dataset.film)")


def until(page: Page, **asked: object) -> list[str]:
    """Wait until the page's address is the link of such a query; the neighbours that are shown."""
    from cxrneighbors.app.link import to_link

    page.wait_for_function("link => location.search === link", arg=to_link(Query(**asked)))
    return ids(page)


def expected(archive: Archive, **asked: object) -> list[str]:
    found = archive.search(Query(**asked), Uploads())[0]
    return [hit.film.image_id for hit in found.hits]


def png(name: str = "film.png", side: int = 64) -> dict[str, object]:
    buffer = io.BytesIO()
    values = np.random.default_rng(side).integers(0, 256, (side, side), dtype=np.uint8)
    Image.fromarray(values).save(buffer, "PNG")
    return {"name": name, "mimeType": "image/png", "buffer": buffer.getvalue()}


def choose(page: Page, image_id: str, key: str = "Enter") -> None:
    page.fill("#cxr-film-input", image_id)
    page.wait_for_selector(f"#cxr-film-list li[data-id='{image_id}']")
    page.press("#cxr-film-input", key)


def test_a_film_is_found_as_one_types_and_searched_by_the_keyboard(
    page: Page, archive: Archive, image_id: str
) -> None:
    page.focus("#cxr-film-input")
    page.keyboard.type("effusion pa")
    page.wait_for_function("/Effusion/.test(document.querySelector('#cxr-film-list li')?.textContent)")
    assert "Enter searches by a film" in page.inner_text("#cxr-film-count")
    options = page.eval_on_selector_all("#cxr-film-list li", "all => all.map(one => one.textContent)")
    assert options and all("PA" in text and "Effusion" in text for text in options)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    assert page.get_attribute("#cxr-film-input", "aria-activedescendant") == "cxr-option-1"
    second = str(page.get_attribute("#cxr-option-1", "data-id"))
    page.keyboard.press("Enter")
    assert until(page, image_ids=(second,)) == expected(archive, image_ids=(second,))
    assert page.inner_text("#cxr-chips li span") == second
    page.keyboard.press("Backspace")
    page.wait_for_function("!document.querySelector('#cxr-results .cxr-answers')")
    assert "Which films look and read like this one?" in page.inner_text("#cxr-results")


def test_several_films_each_with_its_neighbours(page: Page, archive: Archive, image_id: str) -> None:
    other = str(archive.studies["image_id"].iloc[-1])
    choose(page, image_id)
    until(page, image_ids=(image_id,))
    choose(page, other, "Shift+Enter")
    until(page, image_ids=(image_id, other))
    assert page.locator("#cxr-results .cxr-answer").count() == 2
    assert page.locator("#cxr-chips li").count() == 2


def test_words_with_and_without_a_film(page: Page, archive: Archive, image_id: str) -> None:
    words = "large pleural effusion"
    page.fill("#cxr-text textarea", words)
    page.press("#cxr-text textarea", "Enter")
    assert until(page, text=words) == expected(archive, text=words)
    assert "effusion" in page.inner_text(".cxr-words mark.present")
    choose(page, image_id)
    both = {"image_ids": (image_id,), "text": words}
    assert until(page, **both) == expected(archive, **both)
    page.fill("#cxr-share input[type=number]", "20")
    page.press("#cxr-share input[type=number]", "Enter")
    assert until(page, **both, share=0.2) == expected(archive, **both, share=0.2)


def test_a_film_of_ones_own(page: Page) -> None:
    page.set_input_files("#cxr-file-input", [png("mine.png"), png("other.png", 50)])
    page.wait_for_function("document.querySelectorAll('#cxr-results .cxr-answer').length === 2")
    assert len(ids(page)) == 12 and page.inner_text("#cxr-chips li:first-child span") == "mine.png"
    page.wait_for_function("document.querySelector('.cxr-target img').naturalWidth === 64")
    assert "mine" not in page.inner_html("#cxr-results") and page.url.endswith("/")


def test_a_bad_upload_says_what_is_wrong_in_place(page: Page) -> None:
    bad = {"name": "notes.png", "mimeType": "image/png", "buffer": b"no picture"}
    page.set_input_files("#cxr-file-input", bad)
    page.wait_for_selector("#cxr-upload-status.cxr-error")
    assert page.inner_text("#cxr-upload-status").startswith("notes.png: the file is no PNG, JPEG or DICOM")
    broken = png()
    page.set_input_files("#cxr-file-input", broken | {"buffer": bytes(broken["buffer"])[:60]})
    page.wait_for_function("/cannot be read/.test(document.querySelector('#cxr-upload-status').textContent)")
    assert not page.query_selector("#cxr-results .cxr-answers")


def test_filters_and_a_predicate_with_its_mistake(page: Page, archive: Archive, image_id: str) -> None:
    choose(page, image_id)
    until(page, image_ids=(image_id,))
    page.check("#cxr-views input[value=AP], #cxr-views label:has-text('AP') input")
    asked = {"image_ids": (image_id,), "views": ("AP",)}
    assert until(page, **asked) == expected(archive, **asked)
    page.check("#cxr-sexes label:has-text('Female') input")
    asked |= {"sexes": ("F",)}
    assert until(page, **asked) == expected(archive, **asked)
    passing = int(archive.allowed(Query(**asked)).sum())
    assert f"{passing} of {len(archive.studies)} films pass" in page.inner_text("#cxr-status")
    where = "#cxr-where textarea, #cxr-where input"
    page.fill(where, "wiew == 'PA'")
    page.press(where, "Enter")
    page.wait_for_selector("#cxr-status .cxr-error")
    assert page.inner_text("#cxr-status").startswith("unknown column 'wiew'; choose one of: image_id")
    page.fill(where, "age > 50")
    page.press(where, "Enter")
    asked |= {"where": "age > 50"}
    assert until(page, **asked) == expected(archive, **asked)


def test_a_link_brings_everything_back(page: Page, archive: Archive, image_id: str) -> None:
    from cxrneighbors.app.link import to_link

    asked = {"image_ids": (image_id,), "k": 3, "one_per": "image", "policy": "diverse", "same_patient": True}
    asked |= {"findings": ("Effusion",), "ages": (20, 90)}
    page.goto(to_link(Query(**asked)))
    assert ids(page) == expected(archive, **asked)
    page.wait_for_selector("#cxr-chips li")
    assert (
        page.input_value("#cxr-age-from input") == "20"
        and page.input_value("#cxr-k input[type=number]") == "3"
    )
    page.click("#cxr-results .cxr-grid [data-search]")
    page.wait_for_function("id => !location.search.includes(id)", arg=quote(image_id))
    page.go_back()
    page.wait_for_function(
        "id => document.querySelector('#cxr-chips li span')?.textContent === id", arg=image_id
    )
    page.wait_for_function("id => document.querySelector('.cxr-target')?.dataset.film === id", arg=image_id)
    assert ids(page) == expected(archive, **asked)


def test_films_are_windowed_inverted_and_enlarged(page: Page, image_id: str) -> None:
    page.goto(f"/?film={quote(image_id)}")
    ids(page)
    page.fill("#cxr-window", "50")
    page.fill("#cxr-level", "40")
    part = "#cxr-window-filter feFuncR"
    assert float(page.get_attribute(part, "slope") or 0) == 2
    assert float(page.get_attribute(part, "intercept") or 0) == pytest.approx(0.5 - 0.4 * 2)
    assert "cxr-window-filter" in page.eval_on_selector(
        ".cxr-film img", "film => getComputedStyle(film).filter"
    )
    page.check("#cxr-invert")
    assert float(page.get_attribute(part, "slope") or 0) == -2
    page.click("#cxr-reset")
    assert page.eval_on_selector(".cxr-film img", "film => getComputedStyle(film).filter") == "none"
    page.click(f"{FOUND}:nth-child(2) [data-zoom]")
    assert page.locator("#cxr-viewer figure").count() == 2
    for key in ("+", "ArrowRight"):
        page.keyboard.press(key)
    assert "Neighbour 3" in page.inner_text("#cxr-viewer figure:last-child figcaption")
    assert "scale(1.4)" in (page.get_attribute("#cxr-viewer img", "style") or "")
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.hasAttribute('data-zoom')")


@pytest.mark.parametrize(("width", "scheme"), [(360, "light"), (640, "dark")])
def test_a_narrow_screen_and_twice_the_size(page: Page, image_id: str, width: int, scheme: str) -> None:
    """640 pixels are a window of 1280 at 200 %."""
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=scheme)
    page.goto(f"/?film={quote(image_id)}")
    ids(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    wide = page.eval_on_selector_all(
        ".cxr-card", "cards => Math.max(...cards.map(c => c.getBoundingClientRect().right))"
    )
    assert wide <= width
    assert page.is_visible("text=Research use only")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_stands_in_the_way_of_assistive_technology(page: Page, image_id: str, scheme: str) -> None:
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="axe-playwright-python is missing"
    )
    page.emulate_media(color_scheme=scheme)
    page.goto(f"/?film={quote(image_id)}")
    ids(page)
    page.click("#cxr-which > button")
    found = axe.Axe().run(page).response["violations"]
    assert [(one["id"], one["nodes"][0]["target"]) for one in found] == []


def test_every_control_is_reached_by_tab_and_has_a_name(page: Page) -> None:
    page.focus("#cxr-film-input")
    reached = []
    for _ in range(14):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.closest('[id^=cxr-]')?.id ?? ''"))
    order = [name for n, name in enumerate(reached) if name and reached[n - 1] != name]
    wanted = ["cxr-file-input", "cxr-text", "cxr-share", "cxr-k", "cxr-go"]
    assert [name for name in order if name in wanted] == wanted
    assert page.evaluate(
        "[...document.querySelectorAll('.cxr-ask :is(input, textarea)')].filter(e => e.offsetParent)"
        ".every(e => e.labels?.length || e.getAttribute('aria-label') || e.getAttribute('aria-labelledby'))"
    )


def test_a_search_for_nothing_and_by_an_unknown_film(page: Page) -> None:
    page.click("#cxr-go")
    page.wait_for_timeout(300)
    assert "Which films look and read like this one?" in page.inner_text("#cxr-results")
    page.goto("/?film=nobody")
    page.wait_for_selector("#cxr-results .cxr-error")
    assert re.search("'nobody': not in this index", page.inner_text("#cxr-results .cxr-error"))
