import re

import pandas as pd
import pytest

from cxrneighbors.data.mimic.views import choose_views
from cxrneighbors.testing import mimic_ids
from cxrneighbors.testing.mimic_ids import shape_rows, unique_texts


@pytest.fixture
def rows(source):
    return shape_rows(source)


def test_ids_are_of_mimics_form_and_keep_who_belongs_to_whom(source, rows):
    assert all(re.fullmatch(r"([0-9a-f]{8}-){4}[0-9a-f]{8}", name) for name in rows["image_id"])
    assert (
        rows["patient_id"].str.fullmatch(r"1\d{7}").all() and rows["study_id"].str.fullmatch(r"5\d{7}").all()
    )
    assert rows["image_id"].is_unique and rows["uid"].is_unique
    before = source.set_index("image_id").loc[rows["source_id"]]
    for given, made in (("patient_id", "patient_id"), ("study_id", "study_id"), ("study_id", "study_uid")):
        pairs = set(zip(before[given], rows[made], strict=True))
        assert len(pairs) == before[given].nunique() == rows[made].nunique()
    assert rows.sort_values(["patient_id", "study_id", "image_id"]).index.tolist() == list(range(80))


def test_nothing_depends_on_the_order_of_the_rows(source, rows):
    pd.testing.assert_frame_equal(shape_rows(source.sample(frac=1, random_state=3)), rows)
    texts = ["ViewPosition", "ViewCodeSequence"]
    assert not shape_rows(source, seed=1)[texts].equals(rows[texts])


def test_dates_give_the_ages_back_as_mimic_iv_anchors_them(rows):
    known = rows[rows["age"].notna()]
    years = known["StudyDate"].str[:4].astype(int)
    anchored = known["anchor_age"] + years - known["anchor_year"]
    first = known.groupby("patient_id")["age"].transform("min")
    assert (anchored == known["age"].where(first <= 89, known["age"] - first + 91)).all()
    assert (known["anchor_age"] <= 91).all() and known["anchor_year"].between(2110, 2189).all()
    assert pd.to_datetime(rows["StudyDate"], format="%Y%m%d").notna().all()
    assert (rows.groupby("study_id")[["StudyDate", "StudyTime"]].nunique() == 1).all(axis=None)


def test_views_are_read_back_where_they_are_written(rows):
    names = ("ViewPosition", "ViewCodeSequence", "PerformedProcedureStepDescription", "SeriesDescription")
    read = choose_views({name: rows[name].tolist() for name in names}, len(rows))
    written = (rows[list(names)] != "").any(axis=1)
    assert read["view"].tolist() == rows["view"].where(written, "UNKNOWN").tolist()
    assert not written[rows["view"] == "UNKNOWN"].any() and 60 < written.sum() < 80
    assert set(rows["ViewPosition"]) == {"", "PA", "AP", "LATERAL", "LL"}


def test_two_ids_of_one_number_take_the_next_free(source, monkeypatch):
    monkeypatch.setattr(mimic_ids, "_number", lambda text: 9_999_999)
    assert sorted(set(shape_rows(source.iloc[:12])["patient_id"])) == ["10000000", "10000001", "19999999"]


def test_unique_texts():
    assert unique_texts(["b", None, " ", "a", "b", float("nan")]) == ["b", "a"]
