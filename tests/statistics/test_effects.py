from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from cxrneighbors.statistics.effects import cohens_dz, rank_biserial


def test_rank_biserial_from_scipy_rank_sums():
    difference = np.random.default_rng(1).normal(0.3, 1, 50)
    plus = stats.wilcoxon(difference, alternative="greater").statistic
    minus = stats.wilcoxon(-difference, alternative="greater").statistic
    assert rank_biserial(difference) == pytest.approx((plus - minus) / (plus + minus))
    assert rank_biserial(np.zeros(3)) == 0 and rank_biserial(np.ones(3)) == 1


def test_cohens_dz_is_t_over_root_n():
    difference = np.random.default_rng(2).normal(0.5, 2, 40)
    assert cohens_dz(difference) == pytest.approx(stats.ttest_1samp(difference, 0).statistic / np.sqrt(40))
    assert np.isnan(cohens_dz(np.ones(5))) and np.isnan(cohens_dz(np.ones(1)))
