"""The evaluation tab over a small evaluation: targets by a hand count, texts escaped, no foreign files."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from pathlib import Path

import pandas as pd
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from cxrneighbors.app.archive import Archive
from cxrneighbors.app.evaluation_folder import EvaluationFolder
from cxrneighbors.app.evaluation_html import evaluation_html
from cxrneighbors.app.evaluation_tab import evaluation_routes
from cxrneighbors.errors import UserError
from cxrneighbors.evaluation.evaluate import evaluate_overlap
from cxrneighbors.evaluation.report_page import headline
from cxrneighbors.evaluation.write import write_evaluation
from cxrneighbors.index.neighbor_index import NeighborIndex


@pytest.fixture(scope="module")
def archive(
    random_index: Callable[[int], NeighborIndex], tmp_path_factory: pytest.TempPathFactory
) -> Archive:
    index = random_index(60)
    folder = tmp_path_factory.mktemp("evaluation") / "eval"
    write_evaluation(evaluate_overlap(index, k=3, n_permutations=19), folder)
    (folder / "passwords.csv").write_text("not the evaluation's")
    return Archive(index, evaluation=folder)


@pytest.fixture(scope="module")
def evaluation(archive: Archive) -> EvaluationFolder:
    assert archive.evaluation is not None
    return EvaluationFolder.read(archive.evaluation)


def test_targets_are_those_of_the_neighbours_table_by_hand(
    archive: Archive, evaluation: EvaluationFolder
) -> None:
    assert evaluation.methods == ["fused", "image", "report"]
    findings = archive.studies.set_index("image_id")["findings"]
    found = evaluation.targets(archive.studies, "image")
    hits = evaluation.neighbors.query("method == 'image'")
    for row in found.itertuples():
        near = hits.loc[hits["query_id"] == row.image_id, "neighbor_id"]
        assert row.overlap == pytest.approx(sum(bool({*findings[one]} & {*row.findings}) for one in near) / 3)
    assert found["overlap"].is_monotonic_decreasing
    assert found["overlap"].mean() == pytest.approx(evaluation.summary["methods"]["image"]["mean_overlap"])


def test_the_plain_sentence_comes_first_and_every_file_is_offered(
    archive: Archive, evaluation: EvaluationFolder
) -> None:
    page = evaluation_html(evaluation, archive.studies)
    first = page.index(escape(headline(evaluation.summary, "fused")))
    assert first < page.index("Figure 5") < page.index("Settings")
    for name in ("overlap.json", "neighbors.parquet", "report.html", "figure5.png"):
        assert f'href="evaluation/{name}" download' in page
    assert str(archive.evaluation) not in page and "passwords" not in page


def test_names_from_the_data_are_escaped(archive: Archive, evaluation: EvaluationFolder) -> None:
    names = [["<b>Mass</b>"] if row else row for row in archive.studies["findings"]]
    ids = archive.studies["image_id"]
    studies = archive.studies.assign(findings=pd.Series(names), image_id=ids)
    page = evaluation_html(evaluation, studies)
    assert "<b>Mass" not in page and "&lt;b&gt;Mass" in page


def test_only_the_evaluations_own_files_can_be_fetched(archive: Archive) -> None:
    app = FastAPI()
    app.include_router(evaluation_routes(archive))
    http = TestClient(app)
    assert archive.evaluation is not None
    assert http.get("/evaluation/overlap.json").content == (archive.evaluation / "overlap.json").read_bytes()
    assert http.get("/evaluation/figure5.png").headers["content-type"] == "image/png"
    for name in ("passwords.csv", "manifest.json", "../eval/overlap.json", "..%2Feval%2Foverlap.json", ""):
        assert http.get(f"/evaluation/{name}").status_code == 404


def test_another_folder_is_refused_before_anything_is_served(archive: Archive, tmp_path: Path) -> None:
    archive = Archive(archive.index, evaluation=tmp_path)
    with pytest.raises(UserError, match="evaluate"):
        evaluation_routes(archive)
