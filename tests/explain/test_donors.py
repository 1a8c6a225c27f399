from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cxrneighbors.data.schema import validate_studies
from cxrneighbors.encoders.store import Embeddings
from cxrneighbors.errors import UserError
from cxrneighbors.explain.donors import DonorRule, find_donors, view_of
from cxrneighbors.explain.films import CachingReader
from cxrneighbors.explain.neighbours import Neighbourhood
from cxrneighbors.explain.predictor import Predictor
from cxrneighbors.index.neighbor_index import NeighborIndex

REPORTS = ("Large nodule.", "No nodule.", "Possible nodule.", "Heart is normal.", None)


@pytest.fixture(scope="module")
def index(world) -> NeighborIndex:
    """The twelve films on a line, two to a patient: p0 is at 0, p11 at 11."""
    findings = [["Nodule"], ["Mass"], [], ["No Finding"]] * 3
    reports = [REPORTS[row % 5] for row in range(12)]
    views = ["PA" if row % 3 else "AP" for row in range(12)]
    table = world.studies.assign(
        patient_id=[str(row // 2) for row in range(12)],
        findings=pd.Series(findings),
        report=reports,
        view=views,
    )
    studies = validate_studies(table)
    embeddings = Embeddings.from_arrays(list(studies["image_id"]), np.arange(12.0)[:, None] * [1.0, 0.0])
    return NeighborIndex.build(embeddings, studies, backend="exact")


@pytest.fixture
def ask(index, model):
    """Donors of p0 for Nodule by a rule; the predictor's scores are made of the films' numbers."""
    seen = []

    def donors(rule, k=2, image_id="p0", scores=None, **options):
        reader = CachingReader(index.studies, 48)
        film = reader.read(image_id)
        number = {reader.read(f"p{row}").pixels.tobytes(): row for row in range(12)}

        def score(images):
            rows = [number[np.ascontiguousarray(image).tobytes()] for image in images]
            seen.extend(rows)
            return np.array([(scores or {}).get(row, 0.0) for row in rows], dtype=np.float32)[:, None]

        predictor = Predictor(score, ["Nodule"], "cpu")
        found = find_donors(rule, Neighbourhood(index, k, **options), film, "Nodule", reader, predictor)
        return list(found.films.table["neighbor_id"]), found

    donors.seen = seen
    return donors


def test_by_label_the_unlabelled_are_no_donors(ask, index):
    found, whole = ask(DonorRule(same_view=False))
    assert found == ["p3", "p5"] and whole.calls == 0  # p1 is the same patient, p2 and p6 are not labelled
    assert whole.where == "findings.notna() and not findings.has('Nodule')"
    rows = index.rows_where(whole.where)
    has = [("Nodule" not in each) and len(each) > 0 for each in index.studies["findings"]]
    assert rows.tolist() == has


def test_same_view_unless_asked_otherwise(ask, index):
    found, _ = ask(DonorRule(), k=2)
    assert found == ["p3", "p9"] and set(index.studies.set_index("image_id").loc[found, "view"]) == {"AP"}
    assert view_of(index.studies, CachingReader(index.studies, 48).read(np.zeros((48, 48)))) is None
    outside = CachingReader(index.studies, 48).read(np.zeros((48, 48)), view="PA")
    assert view_of(index.studies, outside) == "PA"


def test_no_finding_and_a_users_own_wish(ask):
    assert ask(DonorRule("no-finding", same_view=False))[0] == ["p3", "p7"]
    found, whole = ask(DonorRule("no-finding", same_view=False), where="image_id != 'p3' or view == 'PA'")
    assert found == ["p7", "p11"] and whole.where.startswith("(image_id != 'p3' or view == 'PA') and ")


def test_by_report_a_silent_one_is_without_and_a_doubtful_one_is_not(ask, index):
    found, whole = ask(DonorRule("report", same_view=False), k=3)
    assert found == ["p3", "p6", "p8"]
    passing = np.flatnonzero(index.rows_where(whole.where))
    assert {REPORTS[row % 5] for row in passing} == {"No nodule.", "Heart is normal."}
    assert ask(DonorRule("report", True, same_view=False), k=2)[0] == ["p5", "p10"]


def test_the_mirrors_donors_have_it(ask):
    assert ask(DonorRule("label", with_finding=True, same_view=False))[0] == ["p4", "p8"]
    with pytest.raises(UserError, match="'no-finding': they cannot have the finding"):
        DonorRule("no-finding", with_finding=True)


def test_by_the_classifier_near_films_are_scored_until_there_are_k(ask):
    scores = {0: 0.8, 2: 0.7, 4: 0.41, 6: 0.4, 8: 0.1, 10: 0.0}
    found, whole = ask(DonorRule("classifier", same_view=False), scores=scores, where="image_id != 'p3'")
    # One film a patient, the nearest: p2, p4, then p6, p8.
    assert found == ["p6", "p8"] and list(whole.films.table["rank"]) == [1, 2]
    assert whole.films.films[1].image_id == "p8" and whole.calls == 5 == len(ask.seen)
    assert ask.seen == [0, 2, 4, 6, 8]


def test_by_the_classifier_with_the_finding(ask):
    scores = {0: 0.2, 2: 0.55, 4: 0.6, 6: 0.7, 8: 0.1}
    assert ask(DonorRule("classifier", True, same_view=False), scores=scores)[0] == ["p4", "p6"]


def test_fewer_than_k_says_how_many(ask):
    with pytest.raises(
        UserError, match=r"donors without 'Nodule' by label: .*only 3 images pass.*k is 6; ask for k=3"
    ):
        ask(DonorRule(same_view=False), k=6, where="image_id not in ['p5', 'p7']")
    scores = {0: 0.8} | dict.fromkeys(range(2, 10), 0.7)
    with pytest.raises(UserError, match=r"by classifier: only 1 of 5 films.*k is 3; ask for k=1"):
        ask(DonorRule("classifier", same_view=False), k=3, scores=scores)
    with pytest.raises(UserError, match=r"by classifier: .*only 10 images of 5 patients.*k is 7"):
        ask(DonorRule("classifier", same_view=False), k=7, scores=scores)
    with pytest.raises(UserError, match="donors 'healthy'; choose one of: label, no-finding"):
        DonorRule("healthy")
