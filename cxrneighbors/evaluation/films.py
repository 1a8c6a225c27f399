"""The films of a study table as scoring sees them: label sets, patients, views and matching strata.

Matched comparisons are among images of the same view, or of the same view, sex and age band.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from cxrneighbors.errors import choose
from cxrneighbors.evaluation.labels import Labels, encode_labels
from cxrneighbors.statistics.patients import patient_codes, unit_codes

MATCHINGS = ("view", "view-sex-age")
DECADE = 10.0


@dataclass(frozen=True)
class Films:
    """N films. ids, views: str (N,); labels: as the data set gives them; patients: int64 (N,), one code a
    pair (dataset, patient_id); studies: int64 (N,); strata: int64 (N,) for each of `MATCHINGS`."""

    ids: np.ndarray
    labels: Labels
    patients: np.ndarray
    studies: np.ndarray
    views: np.ndarray
    strata: dict[str, np.ndarray]

    @classmethod
    def of(cls, studies: pd.DataFrame) -> Films:
        """The rows of a study table, in their order."""
        return cls(
            ids=studies["image_id"].to_numpy(dtype=object),
            labels=encode_labels(studies["findings"]),
            patients=patient_codes(studies),
            studies=unit_codes(studies, "study"),
            views=studies["view"].to_numpy(dtype=object),
            strata={matching: match_strata(studies, matching) for matching in MATCHINGS},
        )

    def take(self, rows: np.ndarray) -> Films:
        """Some of the films, in the order asked for."""
        return Films(
            self.ids[rows],
            self.labels.take(rows),
            self.patients[rows],
            self.studies[rows],
            self.views[rows],
            {matching: strata[rows] for matching, strata in self.strata.items()},
        )

    def units(self, one_per: str) -> np.ndarray:
        """What each film is one of: int64 (N,), its patient, its study, or itself for 'image'."""
        return {"patient": self.patients, "study": self.studies, "image": np.arange(len(self.ids))}[one_per]


def age_band(age: np.ndarray) -> np.ndarray:
    """Decade of an age in years: int64, 0 for 0 to 9, 1 for 10 to 19, ...; missing is its own band, -1.

    >>> age_band(np.array([9.9, 10.0, 57.0, np.nan])).tolist()
    [0, 1, 5, -1]
    """
    age = np.asarray(age, dtype=np.float64)
    return np.where(np.isnan(age), -1, np.floor(np.nan_to_num(age) / DECADE)).astype(np.int64)


def match_strata(studies: pd.DataFrame, matching: str) -> np.ndarray:
    """Stratum of each row: int64 (N,), 0..S-1. `view`, or `view-sex-age` with decades of age.

    A missing sex and a missing age each form a stratum of their own: nothing is guessed.
    """
    choose("matching", matching, MATCHINGS)
    key = studies["view"].astype(str)
    if matching == "view-sex-age":
        sex = studies["sex"].where(studies["sex"].notna(), "?").astype(str)
        band = pd.Series(age_band(studies["age"].to_numpy(np.float64)), index=studies.index).astype(str)
        key = key + "|" + sex + "|" + band
    return pd.factorize(key, sort=True)[0].astype(np.int64)
