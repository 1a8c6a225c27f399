from __future__ import annotations

import numpy as np
import pytest

from cxrneighbors.errors import UserError
from cxrneighbors.evaluation.films import match_strata

from .fake_index import make_studies


def studies():
    return make_studies(
        [["Mass"]] * 6,
        patients=["b", "a", "b", "c", "a", "d"],
        views=["PA", "AP", "PA", "PA", "PA", "PA"],
        sex=["F", "F", "F", "M", None, "F"],
        age=[34, 34, 39.5, 34, 34, np.nan],
    )


def test_view_strata():
    strata = match_strata(studies(), "view")
    assert len(set(strata)) == 2 and strata[0] == strata[2] == strata[5] != strata[1]


def test_view_sex_age_strata_keep_missing_apart():
    strata = match_strata(studies(), "view-sex-age")
    assert strata[0] == strata[2]  # 34 and 39.5 are one decade
    assert len({strata[row] for row in (0, 1, 3, 4, 5)}) == 5


def test_unknown_matching():
    with pytest.raises(UserError, match="matching 'size'"):
        match_strata(studies(), "size")
