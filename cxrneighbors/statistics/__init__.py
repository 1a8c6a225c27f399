"""Statistics with the patient as the unit: who that is, resampling, tests, intervals, corrections.

The ground floor: nothing here knows of films, labels or encoders. `docs` of the ideas: each module's head;
how well each test and interval keeps its promise: `eval/calibration.py`.
"""

from cxrneighbors.statistics.clusters import cluster_mean, paired_p_value, sign_flip_test
from cxrneighbors.statistics.dyadic import Contributions, dyadic_estimate, pair_contributions
from cxrneighbors.statistics.effects import cohens_dz, rank_biserial
from cxrneighbors.statistics.estimate import Estimate
from cxrneighbors.statistics.holm import holm
from cxrneighbors.statistics.patients import count_patients, patient_codes, patient_names
from cxrneighbors.statistics.permutation import PermutationTest, exchange_groups, permutation_test
from cxrneighbors.statistics.seeds import generator

__all__ = [
    "Contributions",
    "Estimate",
    "PermutationTest",
    "cluster_mean",
    "cohens_dz",
    "count_patients",
    "dyadic_estimate",
    "exchange_groups",
    "generator",
    "holm",
    "pair_contributions",
    "paired_p_value",
    "patient_codes",
    "patient_names",
    "permutation_test",
    "rank_biserial",
    "sign_flip_test",
]
