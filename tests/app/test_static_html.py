"""What Gradio has no component for: every control has a name, and the scripts find every part."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import cxrneighbors.app
from cxrneighbors.app.static_html import PICKER, TOOLS

STATIC = Path(cxrneighbors.app.__file__).parent / "static"


class Controls(HTMLParser):
    """Collects inputs without a label around or for them."""

    def __init__(self) -> None:
        super().__init__()
        self.within, self.labels, self.alone = 0, set[str](), list[str]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.within += tag == "label"
        self.labels |= {str(given["for"])} if tag == "label" and "for" in given else set()
        if tag == "input" and not self.within:
            self.alone.append(str(given.get("id")))

    def handle_endtag(self, tag: str) -> None:
        self.within -= tag == "label"


def test_every_input_has_a_label() -> None:
    parser = Controls()
    parser.feed(PICKER + TOOLS)
    assert set(parser.alone) <= parser.labels


def test_the_scripts_name_parts_that_exist() -> None:
    ids = set(re.findall(r'id="([\w-]+)"', PICKER + TOOLS))
    made = {"cxr-go", "cxr-results", "cxr-targets", "cxr-link", "cxr-filters", "cxr-tools"}  # by `search_tab`
    for name in ("picker.js", "films.js", "link.js"):
        used = set(re.findall(r'find\("([\w-]+)"\)|value\("([\w-]+)"\)', (STATIC / name).read_text()))
        assert {first or second for first, second in used} <= ids | made, name


def test_no_script_or_style_names_another_host() -> None:
    for path in [*STATIC.rglob("*.js"), *STATIC.rglob("*.css")]:
        found = re.findall(r"(?:https?:)?//[\w-]+\.[\w.-]+", path.read_text())
        assert [name for name in found if "www.w3.org" not in name] == [], path.name
