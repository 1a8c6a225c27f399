from __future__ import annotations

import dataclasses

import pytest

from cxrneighbors.errors import UserError
from cxrneighbors.explain.masking import Masking


def test_settings_are_checked_and_fixed():
    for wrong, message in (
        ({"n_masks": 0}, "masks 0"),
        ({"kernel_width": 0}, "above 0"),
        ({"alpha": -1}, "above 0"),
        ({"fill": "white"}, "fill 'white'"),
        ({"fill": 2}, "fill 2: a grey"),
        ({"num_features": 0}, "num_features 0"),
        ({"feature_selection": "lasso"}, "feature selection 'lasso'"),
    ):
        with pytest.raises(UserError, match=message):
            Masking(**wrong)
    with pytest.raises(dataclasses.FrozenInstanceError):
        Masking().fill = "mean"


def test_what_an_explanation_records():
    recorded = Masking(7, "slic", "blur", alpha=2.0).settings(2)
    assert recorded == {
        "n_masks": 7,
        "segmentation": "slic",
        "segment_names": ["segment 0", "segment 1"],
        "fill": "blur",
        "alpha": 2.0,
        "num_features": None,
        "feature_selection": "auto",
    }
    assert Masking(segmentation=lambda film: film[0] > 0).settings(2)["segmentation"] == "function"
