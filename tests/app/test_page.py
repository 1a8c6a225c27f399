"""The page as a whole: its tabs, its banner, its fonts."""

from __future__ import annotations

import re

import pytest

from cxrneighbors.app.archive import Archive
from cxrneighbors.app.page import BANNER, TABS, build_page, head_html, theme
from cxrneighbors.app.uploads import Uploads


def test_every_tab_is_there_without_classifier_and_evaluation(archive: Archive, uploads: Uploads) -> None:
    config = build_page(archive, uploads).get_config_file()
    labels = [part["props"]["label"] for part in config["components"] if part["type"] == "tabitem"]
    assert labels == [label for label, _ in TABS.values()]


def test_the_head_says_what_is_open_and_what_it_is_for(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = head_html(archive)
    assert f"{len(archive.studies)} films · 40 patients" in head and BANNER in head
    monkeypatch.setitem(archive.__dict__, "name", "<script>")
    assert "<script" not in head_html(archive)


def test_fonts_are_the_systems_own() -> None:
    css = theme()._get_theme_css()
    assert "system-ui" in css and "@font-face" not in css
    assert all(source.startswith("data:") for source in re.findall(r"url\([\"']?([^\"')]+)", css))
