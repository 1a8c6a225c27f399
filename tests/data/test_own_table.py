import pandas as pd
import pytest

from cxrneighbors.data.csv_rows import ROW
from cxrneighbors.data.own_table import find_table, no_column, renamed_columns, unlabelled
from cxrneighbors.errors import UserError


def test_which_table_is_meant(tmp_path):
    assert find_table(tmp_path, None, False) is None
    (tmp_path / "own.tsv").touch()
    with pytest.raises(UserError, match=r"found: own\.tsv"):
        find_table(tmp_path, None, False)
    assert find_table(tmp_path, "own.tsv", False) == find_table(tmp_path / "own.tsv", None, False)
    assert find_table(tmp_path, "none", False) is None
    (tmp_path / "studies.csv").touch()
    assert find_table(tmp_path, None, True) == tmp_path / "studies.csv"


def test_columns_under_the_names_of_the_study_table(tmp_path):
    table = pd.DataFrame({"File": ["a"], "Site": ["x"], "sections": ["s"], "View": ["PA"], ROW: [2]})
    renamed = renamed_columns(table, {"path": "File", "site": "Site"}, tmp_path, [])
    assert renamed.to_dict("list") == {"path": ["a"], "site": ["x"], "view": ["PA"], ROW: [2]}


def test_texts(tmp_path):
    assert "--patient-from-name" in str(no_column(tmp_path, "patient_id"))
    assert "--patient-from-name" not in str(no_column(tmp_path, "image_id"))
    reasons = [unlabelled(pd.DataFrame(columns=names), at) for names, at in (([], None), ([], tmp_path))]
    assert len({*reasons, unlabelled(pd.DataFrame(columns=["findings"]), tmp_path)}) == 3
