"""The table of scores against plain loops, and what two tables must share to be compared."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from cxrneighbors.errors import UserError
from cxrneighbors.evaluation import Draws, Films, Question, compare, score_targets, summarise
from cxrneighbors.evaluation.graph import Graph

from .fake_index import make_studies, random_findings, uneven_patients

N, K = 40, 3


def make_graph(rng, patients, k=K, depth=K + 2):
    """Every film's neighbours drawn among other patients' films."""
    draw = [rng.permutation(np.flatnonzero(patients != patients[row]))[:depth] for row in range(N)]
    return Graph(np.arange(N), np.arange(N), np.stack(draw), np.zeros((N, depth), np.float32), 0)


@pytest.fixture
def case():
    rng = np.random.default_rng(0)
    patients = uneven_patients(rng, N)
    studies = make_studies(random_findings(rng, N), patients, rng.choice(["PA", "AP"], N))
    return studies, patients, make_graph(rng, patients), rng


@pytest.mark.parametrize("definition", ["any", "any-disease", "jaccard", "exact"])
def test_every_column_by_plain_loops(case, definition):
    studies, patients, graph, _ = case
    table = score_targets(graph, Films.of(studies), Question(K, definition, one_per="image"))
    drop = {"No Finding"} if definition == "any-disease" else set()
    sets = [set(names) - drop for names in studies["findings"]]

    def overlap(a, b):
        if definition == "jaccard":
            return len(a & b) / len(a | b)
        return float(a == b if definition == "exact" else bool(a & b))

    for row, line in table.frame.iterrows():
        hits = [overlap(sets[row], sets[j]) for j in graph.neighbors[row, :K]]
        others = [j for j in range(N) if patients[j] != patients[row]]
        same_view = [j for j in others if studies["view"][j] == studies["view"][row]]
        assert line["image_id"] == studies["image_id"][row] and line["view"] == studies["view"][row]
        assert line["overlap"] == pytest.approx(np.mean(hits)) and line["hits"] == np.count_nonzero(hits)
        assert line["expected"] == pytest.approx(np.mean([overlap(sets[row], sets[j]) for j in others]))
        assert line["candidates"] == len(others) and line["candidates_view"] == len(same_view)
        assert line["overlapping"] == sum(overlap(sets[row], sets[j]) > 0 for j in others)
        assert line["expected_view"] == pytest.approx(
            np.mean([overlap(sets[row], sets[j]) for j in same_view])
        )
        assert line["scored"] == bool(sets[row])


def test_the_frame_is_a_plain_table(case, tmp_path):
    studies, _, graph, _ = case
    table = score_targets(graph, Films.of(studies), Question(K, one_per="image"))
    table.frame.to_parquet(tmp_path / "scores.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "scores.parquet"), table.frame)
    by_patient = (table.frame["overlap"] - table.frame["expected"]).groupby(table.frame["patient"]).mean()
    assert len(by_patient) == table.films.patients.max() + 1


def test_summaries_are_pure(case):
    studies, _, graph, _ = case
    table = score_targets(graph, Films.of(studies), Question(K, one_per="image"))
    before = table.frame.copy()
    first, second = (summarise(table, Draws(99, 5, "image")) for _ in range(2))
    np.testing.assert_equal(first, second)
    pd.testing.assert_frame_equal(table.frame, before)
    assert first["lift"] == pytest.approx((before["overlap"] - before["expected"]).mean())
    assert first["p_value"] != summarise(table, Draws(99, 6, "image"))["p_value"]


def test_compare_is_the_difference_of_overlaps_on_the_targets_of_both(case):
    studies, patients, graph, rng = case
    films, question = Films.of(studies), Question(K, one_per="image")
    other = make_graph(rng, patients)
    half = replace(other, targets=other.targets[::2], neighbors=other.neighbors[::2], distances=None)
    first, second = (score_targets(each, films, question) for each in (graph, half))
    row = compare(first, second)
    assert row["n_targets"] == N // 2 and row["n_candidates"] == N
    expected = first.frame["overlap"].to_numpy()[::2] - second.frame["overlap"].to_numpy()
    assert row["difference"] == pytest.approx(expected.mean())
    back = compare(second, first)
    assert back["difference"] == pytest.approx(-row["difference"]) and back["p_value"] == row["p_value"]


def test_matched_expectations_of_one_stratum_are_the_overall_ones_and_of_two_are_not(case):
    studies, patients, graph, rng = case
    other = make_graph(rng, patients)
    for one_view in (True, False):
        films = Films.of(studies.assign(view="PA") if one_view else studies)
        tables = [score_targets(each, films, Question(K, one_per="image")) for each in (graph, other)]
        overall, matched = compare(*tables), compare(*tables, matching="view")
        assert matched["difference"] == pytest.approx(overall["difference"])
        same = matched["difference_ci95"] == pytest.approx(overall["difference_ci95"], abs=1e-9)
        assert same == one_view


def test_tables_of_another_pool_or_question_are_not_compared(case):
    studies, _, graph, _ = case
    films = Films.of(studies)
    table = score_targets(graph, films, Question(K, one_per="image"))
    smaller = replace(
        graph,
        pool=graph.pool[:-1],
        targets=graph.targets[:5],
        neighbors=np.tile(np.arange(20, 25), (5, 1)),
    )
    for other in (
        score_targets(graph, films, Question(K - 1, one_per="image")),
        score_targets(smaller, films, Question(K, one_per="image")),
    ):
        with pytest.raises(ValueError, match="same question of the same pool"):
            compare(table, other)


def test_draws_are_checked():
    with pytest.raises(UserError, match="n_permutations=0"):
        Draws(0)


def test_one_film_of_each_patient_against_shuffled_films(case):
    """Expected overlap and candidates, all and of the view, by drawing; neighbours are refused otherwise."""
    studies, patients, graph, rng = case
    films, views = Films.of(studies), studies["view"].to_numpy()
    with pytest.raises(ValueError, match="neighbours must be one per patient"):
        score_targets(graph, films, Question(K))
    lines = [np.flatnonzero(patients != patient) for patient in patients]
    each = [line[np.unique(patients[line], return_index=True)[1]][: K + 2] for line in lines]
    graph = replace(graph, neighbors=np.stack(each), distances=np.zeros((N, K + 2), np.float32))
    table = score_targets(graph, films, Question(K))
    masks = table.masks[:, 0]
    for row in range(0, N, 7):
        for matching, others in (("", np.ones(N, bool)), ("_view", views == views[row])):
            candidates = np.flatnonzero(others & (patients != patients[row]))
            assert table.frame[f"candidates{matching}"][row] == len(set(patients[candidates]))
            shares = []
            for _ in range(1500):
                order = rng.permutation(candidates)
                taken = order[np.sort(np.unique(patients[order], return_index=True)[1])[:K]]
                shares.append(((masks[row] & masks[taken]) != 0).mean())
            assert table.frame[f"expected{matching}"][row] == pytest.approx(np.mean(shares), abs=0.035)
