import numpy as np
import pandas as pd

from cxrneighbors.data.mimic.people import ages_at, read_people
from cxrneighbors.data.skipped import Skipped

CSV = """subject_id,gender,anchor_age,anchor_year,anchor_year_group,dod
1,F,52,2180,2014 - 2016,2180-09-09
2,M,91,2150,,
3,,,,,
4,M,20,2190,,
"""


def test_ages_are_anchored(tmp_path):
    path = tmp_path / "patients.csv"
    path.write_text(CSV)
    people = read_people(path, Skipped(), [])
    assert people["sex"].tolist() == ["F", "M", None, "M"]
    notes = []
    subjects = pd.Series(["1", "1", "2", "3", "4", "9", "1"], dtype=object)
    dates = pd.Series(
        ["21800506", "21850101", "21500101", "21500101", "21500101", "21500101", ""], dtype=object
    )
    ages = ages_at(people, subjects, dates, notes)
    np.testing.assert_equal(ages, [52, 57, 91, np.nan, np.nan, np.nan, np.nan])
    assert notes == ["1 ages outside 0 to 120 years set to missing"]
