"""Lines of findings and views against plain loops, and the columns they take from the headline test."""

import numpy as np
import pytest

from cxrneighbors.evaluation import Draws, Films, Question, score_targets
from cxrneighbors.evaluation.breakdowns import finding_rows, view_rows
from cxrneighbors.evaluation.exchange_tests import headline_test, lift_row
from cxrneighbors.evaluation.graph import Graph
from cxrneighbors.statistics.effects import effect_row
from cxrneighbors.statistics.estimate import Estimate

from .fake_index import NAMES, make_studies

N, K = 60, 3


@pytest.fixture(scope="module")
def case():
    """Films with one finding each; neighbours share it, except for those of Mass, drawn at random."""
    rng = np.random.default_rng(0)
    kind = np.arange(N) % 5
    studies = make_studies([[NAMES[k]] for k in kind], views=np.where(np.arange(N) % 4 == 0, "AP", "PA"))
    alike = [np.flatnonzero((kind == kind[row]) & (np.arange(N) != row)) for row in range(N)]
    anyone = [np.delete(np.arange(N), row) for row in range(N)]
    mass = NAMES.index("Mass")
    pick = [rng.permutation(anyone[row] if kind[row] == mass else alike[row])[: K + 5] for row in range(N)]
    graph = Graph(np.arange(N), np.arange(N), np.stack(pick), np.zeros((N, K + 5), np.float32), 0)
    table = score_targets(graph, Films.of(studies), Question(K))
    return studies, kind, table, headline_test(table, Draws(199, 0, "image"))


def test_each_finding_by_hand(case):
    _, kind, table, tests = case
    rows = {row["finding"]: row for row in finding_rows(table, tests)}
    assert list(rows) == sorted(NAMES)
    for number, name in enumerate(NAMES):
        hits = table.nearest[kind == number]
        assert rows[name]["share"] == pytest.approx((kind[hits] == number).mean())
        assert rows[name]["random_share"] == pytest.approx(11 / 59) and rows[name]["n_targets"] == 12
        low, high = rows[name]["lift_ci95"]
        assert low <= rows[name]["lift"] <= high
    assert all((rows[name]["p_value"] < 0.05) == (name != "Mass") for name in NAMES)


def test_each_view_by_hand(case):
    studies, kind, table, tests = case
    rows = {row["view"]: row for row in view_rows(table, tests)}
    assert list(rows) == ["AP", "PA"] and sum(row["n_targets"] for row in rows.values()) == N
    for view, row in rows.items():
        chosen = (studies["view"] == view).to_numpy()
        shared = (kind[table.nearest[chosen]] == kind[chosen][:, None]).mean()
        assert row["mean_overlap"] == pytest.approx(shared)
        chance = [
            np.mean([kind[i] == kind[j] for j in np.flatnonzero(chosen) if j != i])
            for i in np.flatnonzero(chosen)
        ]
        assert row["random_overlap_same_view"] == pytest.approx(np.mean(chance))
        assert row["p_value"] < 0.05


def test_columns_of_the_headline_test(case):
    _, _, table, tests = case
    assert tests.views == ["AP", "PA"]
    assert [row["p_value"] for row in finding_rows(table, tests)] == tests.test.p_value[3:].tolist()
    assert len(tests.test.p_value) == 1 + 2 + len(NAMES)
    assert tests.test.observed[0] == pytest.approx(table.lift().mean())


def test_rows_say_interval_p_and_effect(case):
    tests = case[3]
    estimate = Estimate(0.1, 0.02, 30.0)
    row = lift_row(estimate, tests.test, 1)
    assert row["lift_ci95"] == list(estimate.interval()) and row["effective_patients"] == 30.0
    assert row["p_value"] == tests.test.p_value[1] and row["null_mean_lift"] == tests.test.null_mean[1]
    assert effect_row(np.array([1.0, 1.0, -1.0])) == {
        "rank_biserial": pytest.approx(1 / 3),
        "cohens_dz": pytest.approx(1 / 3 / np.std([1, 1, -1], ddof=1)),
    }
