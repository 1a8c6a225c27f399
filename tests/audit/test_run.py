"""A data set into which every fault was put by hand: each is found, nothing else is."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageDraw, ImageFont

import cxrneighbors as cx
from cxrneighbors.audit.page import sentences
from cxrneighbors.audit.run import AUDIT, TABLES, AuditResult, audit_studies
from cxrneighbors.classifiers.registry import build
from cxrneighbors.errors import UserError
from cxrneighbors.verification import verify

EVIL = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """One phantom film a patient; 0 and 9 are one file, 1 and 8 one picture mirrored, 5 carries a name, 6 is
    broken, 7 has no file."""
    root = tmp_path_factory.mktemp("films")
    table = cx.generate_phantoms(root, n_patients=10, image_size=96, workers=1).studies
    table = table[table["view"] != "LATERAL"].drop_duplicates("patient_id").reset_index(drop=True)
    table["split"] = "train"
    table["findings"] = [["Mass"]] * len(table)
    assert len(table) == 10
    paths = table["path"].tolist()
    with Image.open(paths[1]) as film:
        film.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(root / "mirrored.png")
    with Image.open(paths[5]) as film:
        named = film.convert("L").point(lambda value: value // 2)
    ImageDraw.Draw(named).text((2, 86), "DOE JOHN", fill=255, font=ImageFont.load_default(9))
    named.save(root / "named.png")
    (root / "broken.png").write_bytes(b"\x89PNG\r\n")
    paths[5], paths[6], paths[7] = str(root / "named.png"), str(root / "broken.png"), None
    paths[8], paths[9] = str(root / "mirrored.png"), paths[0]
    table["path"] = paths
    table.loc[9, "split"] = "test"
    table.loc[3, "patient_id"] = table.loc[2, "patient_id"]
    table.loc[3, "split"] = "val"
    table.at[4, "findings"] = ["No Finding", EVIL]
    return table


@pytest.fixture(scope="module")
def result(studies: pd.DataFrame) -> AuditResult:
    return audit_studies(studies)


def test_each_fault_is_found(studies: pd.DataFrame, result: AuditResult) -> None:
    ids = studies["image_id"]
    copies = result.tables["copies"]
    assert [set(part["image_id"]) for _, part in copies.groupby("group")] == [
        {ids[0], ids[9]},
        {ids[1], ids[8]},
    ]
    assert copies["kind"].tolist() == ["identical"] * 2 + ["mirrored"] * 2
    assert copies["across_patients"].all() and copies["across_splits"].tolist() == [True, True, False, False]
    assert result.tables["splits"]["patient_id"].tolist() == [studies["patient_id"][2]]
    assert result.tables["labels"]["image_id"].tolist() == [ids[4]]
    assert ids[5] in set(result.tables["writing"]["image_id"])
    assert list(result.skipped.to_frame()["item"]) == [ids[6]]
    counts = result.counts
    assert (counts["n_images"], counts["n_read"], counts["views_that_disagree"]) == (10, 8, None)
    assert counts["copies"]["groups_across_patients"] == 2 and counts["copies"]["films_across_splits"] == 2


def test_what_is_written(result: AuditResult, tmp_path: Path) -> None:
    result.write(tmp_path / "audit")
    names = {path.name for path in (tmp_path / "audit").iterdir()}
    assert names == {
        *(f"{name}.csv" for name in TABLES),
        "skipped.csv",
        "audit.json",
        "report.html",
        "manifest.json",
    }
    assert json.loads((tmp_path / "audit" / "audit.json").read_text()) == result.counts
    assert verify(tmp_path / "audit").kind == "audit"
    page = (tmp_path / "audit" / "report.html").read_text()
    assert EVIL not in page and "&lt;script&gt;" in page and "http://" not in page
    assert page.count("data:image/jpeg") == 4 + len(result.tables["writing"])
    assert "One picture stands under several patients in 2 groups of films (4 films)" in page
    result.write(tmp_path / "audit")  # again, over its own
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "x").write_text("mine")
    with pytest.raises(UserError, match="holds other files"):
        result.write(tmp_path / "mine")
    AUDIT.read(tmp_path / "audit")


def test_views_are_checked_by_a_classifier(studies: pd.DataFrame) -> None:
    """A network whose last layer always says AP disagrees with every film tagged otherwise."""
    model = build("small-cnn", labels=["PA", "AP"], image_size=32, width=4, multi_label=False)
    weight, bias = list(model.parameters())[-2:]
    weight.data.zero_()
    bias.data[:] = bias.data.new_tensor([-9.0, 9.0])
    found = audit_studies(studies, view_classifier=model.eval())
    readable = studies.drop([6, 7])
    wrong = readable.loc[readable["view"] == "PA", "image_id"]
    assert set(found.tables["views"]["image_id"]) == set(wrong) and len(wrong)
    assert found.counts["views_that_disagree"] == len(wrong)


def test_sentences_count_in_words(result: AuditResult) -> None:
    assert "1 patient stands in two splits." in sentences(result.counts)
    assert "1 film has labels that contradict." in sentences(result.counts)


def test_a_clean_table_says_so(studies: pd.DataFrame) -> None:
    clean = audit_studies(studies.iloc[[0, 1, 2]])
    assert sentences(clean.counts) == ["Nothing of this was found."]
    assert all(not len(table) for name, table in clean.tables.items() if name != "writing")


def test_without_films(studies: pd.DataFrame) -> None:
    with pytest.raises(UserError, match="none of 10 films can be read"):
        audit_studies(studies.assign(path=None))


def test_real_films_of_two_patients_in_one_table(shared_data: Path, tmp_path: Path) -> None:
    """covid-chestxray as published, a row an id: patients 339 and 340 share films with 285 and 287."""
    rows = pd.read_csv(shared_data / "covid-chestxray" / "metadata.csv", dtype=str)
    rows = rows[rows["patientid"].isin(["285", "287", "339", "340", "5", "6"])].reset_index(drop=True)
    folder = shared_data / "covid-chestxray"
    table = pd.DataFrame(
        {
            "image_id": [f"row {row}" for row in range(len(rows))],
            "patient_id": rows["patientid"],
            "path": [str(folder / "images" / name) for name in rows["filename"]],
            "findings": [[name] for name in rows["finding"]],
        }
    )
    copies = audit_studies(table).tables["copies"]
    across = copies[copies["across_patients"]]
    pairs = {frozenset(part["patient_id"]) for _, part in across.groupby("group")}
    assert pairs == {frozenset({"285", "339"}), frozenset({"287", "340"})}
    assert (across["kind"] == "identical").all() and np.isclose(across["correlation"], 1).all()
