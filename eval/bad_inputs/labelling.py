"""Reports that cannot be labelled, and rules that cannot be read."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from bad_inputs.changes import Act, both, cut, in_table, write
from common.trials import Case

L = "label-reports studies.parquet --out new.parquet"
NAME = "studies.parquet"


def cases() -> list[Case]:
    return [*calls(), *tables(), *texts(), *rules()]


def calls() -> list[Case]:
    refused = {
        "label-reports nope --out new.parquet": "nope", "label-reports notes.txt --out new.parquet":
        "notes.txt", "label-reports films --out new.parquet": "films",
        "label-reports films/studies.csv --out new.parquet": "studies.csv",
        "label-reports labels.parquet --out new.parquet": "labels.parquet",
        "label-reports xml.tgz " "--out new.parquet": "xml.tgz",
        "label-reports nope.zip --out new.parquet": "nope.zip", f"{L} --rules nope": "nope",
        f"{L} --rules notes.txt": "notes.txt", f"{L} --rules empty": "empty", f"{L} --workers 0":
        "--workers", f"{L} --workers -1": "--workers", f"{L} --workers x": "--workers",
        f"{L} --workers 100000000": "workers", f"{L} --out notes.txt": "notes.txt", f"{L} --out empty":
        "empty", f"{L} --out studies.parquet": "studies.parquet", f"{L} --out pred.csv": "pred.csv",
        f"{L} --out ''": "\\.|out", "label-reports " "studies.parquet": "--out",
    }  # fmt: skip
    return [Case(line, said) for line, said in refused.items()]


def tables() -> list[Case]:
    return [
        Case(L, "report", in_table(NAME, lambda t: t.assign(report=None, sections=None)), name="no report"),
        Case(
            L, "report", in_table(NAME, lambda t: t.assign(report=" ", sections=None)), name="blank reports"
        ),
        Case(L, NAME, in_table(NAME, lambda t: t.assign(sections="x")), name="sections that are text"),
        Case(L, NAME, cut(NAME), name="a table cut"),
        Case(L, NAME, write(NAME, b"PAR1" + bytes(100) + b"PAR1"), name="a table of zeros"),
    ]


def texts() -> list[Case]:
    """Strange reports among whole ones: read, each of its labels where it is in the text."""
    strange = {
        "a megabyte of one word": "effusion " * 120000, "without end of sentence":
        "no " * 20000 + "effusion", "NUL": "No eff\x00usion.", "surrogates replaced":
        "No effusion \ufffd\u202e.", "brackets": "(" * 5000 + "effusion" + ")" * 5000, "headings alone":
        "FINDINGS: IMPRESSION: " * 500, "negations alone": "no not without " * 3000, "one letter": "a",
        "emoji": "No effusion \U0001f600.", "CR alone": "FINDINGS:\rNo effusion.\r", "commas":
        "no effusion, " * 5000, "HTML": "<script>alert(1)</script> Effusion.", "digits":
        "1. 2. 3. " * 3000, "underscores": "_" * 50000, "zero width": "ef\u200bfusion", "right to left":
        "\u202eeffusion no",
    }  # fmt: skip

    def first(text: str) -> Callable[[pd.DataFrame], pd.DataFrame]:
        def change(table: pd.DataFrame) -> pd.DataFrame:
            reports = table["report"].tolist()
            sections = pd.Series([None, *table["sections"].tolist()[1:]], dtype=object)
            return table.assign(report=[text, *reports[1:]], sections=sections)

        return change

    return [
        Case(L, "labelled", in_table(NAME, first(text)), "listed", f"report: {name}", as_in_the_text)
        for name, text in strange.items()
    ]


def as_in_the_text(here: Path, out: str) -> None:
    table, labels = pd.read_parquet(here / NAME), pd.read_parquet(here / "new.parquet")
    reports = dict(zip(table["study_id"], table["report"], strict=True))
    assert len(labels) > 20
    for row in labels.to_dict("records"):
        assert reports[row["study_id"]][row["start"] : row["end"]] == row["evidence"]


def rules() -> list[Case]:
    line = f"{L} --rules rules"

    def own(*acts: Act) -> Act:
        def act(here: Path) -> None:
            from importlib.resources import as_file, files

            with as_file(files("cxrneighbors.reports.labeler").joinpath("rules")) as folder:
                shutil.copytree(folder, here / "rules")
            both(*acts)(here)

        return act

    def on_each(change: Callable[[Path], object]) -> Act:
        def act(here: Path) -> None:
            for path in sorted((here / "rules").iterdir()):
                change(path)

        return act

    return [
        Case(line, "rules", own(on_each(lambda path: path.write_text(""))), name="rules of nothing"),
        Case(
            line, "rules", own(on_each(lambda path: path.write_text("= 5 ["))), name="rules that are no TOML"
        ),
        Case(
            line, "rules", own(on_each(lambda path: path.write_bytes(b"\xff\xfe\x00"))), name="rules of bytes"
        ),
        Case(line, "rules", own(on_each(lambda path: path.unlink())), name="rules gone"),
        Case(
            line, "rules", own(on_each(lambda path: path.write_text("a = 1\n"))), name="rules of other keys"
        ),
    ]
