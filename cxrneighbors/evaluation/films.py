"""The films of a study table as scoring sees them: label sets, patients, views and matching strata."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from cxrneighbors.evaluation.labels import Labels, encode_labels
from cxrneighbors.evaluation.matching import MATCHINGS, match_strata
from cxrneighbors.statistics.patients import patient_codes


@dataclass(frozen=True)
class Films:
    """N films. ids, views: str (N,); labels: as the data set gives them; patients: int64 (N,), one code a
    pair (dataset, patient_id); strata: int64 (N,) for each of `MATCHINGS`."""

    ids: np.ndarray
    labels: Labels
    patients: np.ndarray
    views: np.ndarray
    strata: dict[str, np.ndarray]

    @classmethod
    def of(cls, studies: pd.DataFrame) -> Films:
        """The rows of a study table, in their order."""
        return cls(
            ids=studies["image_id"].to_numpy(dtype=object),
            labels=encode_labels(studies["findings"]),
            patients=patient_codes(studies),
            views=studies["view"].to_numpy(dtype=object),
            strata={matching: match_strata(studies, matching) for matching in MATCHINGS},
        )

    def take(self, rows: np.ndarray) -> Films:
        """Some of the films, in the order asked for."""
        return Films(
            self.ids[rows],
            self.labels.take(rows),
            self.patients[rows],
            self.views[rows],
            {matching: strata[rows] for matching, strata in self.strata.items()},
        )
