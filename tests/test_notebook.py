"""HTML for notebooks: escaped, small, with pictures inside and nothing from elsewhere."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path

import numpy as np
from PIL import Image

from cxrneighbors.figures import new_figure, to_png
from cxrneighbors.notebook import Shown, card, facts, film_tag, line, png_tag, table


def picture_of(tag: str) -> Image.Image:
    found = re.search(r'src="data:image/\w+;base64,([^"]+)"', tag)
    assert found
    return Image.open(io.BytesIO(base64.b64decode(found[1])))


def test_every_text_is_escaped() -> None:
    bad = "<script>alert('x')</script>"
    html = card(bad, line(bad), facts({bad: bad}), table([bad, bad], [[bad, bad]])) + film_tag(
        np.zeros((4, 4)), bad
    )
    assert "<script" not in html and html.count("&lt;script&gt;") == 9


def test_facts_leave_out_what_is_not_known() -> None:
    assert facts({"a": None, "b": "", "c": 0}) == "<table><tr><th>c</th><td>0</td></tr></table>"


def test_a_film_is_inside_at_its_proportions() -> None:
    film = np.linspace(0, 1, 500 * 1000).reshape(500, 1000)
    picture = picture_of(film_tag(film, "film", side=100))
    assert picture.size == (100, 50)
    assert np.abs(np.asarray(picture) / 255 - film[5::10, 5::10]).max() < 0.03


def test_a_png_is_inside_at_half_its_pixels() -> None:
    figure = new_figure(2, 1)
    for picture, dpi in ((to_png(figure, dpi=100), 100), (figure, 200)):
        tag = png_tag(picture, "figure")
        assert f'width="{dpi}"' in tag and picture_of(tag).size == (2 * dpi, dpi)


def test_a_page_opens_without_network(tmp_path: Path) -> None:
    shown = Shown("five & more", film_tag(np.zeros((4, 4)), "film"))
    assert repr(shown) == "<five & more; .save('page.html') writes it>"
    shown.save(tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert "<title>five &amp; more</title>" in page and shown._repr_html_() in page
    assert not re.search(r"https?:|url\(|@import|<script|<link", page)
