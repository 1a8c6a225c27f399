"""What stands beside a lift in `overlap.json`: interval, p-value with the exchange's mean, effect sizes."""

from __future__ import annotations

from typing import Any

import numpy as np

from cxrneighbors.statistics.effects import cohens_dz, rank_biserial
from cxrneighbors.statistics.estimate import Estimate
from cxrneighbors.statistics.permutation import PermutationTest


def lift_row(estimate: Estimate, test: PermutationTest, column: int = 0) -> dict[str, Any]:
    """The interval of a lift, how many patients' worth of information stand behind it, and its p-value.

    null_mean_lift: the mean lift of exchanged findings. It is above 0 where films of patients with many
    films, who have more findings, lie together, and where patients with whom nobody can exchange keep theirs.
    """
    return {
        "lift_ci95": list(estimate.interval()),
        "effective_patients": estimate.dof,
        "p_value": test.p_value[column],
        "p_value_adjusted": None,
        "null_mean_lift": test.null_mean[column],
    }


def effect_row(difference: np.ndarray) -> dict[str, float]:
    """Effect sizes of per-target differences."""
    return {"rank_biserial": rank_biserial(difference), "cohens_dz": cohens_dz(difference)}
