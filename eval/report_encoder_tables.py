"""The tables of `report_encoders.py`."""

from __future__ import annotations

from typing import Any

from common.markdown import LIFT, document, interval, table

SHOWN = ("overlap:", "random:", "lift (95 % CI)")


def markdown(summary: dict[str, Any]) -> str:
    """Lifts on split 'test' by mask and definition, then what else was asked, then paired differences."""
    about = (
        f"{summary['base']} adapted to {summary['n_train_reports']} reports of {summary['dataset']} without "
        f"labels ({summary['chosen']}, OBJECTIVE:EPOCHS); {summary['k']} nearest reports of each report of "
        "split 'test', which no encoder has seen in training; lift over exact random choice, in points. "
        f"By the labeler's rules, written while looking at half of the reports: "
        f"{', '.join(summary['by_rules'])}; 'others': the lift on the reports of the other half alone."
    )
    blocks = [about, *_candidates(summary)]
    for mask, found in summary["test"].items():
        for definition, rows in found.items():
            others = summary["unseen_by_rules"][mask][definition]
            columns = {f"{mask}, overlap '{definition}'": "{name}"} | {name: LIFT[name] for name in SHOWN}
            columns["others:"] = "{others}"
            lines = [
                {"name": name, **row, "others": f"{100 * others[name]['lift']:+.1f}"}
                for name, row in rows.items()
            ]
            blocks.append(table(columns, lines))
    blocks.append(table({"section alone": "{name}", "lift (95 % CI)": LIFT["lift (95 % CI)"]}, [
        {"name": f"{encoder}, {section}", **row}
        for section, found in summary["sections_alone"].items()
        for encoder, row in found["any"].items()
    ]))  # fmt: skip
    for name, found in summary["elsewhere"].items():
        columns = {f"learned on {summary['dataset']}, scored on {name}": "{name}"}
        columns |= {heading: LIFT[heading] for heading in SHOWN}
        blocks.append(table(columns, [{"name": key, **row} for key, row in found["any"].items()]))
    return document(*blocks, _differences(summary))


def _candidates(summary: dict[str, Any]) -> list[str]:
    """Lifts on 'val', where several were tried."""
    tried = {name: lift for name, lift in summary["candidates_on_val"].items() if lift == lift and lift}
    if not tried:
        return []
    return [table({"tried on split 'val'": "{name}", "lift:": "{lift:+.1p}"}, [
        {"name": name, "lift": lift} for name, lift in tried.items()
    ])]  # fmt: skip


def _differences(summary: dict[str, Any]) -> str:
    columns = {
        "reports": "{mask}",
        "overlap": "{definition}",
        "first": "{first}",
        "second": "{second}",
        "targets:": "{n_targets}",
        "difference of lifts (95 % CI)": interval("difference"),
        "p:": "{p_value:.4f}",
        "Holm:": "{p_value_adjusted:.4f}",
    }
    return table(columns, summary["comparisons"])
