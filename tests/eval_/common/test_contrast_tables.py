from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from common.contrast_tables import CHOICE_CELLS, CONTROL_CELLS, against, means
from common.markdown import table

N = 24


@pytest.fixture
def records() -> pd.DataFrame:
    """Two rows on 24 targets of 12 patients; the second's IoU is 0.1 above the first's, give or take."""
    rng = np.random.default_rng(0)
    base, gain = rng.random(N), 0.1 + 0.02 * rng.normal(size=N)
    return pd.DataFrame(
        {
            "image_id": f"f{n}",
            "finding": "Mass",
            "patient": f"p{n // 2}",
            "segmentation": segmentation,
            "row": row,
            "pointing": 0.5,
            "iou": base[n] + gain[n] * (row == "b"),
            "energy": base[n] if row == "a" or n % 2 else np.nan,
            "calls": 301,
        }
        for segmentation in ("slic", "quickshift")
        for row in ("a", "b")
        for n in range(N)
    )


def test_means_and_paired_differences(records):
    lines = against(means(records), records, "a")
    assert [(line["segmentation"], line["row"]) for line in lines] == [
        (segmentation, row) for segmentation in ("slic", "quickshift") for row in "ab"
    ]
    first, second = lines[:2]
    slic = records[records["segmentation"] == "slic"].set_index("row")
    assert second["iou"] == pytest.approx(slic.loc["b", "iou"].mean()) and second["calls"] == 301
    difference = slic.loc["b", "iou"].to_numpy() - slic.loc["a", "iou"].to_numpy()
    assert second["iou_difference"] == pytest.approx(difference.mean())
    assert second["iou_low"] < difference.mean() < second["iou_high"] and second["iou_p"] < 0.01
    assert second["pointing_difference"] == 0 and second["pointing_p"] == 1
    assert second["energy_difference"] == pytest.approx(0)
    assert np.isnan(first["iou_difference"]) and np.isnan(first["iou_p"])


def test_holm_is_over_the_rows_of_a_segmentation(records):
    from cxrneighbors.statistics.holm import holm

    rng = np.random.default_rng(1)
    third = records[records["row"] == "b"].assign(row="c")
    third["iou"] += 0.3 * rng.normal(size=len(third))
    both = pd.concat([records, third], ignore_index=True)
    alone = [against(means(part), part, "a")[1]["iou_p"] for part in (records, both[both["row"] != "b"])]
    found = [line["iou_p"] for line in against(means(both), both, "a")[:3]]
    assert np.isnan(found[0]) and found[1:] == pytest.approx(list(holm(alone)))


def test_the_cells_fit_the_lines(records):
    lines = against(means(records.assign(even_pointing=0.4, seed_jaccard=1.0)), records, "a")
    for cells, expected in ((CHOICE_CELLS, "| slic | b | 0.50 | 0.40 |"), (CONTROL_CELLS, " 1.0000 |")):
        assert expected in table(cells, lines)
