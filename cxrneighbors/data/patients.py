"""Age and sex as data sets write them, brought to years and F/M."""

from __future__ import annotations

import math
import re

MAX_AGE = 120.0
_YEARS_PER_UNIT = {"Y": 1.0, "M": 1 / 12, "W": 7 / 365.25, "D": 1 / 365.25}
_AGE = re.compile(
    r"(\d+(?:\.\d+)?)\s*(?:(Y)(?:EARS?|RS?)?|(M)(?:ONTHS?)?|(W)(?:EEKS?)?|(D)(?:AYS?)?)?", re.IGNORECASE
)
_SEXES = {"F": "F", "FEMALE": "F", "M": "M", "MALE": "M"}


def parse_age(text: str | None) -> float:
    """Age in years from `58`, `58.0`, `058Y`, `11M`, `003W` or `010D` (DICOM Age String, PS3.5 6.2).

    NaN for blank or not understood text and for ages over `MAX_AGE` (typing errors in ChestX-ray14).

    >>> parse_age("058Y"), parse_age("6M"), parse_age("412")
    (58.0, 0.5, nan)
    """
    match = _AGE.fullmatch((text or "").strip())
    if not match:
        return math.nan
    unit = next((unit for unit in match.groups()[1:] if unit), "Y").upper()
    years = float(match.group(1)) * _YEARS_PER_UNIT[unit]
    return years if years <= MAX_AGE else math.nan


def parse_ages(texts: list[str], items: list[str], notes: list[str]) -> list[float]:
    """`parse_age` of N cells; what was written but not usable is noted with its count and first items."""
    ages = [parse_age(text) for text in texts]
    wrong = [
        f"{item}: {text!r}"
        for text, item, age in zip(texts, items, ages, strict=True)
        if math.isnan(age) and text.strip()
    ]
    if wrong:
        shown = ", ".join(wrong[:3]) + (", ..." if len(wrong) > 3 else "")
        notes.append(f"{len(wrong)} ages not understood or over {MAX_AGE:.0f} years set to missing ({shown})")
    return ages


def parse_sex(text: str | None) -> str | None:
    """'F' or 'M' from `F`, `female`, `M`, `Male`; None for anything else."""
    return _SEXES.get((text or "").strip().upper())
