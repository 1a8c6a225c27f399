"""Boxes for the twelve films of `tests/explain`, and a classifier of the package that sees the lesion."""

from __future__ import annotations

import pandas as pd
import pytest


@pytest.fixture(scope="session")
def regions() -> pd.DataFrame:
    """The lesion's box, the same on every film: rows 12..23, columns 24..35."""
    box = {"x": 24.0, "y": 12.0, "width": 12.0, "height": 12.0, "mask_path": None}
    return pd.DataFrame(
        [{"image_id": f"p{number}", "finding": "Nodule", **box} for number in range(0, 12, 2)]
    )


@pytest.fixture(scope="session")
def seeing():
    """A classifier with weights: 'Nodule' rises with the brightness of the lesion's cell."""
    import torch
    from torch import nn

    from cxrneighbors.classifiers.base import Classifier

    class Seeing(Classifier):
        name = "seeing"

        def __init__(self) -> None:
            super().__init__(["Nodule", "Effusion"], 48, True)
            look = torch.zeros(48, 48)
            look[12:24, 24:36] = 12 / 144
            self.look = nn.Parameter(look)

        def features(self, images):
            return images.flatten(1)

        def classify(self, features):
            nodule = features @ self.look.flatten() - 7.2
            return torch.stack([nodule, -nodule], 1)

        def config(self):
            return {}

    return Seeing()
