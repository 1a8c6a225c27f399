"""Who is a patient, (dataset, patient_id), and what a study, with study_id: data sets number their own."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cxrneighbors.errors import choose

PATIENT = ("dataset", "patient_id")
STUDY = (*PATIENT, "study_id")
ONE_PER = ("image", "study", "patient")


def patient_codes(studies: pd.DataFrame) -> np.ndarray:
    """Number of each row's patient, in order of first appearance: int64 (N,), 0..P-1.

    >>> table = pd.DataFrame({"dataset": ["a", "b", "a"], "patient_id": ["1", "1", "1"]})
    >>> patient_codes(table).tolist()
    [0, 1, 0]
    """
    return unit_codes(studies, "patient")


def unit_codes(studies: pd.DataFrame, one_per: str) -> np.ndarray:
    """Number of what each row belongs to, one of `ONE_PER`, in order of first appearance: int64 (N,).

    A study is (dataset, patient_id, study_id). Raises `UserError` for another name.

    >>> table = pd.DataFrame({"dataset": "a", "patient_id": ["1", "1", "2"], "study_id": ["x", "y", "x"]})
    >>> [unit_codes(table, one_per).tolist() for one_per in ONE_PER]
    [[0, 1, 2], [0, 1, 2], [0, 0, 1]]
    """
    if choose("one_per", one_per, ONE_PER) == "image":
        return np.arange(len(studies), dtype=np.int64)
    columns = STUDY if one_per == "study" else PATIENT
    return studies.groupby(list(columns), sort=False).ngroup().to_numpy(dtype=np.int64)


def patient_names(studies: pd.DataFrame) -> list[str]:
    """A name for each row's patient that no other patient has, 'dataset/patient_id': N texts."""
    pairs = zip(*(studies[column].astype(str) for column in PATIENT), strict=True)
    return ["/".join(pair) for pair in pairs]


def count_patients(studies: pd.DataFrame) -> int:
    """Number of different patients in a table."""
    return len(studies[list(PATIENT)].drop_duplicates())
