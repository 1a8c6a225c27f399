from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cxrneighbors.encoders.store import Embeddings
from cxrneighbors.errors import UserError
from cxrneighbors.index import report_predicates
from cxrneighbors.index.neighbor_index import NeighborIndex
from cxrneighbors.index.predicates import Predicates
from cxrneighbors.reports.labeler.queries import finding_status, mentions

REPORTS = [
    "Left chest tube in place. Small apical pneumothorax.",
    "No chest tube. No pneumothorax.",
    "Possible pneumothorax. Heart size is normal.",
    None,
    "Chest tube has been removed. Surgical clips.",
    "Lungs are clear.",
    "Left chest tube in place. Small apical pneumothorax.",
    "  ",
    "Tracheostomy in good position; bochdalek hernia.",
    "Right pneumothorax has increased. The left effusion has resolved.",
]


@pytest.fixture
def predicates() -> Predicates:
    table = pd.DataFrame({"view": ["PA", "AP"] * 5, "age": np.arange(30.0, 40), "report": REPORTS})
    return Predicates(table)


def rows(mask: np.ndarray) -> list[int]:
    return np.flatnonzero(mask).tolist()


# Read off the reports above by hand.
EXPECTED = {
    "mentions('chest tube')": [0, 6],
    "mentions('CHEST_tube')": [0, 6],
    "mentions('thoracostomy tube')": [],
    "mentions('chest tube', 'absent')": [1, 4],
    "mentions('chest tube', 'absent', 'present')": [0, 1, 4, 6],
    "not mentions('chest tube')": [1, 2, 3, 4, 5, 7, 8, 9],
    "mentions('pneumothorax')": [0, 2, 6, 9],
    "mentions('pneumothorax', 'uncertain')": [2],
    "mentions('good position')": [8],
    "finding('Pneumothorax') == 'present'": [0, 6, 9],
    "finding('pneumothorax') != 'present'": [1, 2],
    "finding('Pneumothorax') in ['present', 'uncertain']": [0, 2, 6, 9],
    "finding('Pneumothorax') not in ['present']": [1, 2],
    "finding('Pneumothorax').isin(['absent'])": [1],
    "finding('Pneumothorax').isna()": [3, 4, 5, 7, 8],
    "finding('Pneumothorax').notna() and view == 'AP'": [1, 9],
    "age.between(30, 33) and view == 'PA' and mentions('chest tube')": [0],
    "finding('Pneumothorax') == finding('Chest Tube')": [0, 1, 6],
    "side('chest tube') == 'left'": [0, 6],
    "side('Pneumothorax').notna()": [9],
    "finding('Pneumothorax') == 'present' and side('Pneumothorax') == 'right'": [9],
    "change('Pneumothorax') in ['worsened', 'new']": [9],
    "change('Effusion') == 'resolved'": [9],
    "change('Pneumothorax').isna() and finding('Pneumothorax').notna()": [0, 1, 2, 6],
}


@pytest.mark.parametrize("expression", EXPECTED)
def test_reports_answer_as_they_read(expression: str, predicates: Predicates) -> None:
    assert rows(predicates.evaluate(expression)) == EXPECTED[expression]


@pytest.mark.parametrize("term", ["chest tube", "surgical clips", "No Finding", "apical", "cardiomegaly"])
@pytest.mark.parametrize("statuses", [(), ("present",), ("uncertain",), ("absent",), ("absent", "uncertain")])
def test_equals_asking_each_report(term: str, statuses: tuple[str, ...], predicates: Predicates) -> None:
    asked = ", ".join(repr(text) for text in (term, *statuses))
    one_by_one = [mentions(text, term, statuses or ("present", "uncertain")) for text in REPORTS]
    np.testing.assert_array_equal(predicates.evaluate(f"mentions({asked})"), one_by_one)


@pytest.mark.parametrize("name", ["No Finding", "Pneumothorax", "Cardiomegaly", "Chest Tube"])
@pytest.mark.parametrize("status", ["present", "uncertain", "absent"])
def test_findings_equal_asking_each_report(name: str, status: str, predicates: Predicates) -> None:
    one_by_one = [finding_status(text, name) == status for text in REPORTS]
    np.testing.assert_array_equal(predicates.evaluate(f"finding('{name}') == '{status}'"), one_by_one)


def test_each_report_is_labelled_once(predicates: Predicates, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    inner = report_predicates.label_report
    monkeypatch.setattr(report_predicates, "label_report", lambda text: read.append(text) or inner(text))
    for expression in EXPECTED:
        if "good" not in expression:
            predicates.evaluate(expression)
    assert sorted(read) == sorted({text for text in REPORTS if text and text.strip()})


def test_an_answer_cannot_be_spoilt(predicates: Predicates) -> None:
    predicates.evaluate("mentions('chest tube')")[:] = True
    assert rows(predicates.evaluate("mentions('chest tube')")) == [0, 6]


MISTAKES = {
    "finding('Pneumothorx') == 'present'": "unknown finding 'Pneumothorx'; choose one of: No Finding",
    "finding('Pneumothorax') == 'positive'": "is never 'positive'; choose one of: present, uncertain, absent",
    "finding('Pneumothorax') in ['yes']": "is never 'yes'",
    "finding('Pneumothorax')": "is not a condition",
    "finding('Pneumothorax') > 3": "is a text column",
    "finding(3) == 'present'": "finding() asks for a name in quotes; write finding('Pneumothorax')",
    "finding() == 'present'": "finding() asks for a name",
    "side('Effusion') == 'up'": "is never 'up'; choose one of: left, right, bilateral",
    "change('Effusion') == 'old'": "is never 'old'; choose one of: new, worsened",
    "side('Efusion') == 'left'": "unknown finding 'Efusion'",
    "change() == 'new'": "change() asks for a name in quotes; write change('Pneumothorax') == 'new'",
    "mentions()": "mentions() asks for a name",
    "mentions(['chest tube'])": "mentions() asks for a name",
    "mentions(pneumothorax)": "put quotes around a text",
    "mentions('chest tube', 'there')": "unknown status 'there'; choose one of: present, uncertain, absent",
    "mentions('...')": "holds no word",
    "mentions('chest tube').isna()": "is a condition and has no .isna()",
    "mentions(term='x')": "without names",
}


@pytest.mark.parametrize("expression", MISTAKES)
def test_mistakes_are_named(expression: str, predicates: Predicates) -> None:
    with pytest.raises(UserError) as caught:
        predicates.evaluate(expression)
    assert MISTAKES[expression] in str(caught.value) and "\n" not in str(caught.value)


def test_a_table_without_reports_says_so() -> None:
    with pytest.raises(UserError, match="no column report"):
        Predicates(pd.DataFrame({"view": ["PA"]})).evaluate("mentions('chest tube')")


def test_an_index_finds_only_what_is_mentioned() -> None:
    n = 30
    reports = ["Chest tube in place.", "No chest tube.", "Clear lungs."] * 10
    studies = pd.DataFrame(
        {"image_id": [f"i{i}" for i in range(n)], "patient_id": range(n), "findings": [[]] * n}
    )
    ids = studies["image_id"].tolist()
    vectors = np.random.default_rng(0).normal(size=(n, 4)).astype(np.float32)
    index = NeighborIndex.build(
        Embeddings.from_arrays(ids, image=vectors), studies.assign(report=reports), backend="exact"
    )
    found = index.search("i1", k=10, where="mentions('chest tube')")
    assert set(found["neighbor_id"]) == {f"i{i}" for i in range(0, n, 3)}


def test_real_reports_at_once_equal_one_by_one(shared_data: Path) -> None:
    from cxrneighbors.data.imports import import_dataset

    table = import_dataset("openi", shared_data / "openi").studies.iloc[:300]
    found = Predicates(table).evaluate("finding('Cardiomegaly') == 'present' or mentions('surgical clips')")
    expected = [
        finding_status(text, "Cardiomegaly") == "present" or mentions(text, "surgical clips")
        for text in table["report"]
    ]
    np.testing.assert_array_equal(found, expected)
    assert 10 < found.sum() < 150
