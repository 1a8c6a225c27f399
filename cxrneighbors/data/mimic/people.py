"""Sex and age from MIMIC-IV's patients table (Johnson et al. 2023): dates are shifted, ages are anchored."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from cxrneighbors.data.csv_rows import read_csv_rows, require_column
from cxrneighbors.data.patients import MAX_AGE, parse_sex
from cxrneighbors.data.skipped import Skipped


def read_people(path: Path, skipped: Skipped, notes: list[str]) -> pd.DataFrame:
    """Index subject_id (text); columns `sex` ('F', 'M', None), `anchor_age`, `anchor_year` (NaN missing)."""
    table = read_csv_rows(path, skipped, notes)
    subject = require_column(table, ["subject_id"], path)
    sex = require_column(table, ["gender"], path)
    numbers = {
        name: pd.to_numeric(table[require_column(table, [name], path)], errors="coerce").to_numpy(dtype=float)
        for name in ("anchor_age", "anchor_year")
    }
    people = pd.DataFrame({"sex": [parse_sex(text) for text in table[sex]], **numbers}, dtype=object)
    people.index = pd.Index(table[subject].to_numpy(), dtype=object)
    return people[~people.index.duplicated()]


def ages_at(people: pd.DataFrame, subjects: pd.Series, dates: pd.Series, notes: list[str]) -> np.ndarray:
    """Age in years at each study: anchor_age + year of the study - anchor_year; float (N,), NaN missing.

    `subjects`, `dates`: N ids and StudyDates as YYYYMMDD. MIMIC-IV gives 91 to everybody older than 89, so
    such ages are lower bounds. Ages below 0 or over `MAX_AGE` are set to missing, and noted.
    """
    years = pd.to_numeric(dates.str.slice(0, 4), errors="coerce").to_numpy(dtype=float)
    anchor_age = subjects.map(people["anchor_age"]).to_numpy(dtype=float)
    anchor_year = subjects.map(people["anchor_year"]).to_numpy(dtype=float)
    ages = anchor_age + years - anchor_year
    wrong = (ages < 0) | (ages > MAX_AGE)
    if wrong.any():
        notes.append(f"{int(wrong.sum())} ages outside 0 to {MAX_AGE:.0f} years set to missing")
    return np.where(wrong, np.nan, ages)
