"""The methods of an overlap summary as text for a terminal."""

from __future__ import annotations

from typing import Any


def summary_lines(summary: dict[str, Any]) -> str:
    """The methods of an `overlap.json` as an aligned text table: overlaps in per cent, lifts in points.

    'exchanged' is the mean lift of exchanged findings; p is corrected by Holm.
    """
    head = f"{'method':<22}{'overlap':>9}{'random':>9}{'lift':>8}   "
    lines = [head + f"{'95 % CI':<16}{'exchanged':>9}{'p, Holm':>9}"]
    for name, row in summary["methods"].items():
        low, high = row["lift_ci95"]
        # One patient alone has no interval.
        interval = "" if low is None else f"[{100 * low:5.1f}, {100 * high:5.1f}]"
        lines.append(
            f"{name:<22}{row['mean_overlap']:>9.1%}{row['random_overlap']:>9.1%}{100 * row['lift']:>8.1f}"
            f"   {interval:<16}{100 * row['null_mean_lift']:>9.1f}{row['p_value_adjusted']:>9.4f}"
        )
    return "\n".join(lines)
