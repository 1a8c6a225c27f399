from __future__ import annotations

import pandas as pd

from cxrneighbors.statistics.patients import count_patients, patient_codes, patient_names

TABLE = pd.DataFrame(
    {"dataset": ["nih", "nih", "covid", "covid", "nih"], "patient_id": ["7", "8", "7", "7", "7"]}
)


def test_the_same_number_in_two_data_sets_is_two_patients():
    assert patient_codes(TABLE).tolist() == [0, 1, 2, 2, 0]
    assert patient_names(TABLE) == ["nih/7", "nih/8", "covid/7", "covid/7", "nih/7"]
    assert count_patients(TABLE) == 3


def test_rows_of_any_index_and_no_rows():
    assert patient_codes(TABLE.iloc[[4, 2]].set_index(pd.Index([9, 9]))).tolist() == [0, 1]
    assert patient_codes(TABLE.iloc[:0]).tolist() == [] and count_patients(TABLE.iloc[:0]) == 0
