"""The gallery of hits: films, shared findings marked, distances; what is missing said."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cxrneighbors.data.schema import validate_studies
from cxrneighbors.errors import UserError
from cxrneighbors.index.gallery import Origin, gallery

FINDINGS = {"a": ["Mass", "Edema"], "b": ["Edema"], "c": ["No Finding"], "d": []}


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """Films a and b on disk, c's file is gone, d never had one."""
    folder = tmp_path_factory.mktemp("secret-place")
    for name in "ab":
        Image.fromarray(np.full((8, 8), 99, np.uint8)).save(folder / f"{name}.png")
    table = pd.DataFrame({"image_id": list(FINDINGS), "patient_id": list(FINDINGS), "age": 40.0, "sex": "F"})
    paths = [str(folder / f"{name}.png") for name in "abc"]
    return validate_studies(table.assign(path=[*paths, None], findings=list(FINDINGS.values()), view="PA"))


def hits_of(query: str, found: str) -> pd.DataFrame:
    n = len(found)
    table = pd.DataFrame({"query_id": [query] * n, "rank": range(1, n + 1), "neighbor_id": list(found)})
    return table.assign(distance=0.5, image_distance=0.25, report_distance=0.75)


def figures(html: str) -> list[str]:
    return re.findall(r"<figure.*?</figure>", html)


def test_target_and_neighbours_with_what_they_share(studies: pd.DataFrame) -> None:
    shown = gallery(hits_of("a", "bcd"), Origin(studies))
    target, b, c, d = figures(shown.body)
    assert "1 of 3 neighbours share a finding" in shown.body
    assert 'class="target"' in target and "Mass, Edema" in target and "PA, F, 40 years" in target
    assert "<b>1: b</b>" in b and "<mark>✓ Edema</mark>" in b and "data:image/jpeg" in b
    assert "distance 0.50 (image 0.25, report 0.75)" in b
    assert "its file cannot be read" in c and "<mark>" not in c and "No Finding" in c
    assert "no image file" in d and "not labelled" in d
    assert "secret-place" not in shown.body


def test_one_distance_is_said_once(studies: pd.DataFrame) -> None:
    alone = hits_of("a", "b").assign(report_distance=np.nan)
    assert "distance 0.50<" in gallery(alone, Origin(studies)).body


def test_queries_from_outside(studies: pd.DataFrame) -> None:
    film = np.full((6, 6), 0.5)
    text = gallery(hits_of("text 1", "b"), Origin(studies, texts={"text 1": "a <b> c"}))
    assert "a &lt;b&gt; c" in figures(text.body)[0] and "not labelled" not in figures(text.body)[0]
    assert "neighbours share" not in text.body
    new = gallery(hits_of("image 1", "b"), Origin(studies, films={"image 1": film}, texts={"image 1": "so"}))
    assert "data:image/jpeg" in figures(new.body)[0] and "“so”" in new.body
    known = gallery(hits_of("x/image.png", "b"), Origin(studies, {"x/image.png": 0}, {"x/image.png": film}))
    assert "<b>a</b>" in known.body and "<mark>✓ Edema</mark>" in known.body and "x/" not in known.body
    path = studies["path"][0]
    from_file = gallery(hits_of(path, "b"), Origin(studies))
    assert "<b>a.png</b>" in from_file.body and "secret-place" not in from_file.body
    assert "not in this index" in gallery(hits_of("gone", "b"), Origin(studies)).body


def test_only_the_first_queries_and_methods_apart(studies: pd.DataFrame) -> None:
    hits = pd.concat([hits_of(name, "d") for name in "abc"])
    shown = gallery(hits, Origin(studies), queries=2)
    assert shown.title == "3 queries, 1 neighbours each" and "and 1 more" in shown.body
    assert len(figures(shown.body)) == 4
    twice = pd.concat([hits_of("a", "d").assign(method=name) for name in ("image", "report")])
    body = gallery(twice, Origin(studies)).body
    assert "<p><b>a, image</b>" in body and "<p><b>a, report</b>" in body


def test_mistakes(studies: pd.DataFrame, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no column 'rank'; give what search returned"):
        gallery(hits_of("a", "b").drop(columns="rank"), Origin(studies))
    with pytest.raises(UserError, match="'z' is not in this index"):
        gallery(hits_of("a", "bz"), Origin(studies))
    with pytest.raises(UserError, match="0 queries cannot be shown"):
        gallery(hits_of("a", "b"), Origin(studies), queries=0)
