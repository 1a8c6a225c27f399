"""A small page."""

from __future__ import annotations

import pytest

from cxrneighbors.pages.page import render

TEMPLATE = """{% extends "base.html" %}
{% block title %}{{ name }}{% endblock %}
{% block about %}made up{% endblock %}
{% block body %}
<img src="{{ film }}" alt="a film">
{% call parts.table("numbers") %}
<thead><tr><th scope="col" rowspan="2">Who</th><th scope="colgroup" colspan="2">both</th></tr>
<tr><th scope="col">Count</th><th scope="col">p</th></tr></thead>
<tbody>
{% for who, count, p in rows %}
<tr><td>{{ who }}</td>{{ parts.number(count, count | thousands) }}
{{ parts.number(p, "–" if p is none else p) }}</tr>
{% endfor %}
</tbody>
{% endcall %}
{{ parts.reasons(reasons) }}
{{ parts.settings([("Seed", 7)]) }}
{% endblock %}
"""
ROWS = [("beta", 1200, 0.5), ("alpha 10", 30, None), ("alpha 9", 400, 0.001), ("<b>", -5, 0.04)]


@pytest.fixture(scope="session")
def page(tmp_path_factory):
    """Makes the page of the given values; returns its file."""
    folder = tmp_path_factory.mktemp("page")
    template = folder / "small.html"
    template.write_text(TEMPLATE, encoding="utf-8")

    def make(**values):
        given = {"name": "A page", "film": "data:,", "rows": ROWS, "reasons": []} | values
        path = folder / f"page-{len(list(folder.iterdir()))}.html"
        path.write_text(render(template, {"thousands": "{:,}".format}, **given), encoding="utf-8")
        return path

    return make
