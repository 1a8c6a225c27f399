import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

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
    assert table["mask_path"].tolist() == [None, "m.png"]
    np.testing.assert_array_equal(table["x"], [1.0, np.nan])
    write_regions(empty_regions(), path)
    assert not regions_path(path).exists()
    assert len(read_regions(path)) == 0 and tuple(read_regions(path).columns) == REGION_COLUMNS


def test_wrong_regions_are_named():
    with pytest.raises(UserError, match="column 'finding' is missing"):
        validate_regions(pd.DataFrame({"image_id": ["a"]}))
    with pytest.raises(UserError, match="column 'x' holds no number"):
        validate_regions(pd.DataFrame({"image_id": ["a"], "finding": ["Mass"], "x": ["left"]}))
