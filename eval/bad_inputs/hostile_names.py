"""Names that mean something to a page, a spreadsheet, a figure or a terminal: written as text."""

from __future__ import annotations

import csv
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bad_inputs.changes import both, in_json, in_table, rehashed
from bad_inputs.options import EXPLAIN
from bad_inputs.place import FILM
from common.trials import Case

HOSTILE = {
    "HTML": "<script>alert(1)</script>", "attribute": '" onmouseover="alert(1)', "entity": "&lt;b&gt;",
    "style": "</style><img src=x onerror=alert(1)>", "template": "{{ 7 * 7 }}{% raw %}", "formula":
    "=HYPERLINK(\"x\")", "formula of plus": "+1+cmd|' /C calc'!A0", "formula of at": "@SUM(A1)",
    "formula after a tab": "\t=1+1", "mathtext": "$\\frac{1}{0}$", "open mathtext": "$a", "TeX":
    "\\input{/etc/passwd}", "format": "%s %n {0} {x}", "escape": "\x1b[31mred\x1b[0m", "right to left":
    "\u202egnp.exe", "zero width": "a\u200bb", "newline": "a\nb", "long": "x" * 3000, "emoji":
    "\U0001f600", "quote": "O'Neil \"x\", y;z", "path": "../../evil", "SQL": "'; DROP TABLE x;--",
}  # fmt: skip
IN_PATH = (
    "../evil",
    "a/b",
    "/etc/passwd",
    "..",
    ".",
    "nul\x01",
    "x" * 300,
    "-rf",
    "~",
    "$HOME",
    "`id`",
    "a;b",
)
EVALUATE = "evaluate idx --out new --baselines none --permutations 9"
HEAT_MAPS = "predict clf studies.parquet --out new.csv --target Mass --heat-map new"


def cases() -> list[Case]:
    """Evaluations carry all of the names at once; what takes less time one each."""
    found = []
    for column in ("findings", "report", "patient_id", "study_id", "dataset"):
        act = in_table("studies.parquet", put_all(column))
        found.append(
            Case("audit studies.parquet --out new", "new", act, "listed", f"audit: {column}", harmless)
        )
    for name, text in HOSTILE.items():
        act = both(in_table("idx/studies.parquet", put_all("findings", text)), rehashed("idx"))
        line = f"search idx --image-id {FILM} --out new.csv"
        found.append(Case(line, "rank", act, "listed", f"search: finding {name}", harmless))
        act = in_json("clf/config.json", "config", "labels", to=["Effusion", text])
        line = "predict clf studies.parquet --out new.csv"
        found.append(Case(line, "new.csv|films", act, "listed", f"predict: label {name}", harmless))
    for name in ("HTML", "style", "formula", "mathtext", "open mathtext", "escape", "long", "newline"):
        text = HOSTILE[name]
        act = in_json("clf/config.json", "config", "labels", to=["Effusion", text])
        title = f"explain: label {name}"
        found.append(Case(labelled(text, EXPLAIN), "score", act, "listed", title, harmless))
    for text in IN_PATH:
        act, name = in_table("studies.parquet", put_all("image_id", text, 1)), f"heat map of {text[:20]!r}"
        found.append(Case(HEAT_MAPS, "new", act, "listed", name, harmless))
    for column in ("findings", "report", "patient_id"):
        act = both(in_table("idx/studies.parquet", put_all(column)), rehashed("idx"))
        found.append(Case(EVALUATE, "overlap", act, "listed", f"evaluate: {column}", harmless))
    return found


def labelled(text: str, line: str) -> str:
    return line.replace("--target Mass", f"--target {shlex.quote(text)} --method lime")


def put_all(column: str, text: str = "", n: int = 2) -> Callable[[Any], Any]:
    """The first films have the hostile names in `column`, one each; with `text` the first `n` have that."""

    def change(table: Any) -> Any:
        values, names = table[column].tolist(), [text] * n if text else list(HOSTILE.values())
        wanted = [[name] for name in names] if column == "findings" else names
        return table.assign(**{column: [*wanted, *values[len(wanted) :]]})

    return change


def harmless(here: Path, out: str) -> None:
    """No script on a page, no formula in a CSV, no escape on a terminal, no file outside."""
    assert not (here.parent / "evil").exists() and not [
        p for p in here.rglob("*evil*") if "new" not in p.parts
    ], "a file outside"
    assert "\x1b[31m" not in out, "an escape on the terminal"
    pages = [*here.glob("new/**/*.html"), *here.glob("new/**/*.svg")]
    for page in pages:
        text = page.read_text(errors="replace")
        for bad in ("<script>alert", "onerror=alert(1)>", '" onmouseover="alert'):
            assert bad not in text, f"{page.name} holds {bad}"
        assert "{{ 7 * 7 }}" in text or ">49" not in text
    for table in [*here.glob("new.csv"), *here.glob("new/**/*.csv")]:
        for row in csv.reader(table.read_text(errors="replace").splitlines()):
            for cell in row:
                number = re.fullmatch(r"[+-]?[\d.]+(e[+-]?\d+)?", cell)
                assert number or not re.match(r"\s*[=+@]|-\D", cell), f"{table.name} holds {cell!r}"
