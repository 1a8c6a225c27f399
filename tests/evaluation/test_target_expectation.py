"""One target's expectation against that of all targets together."""

from __future__ import annotations

import numpy as np
import pytest

from cxrneighbors.evaluation.expectation import random_expectation
from cxrneighbors.evaluation.target_expectation import target_expectation


@pytest.mark.parametrize("definition", ["any", "jaccard"])
@pytest.mark.parametrize("same_patient", [False, True])
@pytest.mark.parametrize("one_per", ["image", "patient"])
def test_it_is_that_of_all_targets_together(definition: str, same_patient: bool, one_per: str) -> None:
    rng = np.random.default_rng(0)
    masks = rng.integers(1, 16, (60, 1)).astype(np.uint64)
    patients = np.sort(rng.integers(0, 20, 60))
    findable = rng.random(60) < 0.7
    units = patients if one_per == "patient" else np.arange(60)
    whole = random_expectation(masks, patients, definition, None, same_patient, findable, units, 4)
    for row in range(60):
        others = np.arange(60) != row if same_patient else patients != patients[row]
        among = findable & others
        found = target_expectation(masks[row], masks[among], units[among], definition, 4)
        assert found == pytest.approx(whole.mean[row])


def test_without_candidates_there_is_none() -> None:
    labels = np.zeros((0, 1), dtype=np.uint64)
    found = target_expectation(np.ones(1, dtype=np.uint64), labels, np.zeros(0, dtype=int), "any", 3)
    assert np.isnan(found)
