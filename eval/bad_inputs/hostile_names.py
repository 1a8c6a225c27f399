"""Names that mean something to a page, a spreadsheet, a figure or a terminal: written as text."""

from __future__ import annotations

import csv
import re
import shlex
from collections.abc import Callable
from pathlib import Path

from bad_inputs.changes import Act, both, in_json, in_table, rehashed
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
    found = []
    for name, text in HOSTILE.items():
        found.append(
            Case(
                EVALUATE, "overlap", in_index(findings=text), "listed", f"evaluate: finding {name}", harmless
            )
        )
    for name in ("HTML", "style", "formula", "mathtext", "open mathtext", "escape", "long", "newline"):
        text = HOSTILE[name]
        found += [
            Case(EVALUATE, "overlap", in_index(report=text), "listed", f"evaluate: report {name}", harmless),
            Case(
                EVALUATE,
                "overlap",
                in_index(patient_id=text),
                "listed",
                f"evaluate: patient {name}",
                harmless,
            ),
            Case(
                f"{EXPLAIN} --method lime",
                "score",
                in_index(findings=text),
                "listed",
                f"explain: finding {name}",
                harmless,
            ),
            Case(
                f"search idx --image-id {FILM} --out new.csv",
                "new|rank|query",
                in_index(findings=text),
                "listed",
                f"search: finding {name}",
                harmless,
            ),
            Case(
                labelled(text, EXPLAIN),
                "score",
                in_json("clf/config.json", "config", "labels", to=["Effusion", text]),
                "listed",
                f"explain: label {name}",
                harmless,
            ),
            Case(
                "predict clf studies.parquet --out new.csv",
                "new.csv|films",
                in_json("clf/config.json", "config", "labels", to=["Effusion", text]),
                "listed",
                f"predict: label {name}",
                harmless,
            ),
            Case(
                "audit studies.parquet --out new",
                "new|audit|films",
                in_table("studies.parquet", put(patient_id=text)),
                "listed",
                f"audit: patient {name}",
                harmless,
            ),
        ]
    for text in IN_PATH:
        act, name = in_table("studies.parquet", put(image_id=text)), f"heat map of {text[:20]!r}"
        found.append(Case(HEAT_MAPS, "new", act, "listed", name, harmless))
    return found


def labelled(text: str, line: str) -> str:
    return line.replace("--target Mass", f"--target {shlex.quote(text)} --method lime")


def put(**values: str) -> Callable[..., object]:
    """The first film has these, of `findings` a list of it; so has the second where it may."""

    def change(table):  # type: ignore[no-untyped-def]
        table = table.copy()
        for name, text in values.items():
            rows = table[name].tolist()
            rows[0] = [text] if name == "findings" else text
            if name in ("findings", "report"):
                rows[1] = rows[0]
            table[name] = rows
        return table

    return change


def in_index(**values: str) -> Act:
    return both(in_table("idx/studies.parquet", put(**values)), rehashed("idx"))


def harmless(here: Path, out: str) -> None:
    """No script on a page, no formula in a CSV, no escape on a terminal, no file outside."""
    assert not (here.parent / "evil").exists() and not list(here.rglob("*evil*")), "a file outside"
    assert "\x1b[31m" not in out, "an escape on the terminal"
    pages = [*here.glob("new/**/*.html"), *here.glob("new/**/*.svg")]
    for page in pages:
        text = page.read_text(errors="replace")
        for bad in ("<script>alert", "onerror=alert(1)>", '" onmouseover="alert', "\x1b[31m"):
            assert bad not in text, f"{page.name} holds {bad}"
        assert "{{ 7 * 7 }}" in text or ">49" not in text
    for table in [*here.glob("new.csv"), *here.glob("new/**/*.csv")]:
        for row in csv.reader(table.read_text(errors="replace").splitlines()):
            for cell in row:
                number = re.fullmatch(r"[+-]?[\d.]+(e[+-]?\d+)?", cell)
                assert number or not re.match(r"\s*[=+@]|-\D", cell), f"{table.name} holds {cell!r}"
