from __future__ import annotations

import numpy as np
import pytest

from cxrneighbors.statistics.holm import holm


def test_by_hand():
    p = np.array([0.04, 0.01, np.nan, 0.03, 0.005])
    np.testing.assert_allclose(holm(p), [0.06, 0.03, np.nan, 0.06, 0.02])
    assert holm([0.04, 0.001, 0.03, 0.5]) == pytest.approx([0.09, 0.004, 0.09, 0.5])
    assert holm(np.array([0.9, 0.8])).tolist() == [1.0, 1.0]
    assert holm(np.array([])).tolist() == []
