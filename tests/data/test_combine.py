"""Combining study tables."""

from __future__ import annotations

import pandas as pd
import pytest

from cxrneighbors.data.combine import combine_studies, without_patients_of
from cxrneighbors.data.paths import PATHS_FROM
from cxrneighbors.data.schema import validate_studies
from cxrneighbors.errors import UserError


def _table(ids: list[str], patients: list[str], dataset: str = "a") -> pd.DataFrame:
    frame = pd.DataFrame({"image_id": ids, "patient_id": patients, "findings": [["Mass"]] * len(ids)})
    return validate_studies(frame.assign(dataset=dataset))


def test_rows_follow_each_other() -> None:
    both = combine_studies([_table(["1", "2"], ["p", "p"]), _table(["3"], ["q"], "b")])
    assert both["image_id"].tolist() == ["1", "2", "3"]
    assert both["dataset"].tolist() == ["a", "a", "b"]


def test_a_shared_image_id_is_named() -> None:
    with pytest.raises(UserError, match="duplicate image_id '1'"):
        combine_studies([_table(["1"], ["p"]), _table(["1"], ["q"])])


def test_patients_are_told_apart_by_data_set() -> None:
    ours = _table(["1", "2", "3"], ["p", "q", "r"])
    theirs = pd.concat([_table(["4"], ["q"]), _table(["5"], ["r"], "b")])
    assert without_patients_of(ours, theirs)["patient_id"].tolist() == ["p", "r"]


def test_paths_are_written_as_those_of_the_first_table() -> None:
    ours, theirs = _table(["1"], ["p"]), _table(["2"], ["q"])
    ours.attrs[PATHS_FROM], theirs.attrs[PATHS_FROM] = "/here", "/there"
    assert combine_studies([ours, theirs]).attrs == {PATHS_FROM: "/here"}
    assert combine_studies([_table(["3"], ["r"]), ours]).attrs == {}
