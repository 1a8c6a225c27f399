"""Errors without the server's paths."""

from __future__ import annotations

import pytest

from cxrneighbors.app.shown import without_paths


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/home/a/index/manifest.json: changed", "manifest.json: changed"),
        ("C:\\data\\x.png: no such file", "x.png: no such file"),
        ("encoder '/srv/models/vae' is gone", "encoder 'vae' is gone"),
        ("~/x/y.txt and (/tmp/z)", "y.txt and (z)"),
        ("image and/or report, 3/4", "image and/or report, 3/4"),
    ],
)
def test_paths_are_cut(text: str, shown: str) -> None:
    assert without_paths(text) == shown
