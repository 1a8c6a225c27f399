import csv
import io

import numpy as np
import pytest

from cxrneighbors.data.csv_records import decode, read_records, sniff_separator

TABLE = "id,name,note\n1,Größe,two\n2,b,\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_text_of_any_encoding(encoding):
    text, named = decode(TABLE.encode(encoding))
    assert text == TABLE
    assert named == {"utf-8": "UTF-8", "utf-8-sig": "UTF-8", "cp1252": "Windows-1252"}.get(encoding, "UTF-16")


@pytest.mark.parametrize("sign", [",", ";", "\t"])
def test_the_separator_is_found_and_cells_are_those_of_the_csv_module(sign):
    rng = np.random.default_rng(0)
    pieces = ["plain", 'say "x"', "a,b", "a;b", "a\tb", "two\nlines", "", "ä"]
    rows = [["id", "note", "last"], *rng.choice(pieces, (40, 3)).tolist()]
    stream = io.StringIO()
    csv.writer(stream, delimiter=sign).writerows(rows)
    assert sniff_separator(stream.getvalue()) == sign
    records = list(read_records(stream.getvalue(), sign))
    assert [record.cells for record in records] == rows and not any(record.trouble for record in records)


def test_excels_line_names_the_separator():
    assert sniff_separator("sep=;\r\na,b;c,d\r\n") == ";"
    assert [record.cells for record in read_records("sep=;\r\na,b;c\r\n", ";")] == [["a,b", "c"]]


def test_an_open_quote_takes_no_other_line_with_it():
    text = 'id,note\n1,"open\n2,"fine"\n3,"two\nlines"\n4,x\n5,"never closed\n6,y\n'
    records = list(read_records(text, ","))
    assert [record.cells[0] for record in records if not record.trouble] == ["id", "2", "3", "4", "6"]
    assert [(record.line, record.trouble) for record in records if record.trouble] == [
        (2, "a quote is opened and not closed (line 2)"),
        (7, "a quote is opened and not closed (line 7)"),
    ]


def test_an_open_quote_before_much_text():
    text = 'id,note\n1,"open\n' + "".join(f"{row},{'x' * 100}\n" for row in range(2, 5000))
    records = list(read_records(text, ","))
    assert len(records) == 5000 and [record.line for record in records if record.trouble] == [2]


def test_text_behind_a_closed_quote_stays():
    assert [record.cells for record in read_records('1,"a"b,2\n3,c,4\n', ",")] == [
        ["1", "ab", "2"],
        ["3", "c", "4"],
    ]
