"""Who is a patient: the pair (dataset, patient_id). Data sets number their patients independently."""

from __future__ import annotations

import numpy as np
import pandas as pd

PATIENT = ("dataset", "patient_id")


def patient_codes(studies: pd.DataFrame) -> np.ndarray:
    """Number of each row's patient, in order of first appearance: int64 (N,), 0..P-1.

    >>> table = pd.DataFrame({"dataset": ["a", "b", "a"], "patient_id": ["1", "1", "1"]})
    >>> patient_codes(table).tolist()
    [0, 1, 0]
    """
    return studies.groupby(list(PATIENT), sort=False).ngroup().to_numpy(dtype=np.int64)


def patient_names(studies: pd.DataFrame) -> list[str]:
    """A name for each row's patient that no other patient has, 'dataset/patient_id': N texts."""
    pairs = zip(*(studies[column].astype(str) for column in PATIENT), strict=True)
    return ["/".join(pair) for pair in pairs]


def count_patients(studies: pd.DataFrame) -> int:
    """Number of different patients in a table."""
    return len(studies[list(PATIENT)].drop_duplicates())
