from __future__ import annotations

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from cxrneighbors.pages.page import film_uri, render, svg_uri


def test_texts_are_escaped_and_nothing_is_fetched(page):
    html = page(name='<script>alert(1)</script> & "x"').read_text(encoding="utf-8")
    assert "<script>alert" not in html and "&lt;script&gt;alert(1)" in html and "<b>" not in html
    assert not re.search(r"https?:|src=\"(?!data:)|href=\"(?!#)", html)
    assert "default-src 'none'" in html


def test_films_become_grey_jpegs_near_what_they_were():
    film = np.linspace(0, 1, 64 * 64).reshape(64, 64)
    kind, content = film_uri(film).split(",")
    picture = Image.open(io.BytesIO(base64.b64decode(content)))
    assert kind == "data:image/jpeg;base64" and picture.mode == "L"
    assert np.abs(np.asarray(picture) / 255 - film).max() < 0.05
    assert film_uri(film * 3 - 1).startswith(kind)  # clipped


def test_an_svg_comes_back():
    assert base64.b64decode(svg_uri(b"<svg/>").split(",")[1]) == b"<svg/>"


def test_a_missing_value_is_an_error(tmp_path):
    (tmp_path / "gap.html").write_text("{{ nothing }}", encoding="utf-8")
    with pytest.raises(Exception, match="nothing"):
        render(tmp_path / "gap.html")


def column(tab, place):
    return [cell.inner_text() for cell in tab.locator(f"tbody td:nth-child({place})").all()]


def test_headings_sort_by_value_from_the_keyboard_and_say_so(page, chromium):
    tab = chromium.new_page()
    said = []
    tab.on("console", lambda message: said.append(message.text))
    tab.on(
        "request",
        lambda request: said.append(request.url) if request.url[:5] not in ("file:", "data:") else 0,
    )
    tab.goto(page().as_uri())
    assert [button.inner_text() for button in tab.locator("th button").all()] == ["Who", "Count", "p"]
    count, p = tab.locator("th", has_text="Count"), tab.locator("th", has_text="p").last
    count.locator("button").focus()
    tab.keyboard.press("Enter")
    assert column(tab, 2) == ["1,200", "400", "30", "-5"] and count.get_attribute("aria-sort") == "descending"
    tab.keyboard.press("Space")
    assert column(tab, 2) == ["-5", "30", "400", "1,200"] and count.get_attribute("aria-sort") == "ascending"
    p.locator("button").click()
    assert column(tab, 3) == ["0.5", "0.04", "0.001", "–"]  # what is missing comes last
    p.locator("button").click()
    assert column(tab, 3) == ["0.001", "0.04", "0.5", "–"]
    assert count.get_attribute("aria-sort") == "none" and p.get_attribute("aria-sort") == "ascending"
    tab.locator("th", has_text="Who").locator("button").click()
    assert column(tab, 1) == ["<b>", "alpha 9", "alpha 10", "beta"]
    assert not said
    tab.close()


def test_the_page_runs_no_script_but_its_own(page, chromium):
    path = page()
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("</main>", "</main><script>document.title = 'taken'</script>"))
    tab = chromium.new_page()
    tab.goto(path.as_uri())
    assert tab.title() == "A page" and tab.locator("th button").count() == 3
    tab.close()


def test_without_scripts_the_table_is_read(page, chromium):
    context = chromium.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto(page().as_uri())
    assert column(tab, 1) == ["beta", "alpha 10", "alpha 9", "<b>"]
    assert tab.locator("th button").count() == 0 and tab.locator("th").first.inner_text() == "Who"
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_have_the_contrast_that_wcag_asks_for(page, chromium, scheme):
    """4.5 : 1 (WCAG 2, AA) between every colour of text and its ground."""
    context = chromium.new_context(color_scheme=scheme)
    tab = context.new_page()
    tab.goto(page().as_uri())
    style = "getComputedStyle(document.documentElement).getPropertyValue"
    value = {name: tab.evaluate(f"{style}('--{name}')") for name in ("ground", "ink", "soft", "wash", "mark")}
    shown = tab.evaluate("getComputedStyle(document.body).backgroundColor")
    assert shown == ("rgb(255, 255, 255)" if scheme == "light" else "rgb(18, 22, 28)")
    for text in ("ink", "soft", "mark"):
        for ground in ("ground", "wash"):
            lighter, darker = sorted((luminance(value[text]), luminance(value[ground])), reverse=True)
            assert (lighter + 0.05) / (darker + 0.05) >= 4.5, (text, ground)
    context.close()


def luminance(colour):
    full = colour.strip("#") if len(colour) == 7 else "".join(2 * letter for letter in colour.strip("#"))
    rgb = np.array([int(full[i : i + 2], 16) / 255 for i in (0, 2, 4)])
    linear = np.where(rgb <= 0.03928, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


@pytest.mark.parametrize("width", [1280, 640, 400])
def test_a_narrow_or_enlarged_page_does_not_scroll_sideways(page, chromium, width):
    """1280 pixels at 200 % are 640, at 320 % 400."""
    tab = chromium.new_page(viewport={"width": width, "height": 800})
    tab.goto(page(rows=[("word " * 40, 10**9, 0.1)] * 3).as_uri())
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    tab.close()


def test_print_opens_what_is_folded(page, chromium):
    tab = chromium.new_page()
    tab.goto(page().as_uri())
    assert not tab.locator("pre").is_visible()
    tab.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert tab.locator("pre").is_visible()
    assert tab.pdf().startswith(b"%PDF")
    tab.close()
