"""Words whose full stop ends no sentence: one list for prose and for the labeler."""

from __future__ import annotations

ABBREVIATIONS = frozenset(
    {
        "dr", "drs", "mr", "mrs", "ms", "prof", "st", "vs", "approx", "e.g", "i.e", "eg", "ie", "cf", "fig",
        "figs", "ca", "al", "resp", "incl", "lt", "rt", "lat", "ant", "post", "inf", "sup", "med", "max",
        "min", "wk", "wks", "yr", "yrs", "hr", "hrs", "a.m", "p.m",
    }
)  # fmt: skip
