"""Expressions that --where, --targets and --among cannot take."""

from __future__ import annotations

import shlex

from bad_inputs.options import EXPLAIN
from bad_inputs.place import FILM
from common.trials import Case

BAD = (
    "", " ", "view =", "view == ", "== 'PA'", "view == PA", "view", "age", "'PA'", "1", "True +",
    "view = 'PA'", "view === 'PA'", "view == 'PA' and", "and view == 'PA'", "(view == 'PA'",
    "view == 'PA')", "view == 'PA", "nope == 'PA'", "View == 'PA'", "view > 5", "age > 'old'",
    "age == 'old'", "age in 5", "age in ['a']", "view in 5", "findings > 3", "findings == 'Mass'",
    "findings.has()", "findings.has('Mass', 'Edema')", "findings.has(5)", "findings.nope('Mass')",
    "view.has('PA')", "age.between(1)", "age.between('a', 'b')", "age.between(1, 2, 3)", "nope('x')",
    "mentions()", "mentions(5)", "finding('Mass')", "finding('Mass') == 5", "finding('Mass') == 'maybe'",
    "finding('Nope') == 'present'", "side('Mass') == 'up'", "__import__('os')",
    "__import__('os').system('touch evil')", "().__class__.__bases__[0].__subclasses__()",
    "view.__class__", "open('/etc/passwd').read()", "lambda: 1", "[x for x in view]",
    "view if age else sex", "f'{view}'", "view := 'PA'", "age + 5 > 40", "age ** 9999999999 > 1",
    "age > 1e999", "age > -view", "age is None", "not", "~", "age > 40 & view == 'PA'", "import os",
    "exec('1')", "view == b'PA'", "age > 1j", "...", "{'a': 1}", "view == 'PA'; age > 4", "age > 40 > ",
    "\x00", "view == '\x00'", "view == 'NOPE'", "age > 999", "split == 'nope'", "report.contains(5)",
    "report.contains()", "report.contains('(')", "age.isna('x')", "@age > 4", "`age` > 4", "age > $x",
    "view == 'PA' or", "#", "((((((" * 4, "not " * 3000 + "True",
    "(" * 300 + "view == 'PA'" + ")" * 300, "age > " + "9" * 5000,
    "view == 'PA' or " * 700 + "view == 'PA'", "view == '" + "a" * 20000 + "'",
)  # fmt: skip


def cases() -> list[Case]:
    found = [
        Case(
            f"search idx --image-id {FILM} --where {shlex.quote(text)}",
            "where",
            name=f"where {text[:60]!r}",
        )
        for text in BAD
        if "\x00" not in text
    ]
    for option, line in (
        ("--targets", "evaluate idx --out new --baselines none --permutations 9"),
        ("--where", "evaluate idx --out new --baselines none --permutations 9"),
        ("--among", EXPLAIN.replace(f"--image-id {FILM}", "")),
        ("--where", EXPLAIN),
        ("--among", "evaluate-explanations idx --classifier clf --out new --methods lime"),
    ):
        for text in ("view =", "nope == 1", "age > 999", "", "__import__('os').system('touch evil')"):
            found.append(Case(f"{line} {option} {shlex.quote(text)}", f"{option}|among|no images"))
    return found
