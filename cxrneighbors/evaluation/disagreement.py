"""Why an interval and a p-value of one row seem to disagree, in words.

The interval asks whether other patients of the kind would show a lift over random choice; the exchange test
whether this archive's neighbours know more than film counts explain; Holm's correction, how much of that is
the number of questions asked. So either can hold without the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cxrneighbors.evaluation.wording import NBSP, p_text, points

LEVEL = 0.05


def reason(row: Mapping[str, Any]) -> str | None:
    """The reason for a lift; None where interval and corrected p say the same, or one is missing.

    `row`: a method, finding or view of `overlap.json`: lift_ci95, p_value, p_value_adjusted, null_mean_lift,
    effective_patients.
    """
    kind = _kind(row["lift_ci95"], row.get("p_value"), row.get("p_value_adjusted"))
    if kind is None:
        return None
    left = points(row["null_mean_lift"])
    return {
        "below": "The interval is below 0; the test asks only whether the lift is above what exchanged "
        f"findings leave ({left} points).",
        "few": f"The lift of this archive is beyond what exchanged findings leave ({left} points), but it "
        f"rests on few patients{_effective(row)}: for others of the kind the interval includes 0.",
        "many": _many_tests(row),
        "counts": f"Exchanged findings leave {left} of the {points(row['lift'])} points: the interval is "
        "about all of the lift, the test about the rest, which could be chance.",
    }[kind]


def short_reason(row: Mapping[str, Any]) -> str | None:
    """The same in the few words that a figure has room for."""
    kind = _kind(row["lift_ci95"], row.get("p_value"), row.get("p_value_adjusted"))
    if kind is None:
        return None
    return {
        "below": "(p asks for a lift above chance only)",
        "few": f"(interval: few patients{_effective(row)})",
        "many": f"(p before correction for many tests {p_text(row['p_value']).removeprefix(f'p{NBSP}')})",
        "counts": f"(p: beyond the {points(row['null_mean_lift'])} of film counts)",
    }[kind]


def paired_reason(interval: list[float | None], p: float | None, adjusted: float | None) -> str | None:
    """The reason for a difference of two methods, whose p is that of its interval: Holm's correction."""
    if _kind(interval, p, adjusted) is None or p is None or p >= LEVEL:
        return None
    return _many_tests({"p_value": p, "p_value_adjusted": adjusted})


def disagreements(rows: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, str]]:
    """(name, reason) of the named rows that need one."""
    return [(name, text) for name, row in rows.items() if (text := reason(row))]


def reason_lines(summary: Mapping[str, Any]) -> list[str]:
    """For a terminal: 'image, why interval and p seem to disagree: …' for each method that needs it."""
    found = disagreements(summary["methods"])
    return [f"{name}, why interval and p seem to disagree: {text}" for name, text in found]


def _kind(interval: list[float | None], p: float | None, adjusted: float | None) -> str | None:
    low, high = interval
    if low is None or high is None or p is None or adjusted is None:
        return None
    if (low > 0 or high < 0) == (adjusted < LEVEL):
        return None
    if adjusted < LEVEL:
        return "few"
    if p < LEVEL:
        return "many"
    return "below" if high < 0 else "counts"


def _effective(row: Mapping[str, Any]) -> str:
    number = row["effective_patients"]  # None where nothing varies
    return "" if number is None else f", {number:.0f} effective"


def _many_tests(row: Mapping[str, Any]) -> str:
    return (
        f"Alone it has {p_text(row['p_value'])}; {p_text(row['p_value_adjusted'])} is after Holm's "
        "correction for the number of tests. The interval is not corrected."
    )
