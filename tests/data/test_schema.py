import numpy as np
import pandas as pd
import pytest

from cxrneighbors.data.schema import COLUMNS, has_text, studies_hash, validate_studies
from cxrneighbors.errors import UserError


def minimal(**columns):
    return pd.DataFrame({"image_id": ["a", "b"], "patient_id": [1, 2], "findings": [["Mass"], []], **columns})


def test_missing_optional_columns_are_filled():
    table = validate_studies(minimal())
    assert tuple(table.columns) == COLUMNS
    assert table["patient_id"].tolist() == ["1", "2"]
    assert table["study_id"].tolist() == ["a", "b"]
    assert table["path"].tolist() == [None, None]
    assert table["view"].tolist() == ["UNKNOWN"] * 2
    assert table["age"].dtype == "float64" and table["age"].isna().all()
    assert table["findings"].tolist() == [["Mass"], []]


def test_types_are_brought_to_one_form():
    table = validate_studies(
        minimal(
            findings=["Mass|Nodule", np.array(["Edema"])],
            sections=[{"findings": "Clear.", "impression": None}, {}],
            sex=["F", np.nan],
            age=["61", None],
            site=["x", "y"],
        )
    )
    assert table["findings"].tolist() == [["Mass", "Nodule"], ["Edema"]]
    assert table["sections"].tolist() == [{"findings": "Clear."}, None]
    assert table["sex"].tolist() == ["F", None]
    assert table["age"].iloc[0] == 61.0 and np.isnan(table["age"].iloc[1])
    assert table.columns[-1] == "site"


def test_input_is_left_alone_and_validation_is_idempotent():
    frame = minimal(age=["61", "7"])
    before = frame.copy(deep=True)
    once = validate_studies(frame)
    pd.testing.assert_frame_equal(frame, before)
    pd.testing.assert_frame_equal(validate_studies(once), once)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image_id": ["a", "a"]}, "duplicate image_id 'a'"),
        ({"image_id": ["a", None]}, "image_id"),
        ({"view": ["PA", "oblique"]}, "'view'.*'oblique'"),
        ({"position": ["erect", "sitting"]}, "'position'.*'sitting'"),
        ({"sex": ["F", "X"]}, "'sex'.*'X'"),
        ({"age": [20, 412]}, "'age'.*412"),
        ({"age": ["61", "old"]}, "'age' holds 'old' in row 1; give years as a number"),
        ({"split": ["train", "holdout"]}, "'split'.*'holdout'"),
        ({"patient_id": ["1", None]}, "patient_id"),
    ],
)
def test_wrong_values_are_named(change, message):
    with pytest.raises(UserError, match=message) as raised:
        validate_studies(minimal(**change), source="mine.csv")
    assert str(raised.value).startswith("mine.csv")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("column", "value", "remedy"),
    [
        ("findings", 5, "give a list of names"),
        ("findings", {"Mass": 1}, "give a list of names"),
        ("findings", "[Mass]", "give a list of names"),
        ("sections", "clear", "give a dict of texts"),
        ("sections", ["clear"], "give a dict of texts"),
        ("sections", 3.5, "give a dict of texts"),
    ],
)
def test_lists_and_dicts_of_another_kind_are_named(column, value, remedy):
    with pytest.raises(UserError, match=rf"column '{column}' holds .* in row 1; {remedy}"):
        validate_studies(minimal().assign(**{column: [None, value]}))


def test_what_pandas_did_is_undone():
    table = minimal(findings=["['Mass', 'Edema']", [None, "Mass", np.nan]], study_id=[7.0, np.nan])
    table["study_id"] = table["study_id"].fillna(8.5)
    table = validate_studies(table.set_index("image_id"))
    assert table["image_id"].tolist() == ["a", "b"] and table["study_id"].tolist() == ["7", "8.5"]
    assert table["findings"].tolist() == [["Mass", "Edema"], ["Mass"]]


def test_a_column_twice_is_named():
    table = minimal()
    with pytest.raises(UserError, match="column 'patient_id' is there twice"):
        validate_studies(pd.concat([table, table[["patient_id"]]], axis=1))


@pytest.mark.parametrize("column", ["image_id", "patient_id", "findings"])
def test_missing_column_is_named(column):
    with pytest.raises(UserError, match=f"column '{column}' is missing"):
        validate_studies(minimal().drop(columns=column))


def test_hash_depends_on_what_an_embedding_depends_on():
    table = validate_studies(minimal(report=["Clear.", None], path=["p", "q"]))
    reference = studies_hash(table)
    assert studies_hash(table.assign(split="test", age=5.0)) == reference
    assert studies_hash(table.assign(report=["Clear!", None])) != reference
    assert studies_hash(table.assign(path=["p", "r"])) != reference
    assert studies_hash(table.iloc[::-1]) != reference
    assert studies_hash(table.assign(report=["Clear.", ""])) != reference


def test_has_text():
    values = pd.Series(["x", " ", "", None, float("nan")], dtype=object)
    assert has_text(values).tolist() == [True, False, False, False, False]
