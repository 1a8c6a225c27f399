import csv
import io

import numpy as np
import pytest

from cxrneighbors.data import csv_rows
from cxrneighbors.data.csv_columns import read_columns
from cxrneighbors.data.csv_rows import read_csv_rows
from cxrneighbors.data.skipped import Skipped

CELLS = [
    "plain",
    " b ",
    "",
    "ä",
    "007",
    "NA",
    "\xa0z\x1f",
    "\u2028",
    "\\",
    "a, b",
    'say "x"',
    "two\nlines",
    "x\r\ny",
]


def outcome(path):
    """All that reading a file gives, to be compared."""
    skipped, notes = Skipped(), []
    table = read_csv_rows(path, skipped, notes)
    return list(table.columns), table.to_numpy().tolist(), skipped.to_frame().to_numpy().tolist(), notes


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_cells_are_those_of_the_csv_module(end):
    rows = np.random.default_rng(0).choice(CELLS, (200, 3)).tolist()
    rows = [row for row in rows if any(row)]
    stream = io.StringIO()
    csv.writer(stream, lineterminator=end).writerows([["id", " note", "last"], *rows])
    header, columns = read_columns(stream.getvalue().encode())
    assert header == ["id", "note", "last"]
    assert [list(row) for row in zip(*columns, strict=True)] == [
        [cell.strip() for cell in row] for row in rows
    ]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"a,b\n",
        b"\na,b\n1,2\n",
        b"a,b\n1,2\n\n3,4\n",
        b"a,b\n1\n",
        b"a,b\n1,2,3\n",
        b"a,a\n1,2\n",
        b"a;b\n1;2\n",
        b"sep=,\na,b\n1,2\n",
        b"a,b\r1,2\r",
        b'a,b\n"1"x,2\n',
        b'a,b\n1,"2\n3,4\n',
        b'a,b\nx"y,2\n',
        b"a,b\n\xe4,2\n",
        b"a,b\n\x00,2\n",
        "a,b\n1,2\n".encode("utf-16"),
        b"a\n" + b"x" * 200_000 + b"\n",
    ],
)
def test_what_is_irregular_is_left_to_the_records(content):
    assert read_columns(content) is None


def test_both_ways_of_reading_agree(tmp_path, monkeypatch):
    rng = np.random.default_rng(1)
    pieces = [
        "a",
        " b",
        "",
        '"q"',
        '"x, y"',
        '"d""q"',
        '"two\nlines"',
        "ä",
        "\x85",
        '"open',
        'in"side',
        ";",
        "\t",
    ]
    files, regular = [], 0
    for number in range(300):
        width = rng.integers(1, 4)
        rare = rng.choice(len(pieces), (rng.integers(1, 6), width), p=[0.1] * 9 + [0.025] * 4)
        lines = [",".join(pieces[place] for place in row) for row in rare]
        files.append(tmp_path / f"{number}.csv")
        files[-1].write_bytes(
            ("id" + ",n" * (width - 1) + "\n" + rng.choice(["\n", "\r\n"]).join(lines)).encode()
        )
        regular += read_columns(files[-1].read_bytes()) is not None
    found = [outcome(path) for path in files]
    monkeypatch.setattr(csv_rows, "read_columns", lambda content: None)
    assert found == [outcome(path) for path in files]
    assert 50 < regular < 250


def test_equal_cells_are_one_text():
    _, (column,) = read_columns(b"a\nlong enough\nlong enough\nother\n")
    assert column[0] is column[1]
