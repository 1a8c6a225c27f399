import gzip

import pytest

from cxrneighbors.data.csv_rows import ROW, optional_column, read_csv_rows, require_column
from cxrneighbors.data.skipped import Skipped
from cxrneighbors.errors import UserError


def rows_of(tmp_path, content, name="t.csv"):
    (tmp_path / name).write_bytes(content)
    skipped, notes = Skipped(), []
    return read_csv_rows(tmp_path / name, skipped, notes), skipped, notes


def test_cells_are_stripped_text_with_their_row(tmp_path):
    table, skipped, notes = rows_of(tmp_path, b'a,b\n 007 ,"x, y"\n\n8,"two\nlines"\n')
    assert table["a"].tolist() == ["007", "8"]
    assert table["b"].tolist() == ["x, y", "two\nlines"]
    assert table[ROW].tolist() == [2, 4]
    assert len(skipped) == 0 and not notes


def test_byte_order_mark_gzip_and_windows_text(tmp_path):
    assert rows_of(tmp_path, "\ufeffa\nä\n".encode())[0]["a"].tolist() == ["ä"]
    assert rows_of(tmp_path, gzip.compress("a\nä\n".encode()), "t.csv.gz")[0]["a"].tolist() == ["ä"]
    table, _, notes = rows_of(tmp_path, "a\n39 °C – café\n".encode("cp1252"))
    assert table["a"].tolist() == ["39 °C – café"]
    assert notes == ["t.csv is not valid UTF-8 and was read as Windows-1252"]


def test_short_rows_are_filled_and_long_ones_skipped(tmp_path):
    table, skipped, _ = rows_of(tmp_path, b"a,b,\n1\n2,x,,,\n3,x,y,z\n4,w\n")
    assert table["a"].tolist() == ["1", "2", "4"]
    assert table["b"].tolist() == ["", "x", "w"]
    assert skipped.to_frame().iloc[0].tolist() == ["import", "3", 4, "more cells than the header has"]


def test_repeated_and_missing_names_are_told_apart(tmp_path):
    table, _, notes = rows_of(tmp_path, b"a,,a\n1,2,3\n")
    assert notes == ["t.csv: column 'a' is there 2 times: the first is taken"]
    assert list(table.columns) == ["a", "Unnamed: 1", "a.1", ROW]


def test_monstrous_cell_is_skipped(tmp_path):
    table, skipped, _ = rows_of(tmp_path, b"a\n1\n" + b"x" * 200_000 + b"\n2\n")
    assert table["a"].tolist() == ["1", "2"]
    assert "field larger" in skipped.to_frame()["reason"].iloc[0]


def test_unreadable_files(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        read_csv_rows(tmp_path / "none.csv", Skipped())
    with pytest.raises(UserError, match="the file is empty"):
        rows_of(tmp_path, b"\n\n")
    with pytest.raises(UserError, match="cannot be read"):
        rows_of(tmp_path, gzip.compress(b"a\n1\n" * 100)[:-12], "t.csv.gz")


def test_columns_by_any_of_their_names(tmp_path):
    table, _, _ = rows_of(tmp_path, b"Sex,Age\nF,3\n")
    assert require_column(table, ["Gender", "Sex"], "t.csv") == "Sex"
    assert optional_column(table, ["Gender", "Sex"]) == ["F"]
    assert optional_column(table, ["View"]) == [""]
    with pytest.raises(UserError, match=r"t\.csv: column 'View' is missing \(found: Sex, Age\)"):
        require_column(table, ["View"], "t.csv")


def test_what_is_not_utf_8_with_commas_is_said(tmp_path):
    for content, said in (
        (b"a;b\n1;x,y\n", ["t.csv was read with semicolons"]),
        ("a\tb\n1\tx,y\n".encode("utf-16"), ["t.csv was read with UTF-16 and tabs"]),
        (b'a,b\n1,"x,y"\n', []),
    ):
        table, skipped, notes = rows_of(tmp_path, content)
        assert table[["a", "b"]].values.tolist() == [["1", "x,y"]] and notes == said and not len(skipped)


def test_an_open_quote_is_told_with_its_line(tmp_path):
    table, skipped, notes = rows_of(tmp_path, b'a,b\n1,x\n2,"y\n3,z\n4,w\n')
    assert table["a"].tolist() == ["1", "3", "4"] and table[ROW].tolist() == [2, 4, 5]
    assert skipped.to_frame()["reason"].tolist() == ["a quote is opened and not closed (line 3)"]
    assert notes == ["t.csv: a quote is opened and not closed (line 3): the row is left out"]
    with pytest.raises(UserError, match=r"t\.csv: a quote is opened and not closed \(line 1\)"):
        rows_of(tmp_path, b'a,"b\n1,x\n')
