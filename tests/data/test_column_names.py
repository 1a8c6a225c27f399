from pathlib import Path

import pytest

from cxrneighbors.data.column_names import match_columns
from cxrneighbors.errors import UserError

WANTED = ("image_id", "patient_id", "findings", "age", "position")


def match(*found, **given):
    notes = []
    return match_columns(found, WANTED, given, Path("t.csv"), notes), notes


def test_own_name_given_name_and_spelling():
    used, notes = match("Image ID", "PatientID", "findings", "Diagnosis", patient_id="Diagnosis")
    assert used == {"findings": "findings", "patient_id": "Diagnosis", "image_id": "Image ID"}
    assert notes == ["column 'Image ID' is read as image_id"]


def test_names_that_only_resemble_are_left_alone():
    assert match("page", "ViewPosition", "Diagnosis") == ({}, [])


@pytest.mark.parametrize("column", ["findngs", "fidnings", "finding_s1"])
def test_a_misspelt_column_is_an_error(column):
    with pytest.raises(
        UserError, match=rf"t\.csv: column '{column}' looks like findings; .*findings={column}"
    ):
        match(column)
    assert match(column, findings=column)[0] == {"findings": column}
    assert match(column, "findings")[0] == {"findings": "findings"}


def test_two_spellings_and_a_missing_column():
    with pytest.raises(UserError, match="columns 'Finding' and 'FINDINGS' may both be findings"):
        match("Finding", "FINDINGS")
    with pytest.raises(UserError, match=r"column 'Dx' \(for 'findings'\) is missing \(found: a, b\)"):
        match("a", "b", findings="Dx")
