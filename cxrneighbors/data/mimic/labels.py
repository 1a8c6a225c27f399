"""CheXpert and NegBio tables (Johnson et al. 2019, Irvin et al. 2019) to lists of findings."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from pathlib import Path

import numpy as np
import pandas as pd

from cxrneighbors.data.csv_rows import require_column
from cxrneighbors.data.schema import NO_FINDING
from cxrneighbors.errors import UserError, choose

LABELERS = ("chexpert", "negbio")
POLICIES = ("ignore", "positive", "negative")
PRESENT, ABSENT, UNCERTAIN, BLANK = 1, 0, -1, -2
_CODES = {
    f"{sign}{number}{decimals}": int(sign + number)
    for sign, number in (("", "1"), ("", "0"), ("-", "1"))
    for decimals in ("", ".0")
}


@cache
def label_names() -> dict[str, dict[str, str]]:
    """`labels.toml`: 'names' (observation -> the package's finding), 'written_as' (the way back)."""
    text = files("cxrneighbors.data.mimic").joinpath("labels.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def label_table(table: pd.DataFrame, source: Path, uncertain: str, notes: list[str]) -> pd.DataFrame:
    """What each study's labels say: index study_id, columns `findings` (list of str), `uncertain_findings`
    (names joined by '|', '' where none).

    `table`: text cells, columns study_id and observations, 1 present, 0 absent, -1 uncertain, blank not
    mentioned. `uncertain`: what -1 means. 'ignore': neither present nor absent, so the name is left out, and
    a study in which nothing is present counts as not labelled. 'positive': present. 'negative': absent, so
    that a study in which something was mentioned and nothing is present is "No Finding".

    "No Finding" together with Support Devices is kept as the labelers give it: a device is no disease.
    Of several rows of a study the first counts. Raises `UserError` for an unknown policy or a table without
    observations.
    """
    choose("policy for uncertain labels", uncertain, POLICIES)
    study = require_column(table, ["study_id"], source)
    names = label_names()["names"]
    columns = [column for column in names if column in table.columns]
    if not columns:
        raise UserError(f"{source}: none of the 14 observations is a column of it; get the table again")
    table = table.drop_duplicates(study)
    codes = np.stack([_codes(table[column], source, notes) for column in columns], axis=1)
    # Few combinations of labels occur: lists are made for each of them once.
    _, first, row = np.unique(
        (codes - BLANK) @ 4 ** np.arange(len(columns)), return_index=True, return_inverse=True
    )
    patterns = codes[first]
    findings = [name_findings(pattern, [names[c] for c in columns], uncertain) for pattern in patterns]
    doubtful = [
        "|".join(names[c] for c, code in zip(columns, pattern, strict=True) if code == UNCERTAIN)
        for pattern in patterns
    ]
    result = pd.DataFrame(index=pd.Index(table[study].to_numpy(), dtype=object, name="study_id"))
    for name, values in {"findings": findings, "uncertain_findings": doubtful}.items():
        result[name] = pd.Series([values[i] for i in row], index=result.index, dtype=object)
    return result


def name_findings(codes: np.ndarray, names: list[str], uncertain: str) -> list[str]:
    """The findings of one study: int codes (C,) among 1, 0, -1 and -2 (blank) for findings `names` (C).

    >>> name_findings(np.array([1, -1, -2]), ["Edema", "Effusion", "Fracture"], "positive")
    ['Edema', 'Effusion']
    """
    present = {PRESENT, UNCERTAIN} if uncertain == "positive" else {PRESENT}
    found = [name for name, code in zip(names, codes, strict=True) if code in present]
    diseases = [name for name in found if name != "Support Devices"]
    if uncertain == "negative" and not diseases and (codes != BLANK).any():
        return [NO_FINDING, *found]
    return found


def _codes(cells: pd.Series, source: Path, notes: list[str]) -> np.ndarray:
    """int8 (N,) of 1, 0, -1, and -2 for blank; other texts are blank too, and noted."""
    unknown = [text for text in cells.unique() if text not in _CODES and text != ""]
    if unknown:
        count = int(cells.isin(unknown).sum())
        notes.append(f"{source.name}: {count} labels not understood ({unknown[0]!r}) taken as blank")
    return cells.map(_CODES).fillna(BLANK).to_numpy().astype(np.int8)
