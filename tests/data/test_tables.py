import os

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from cxrneighbors.data.imports import read_studies
from cxrneighbors.data.schema import validate_studies
from cxrneighbors.data.tables import (
    REGION_COLUMNS,
    empty_regions,
    read_regions,
    read_table,
    regions_path,
    validate_regions,
    write_regions,
    write_table,
)
from cxrneighbors.errors import UserError


@pytest.fixture
def studies():
    return pd.DataFrame(
        {
            "image_id": ["a", "b", "c"],
            "patient_id": ["1", "2", "2"],
            "findings": [["Mass", "Nodule"], [], ["No Finding"]],
            "report": ["Größe normal.", None, ""],
            "sections": [{"findings": "x", "impression": "y"}, None, {"own": "z"}],
            "age": [1.5, np.nan, 80],
            "sex": ["F", None, "M"],
            "site": ["x", None, "y"],
            "exposure": [1, 2, 3],
        }
    )


def test_studies_round_trip(tmp_path, studies):
    write_table(studies, tmp_path / "s.parquet")
    table = read_table(tmp_path / "s.parquet")
    expected = validate_studies(studies)
    for column in expected:
        if column not in ("age", "site"):
            assert table[column].tolist() == expected[column].tolist(), column
    np.testing.assert_array_equal(table["age"], expected["age"])
    assert table["exposure"].dtype == "int64"
    assert table["site"].isna().tolist() == [False, True, False]


def test_empty_columns_keep_their_type_on_disk(tmp_path, studies):
    write_table(studies.assign(report=None, sections=None, findings=[[], [], []]), tmp_path / "s.parquet")
    types = {field.name: str(field.type) for field in pq.read_schema(tmp_path / "s.parquet")}
    assert types["report"] == types["path"] == "string"
    assert types["age"] == "double"
    assert types["findings"].startswith("list<") and types["sections"].startswith("struct<")
    assert read_table(tmp_path / "s.parquet")["findings"].tolist() == [[], [], []]


def test_table_that_pandas_wrote_is_read(tmp_path, studies):
    studies.drop(columns="sections").to_parquet(tmp_path / "s.parquet")
    assert read_table(tmp_path / "s.parquet")["findings"].tolist() == studies["findings"].tolist()


CHANGES = {
    "kept": lambda table: table,
    "filtered": lambda table: table[table["image_id"] != "b"],
    "shuffled": lambda table: table.sample(frac=1, random_state=0),
    "by image": lambda table: table.set_index("image_id"),
    "by patient and image": lambda table: table.set_index(["patient_id", "image_id"]),
    "numbered": lambda table: table.reset_index(),
    "tuples": lambda table: table.assign(findings=[tuple(names) for names in table["findings"]]),
    "arrays": lambda table: table.assign(findings=[np.array(n, dtype=object) for n in table["findings"]]),
    "joined": lambda table: table.assign(findings=table["findings"].str.join("|")),
    "list as text": lambda table: table.assign(findings=table["findings"].map(str)),
    "array as text": lambda table: table.assign(findings=[str(np.array(n)) for n in table["findings"]]),
    "sections as text": lambda table: table.assign(sections=table["sections"].map(str, na_action="ignore")),
    "categories": lambda table: table.assign(view=table["view"].astype("category")),
    "strings": lambda table: table.convert_dtypes(),
    "floats": lambda table: table.assign(patient_id=table["patient_id"].astype(float)),
    "integers": lambda table: table.assign(patient_id=table["patient_id"].astype(int)),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("csv", [False, True], ids=["", "through CSV"])
def test_a_table_that_a_user_changed_with_pandas(tmp_path, studies, change, csv):
    write_table(studies, tmp_path / "s.parquet")
    expected = read_table(tmp_path / "s.parquet")
    changed = CHANGES[change](pd.read_parquet(tmp_path / "s.parquet"))
    if csv:
        changed.to_csv(tmp_path / "s.csv")
        changed = pd.read_csv(tmp_path / "s.csv")
    changed.to_parquet(tmp_path / "t.parquet")
    table = read_table(tmp_path / "t.parquet").set_index("image_id")
    assert set(table.index) == {"a", "c"} | ({"b"} if change != "filtered" else set())
    same = expected.set_index("image_id").loc[table.index]
    for column in ("patient_id", "findings", "sections", "sex", "path", "view", "split"):
        assert table[column].tolist() == same[column].tolist(), column
    assert [text or None for text in table["report"]] == [text or None for text in same["report"]]
    np.testing.assert_array_equal(table["age"], same["age"])


def test_a_csv_in_place_of_a_table_is_told_what_reads_it(tmp_path, studies):
    studies.to_csv(tmp_path / "s.csv")
    with pytest.raises(UserError, match=r"s\.csv: a CSV; .*import folder .*s\.csv --out"):
        read_table(tmp_path / "s.csv")
    table = read_studies("folder", tmp_path / "s.csv")
    assert table["findings"].tolist() == studies["findings"].tolist()


def test_folder_names_add_no_columns(tmp_path, studies):
    write_table(studies, tmp_path / "split=test" / "s.parquet")
    assert read_table(tmp_path / "split=test" / "s.parquet")["split"].tolist() == ["train"] * 3


def test_unreadable_tables(tmp_path, studies):
    (tmp_path / "x.parquet").write_text("image_id,findings")
    (tmp_path / "empty.parquet").touch()
    with pytest.raises(UserError, match=r"none\.parquet: no such file.*import"):
        read_table(tmp_path / "none.parquet")
    for name in ("x", "empty"):
        with pytest.raises(UserError, match=rf"{name}\.parquet: cannot be read as Parquet"):
            read_table(tmp_path / f"{name}.parquet")
    studies[["image_id"]].to_parquet(tmp_path / "y.parquet")
    with pytest.raises(UserError, match=r"y\.parquet: column 'patient_id' is missing"):
        read_table(tmp_path / "y.parquet")


def test_column_of_mixed_types_is_refused(tmp_path, studies):
    with pytest.raises(UserError, match="column 'site' cannot be stored"):
        write_table(studies.assign(site=["x", 1, {"a": 2}]), tmp_path / "s.parquet")
    assert not list(tmp_path.iterdir())


def test_regions_round_trip(tmp_path):
    regions = pd.DataFrame(
        {
            "image_id": ["a", "b"],
            "finding": ["Mass", "Nodule"],
            "x": [1, None],
            "y": [2.5, None],
            "width": [3, None],
            "height": [4, None],
            "mask_path": [None, "m.png"],
        }
    )
    path = tmp_path / "s.parquet"
    write_regions(regions, path)
    assert regions_path(path).name == "s.regions.parquet" and regions_path(path).is_file()
    table = read_regions(path)
    assert tuple(table.columns) == REGION_COLUMNS
    assert table["mask_path"].tolist() == [None, os.path.abspath("m.png")]
    np.testing.assert_array_equal(table["x"], [1.0, np.nan])
    write_regions(empty_regions(), path)
    assert not regions_path(path).exists()
    assert len(read_regions(path)) == 0 and tuple(read_regions(path).columns) == REGION_COLUMNS


def test_wrong_regions_are_named():
    with pytest.raises(UserError, match="column 'finding' is missing"):
        validate_regions(pd.DataFrame({"image_id": ["a"]}))
    with pytest.raises(UserError, match="column 'x' holds no number"):
        validate_regions(pd.DataFrame({"image_id": ["a"], "finding": ["Mass"], "x": ["left"]}))
