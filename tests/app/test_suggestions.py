"""Films that fit what is typed, against a look at every row."""

from __future__ import annotations

import pandas as pd
import pytest

from cxrneighbors.app.suggestions import Suggestions

STUDIES = pd.DataFrame(
    {
        "image_id": ["PA_1", "x_pa", "b", "PA_10"],
        "view": ["AP", "AP", "PA", "LATERAL"],
        "findings": [["Pleural_Thickening"], [], ["Mass", "Edema"], ["Edema"]],
    }
)


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("", [0, 1, 2, 3]),
        ("PA", [0, 3, 1, 2]),  # ids that begin so, then others by row
        ("pa_1", [0, 3]),
        ("edema", [2, 3]),
        ("  Edema   PA ", [2, 3]),
        ("pleural thickening", [0]),
        ("Pleural_Thickening", [0]),
        ("edema ap", []),
    ],
)
def test_rows_have_every_word(text: str, rows: list[int]) -> None:
    assert Suggestions(STUDIES).rows(text) == rows
