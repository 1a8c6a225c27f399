import zipfile

import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

from cxrneighbors.cli import label_reports
from cxrneighbors.data.tables import write_table
from cxrneighbors.errors import UserError


@pytest.fixture
def app():
    made = typer.Typer()
    made.command()(label_reports.command)
    return made


def write_studies(path):
    rows = [{
        "image_id": f"i{i}", "path": None, "patient_id": f"p{i}", "study_id": f"s{i}", "view": "UNKNOWN",
        "position": "unknown", "sex": None, "age": None, "findings": [], "report": report, "sections": None,
        "split": "train", "dataset": "test",
    } for i, report in enumerate(["Small effusion.", None, "Clear lungs."])]  # fmt: skip
    write_table(pd.DataFrame(rows), path)


def test_a_table_without_reports_is_refused(app, tmp_path):
    write_studies(tmp_path / "studies.parquet")
    table = pd.read_parquet(tmp_path / "studies.parquet")
    write_table(table.assign(report=[" ", None, ""]), tmp_path / "none.parquet")
    result = CliRunner().invoke(app, [str(tmp_path / "none.parquet"), "--out", str(tmp_path / "l.parquet")])
    assert isinstance(result.exception, UserError) and "holds no report" in str(result.exception)
    assert not (tmp_path / "l.parquet").exists()


def test_writes_the_label_table(app, tmp_path, capsys):
    write_studies(tmp_path / "studies.parquet")
    out = tmp_path / "labels.parquet"
    result = CliRunner().invoke(app, [str(tmp_path / "studies.parquet"), "--out", str(out)])
    assert result.exit_code == 0, result.output
    assert "2 of 3 studies labelled" in result.output
    labels = pd.read_parquet(out)
    assert labels.query("finding == 'Effusion'")[["study_id", "status"]].values.tolist() == [
        ["s0", "present"]
    ]


def test_a_missing_rule_folder_is_an_error_of_the_user(app, tmp_path):
    write_studies(tmp_path / "studies.parquet")
    arguments = [
        str(tmp_path / "studies.parquet"),
        "--out",
        str(tmp_path / "o"),
        "--rules",
        str(tmp_path / "no"),
    ]
    result = CliRunner().invoke(app, arguments)
    assert isinstance(result.exception, UserError) and "no such rule file" in str(result.exception)
    assert not (tmp_path / "o").exists()


def test_the_published_zip_is_labelled_as_it_is(app, tmp_path):
    with zipfile.ZipFile(tmp_path / "mimic-cxr-reports.zip", "w") as archive:
        archive.writestr("files/p10/p10000032/s50414267.txt", "IMPRESSION: Small effusion.")
        archive.writestr("files/p10/p10000032/s50414268.txt", "")
    out = tmp_path / "labels.parquet"
    result = CliRunner().invoke(app, [str(tmp_path / "mimic-cxr-reports.zip"), "--out", str(out)])
    assert result.exit_code == 0, result.output
    assert "1 of 1 reports labelled" in result.output
    assert set(pd.read_parquet(out)["study_id"]) == {"50414267"}
    assert pd.read_csv(tmp_path / "skipped.csv")["item"].tolist() == ["s50414268.txt"]
