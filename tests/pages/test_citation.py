from __future__ import annotations

from pathlib import Path

from cxrneighbors.pages.citation import PAPERS, bibtex

README = Path(__file__).parents[2] / "README.md"


def test_the_papers_are_those_of_the_readme():
    text = " ".join(README.read_text(encoding="utf-8").split())
    for title in (
        "Modifying LIME for Medical Images",
        "LIME-RAY: What Does a Neural Network See from X-Rays?",
    ):
        assert title in text and any(title in paper for paper in PAPERS)


def test_bibtex_is_balanced_and_names_the_version():
    text = bibtex("1.2.3")
    assert text.count("{") == text.count("}") and text.count("@") == 3 and "version = {1.2.3}" in text
