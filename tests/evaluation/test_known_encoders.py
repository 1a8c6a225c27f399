"""Encoders whose answer is known: the evaluator has to find it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from cxrneighbors.evaluation.evaluate import evaluate_overlap
from cxrneighbors.evaluation.exchange_tests import Draws, lift_test
from cxrneighbors.evaluation.films import Films
from cxrneighbors.evaluation.graph import Who, build_graph, index_methods
from cxrneighbors.evaluation.question import Question
from cxrneighbors.evaluation.score_table import ALL, score_targets

from .fake_index import NAMES, FakeIndex, make_studies, random_findings, sick_patients, uneven_patients

N = 300
N_NOISE = 160


def evaluate(studies, vectors, **options):
    options = {"n_permutations": 199, **options}
    result = evaluate_overlap(FakeIndex(studies, image=vectors), **options)
    return result.summary["methods"]["image"]


def noisy(values, rng, scale=1e-3):
    values = np.asarray(values, dtype=float).reshape(len(values), -1)
    return values + rng.normal(scale=scale, size=values.shape)


def test_view_encoder_has_lift_but_none_within_the_view():
    rng = np.random.default_rng(0)
    is_ap = rng.random(N) < 0.4
    findings = [random_findings(rng, 1, 0.5 if ap else 0.05)[0] for ap in is_ap]
    studies = make_studies(findings, views=np.where(is_ap, "AP", "PA"))
    row = evaluate(studies, noisy(is_ap, rng))
    assert row["lift"] > 0.08 and row["p_value"] < 0.01
    matched = row["tests"]["matched"]["view"]
    # p is uniform here: 0.04 with these exchanges, as one in 25 is.
    assert abs(matched["lift"]) < 0.03 and matched["p_value"] > 0.01
    assert matched["lift_ci95"][0] < 0 < matched["lift_ci95"][1]


def test_sex_and_age_encoder_has_none_within_view_sex_and_age():
    rng = np.random.default_rng(1)
    old, male = rng.random(N) < 0.5, rng.random(N) < 0.5
    findings = [random_findings(rng, 1, 0.05 + 0.25 * o + 0.2 * m)[0] for o, m in zip(old, male, strict=True)]
    studies = make_studies(findings, sex=np.where(male, "M", "F"), age=np.where(old, 75, 25))
    row = evaluate(studies, noisy(np.stack([old, male], axis=1), rng))
    tests = row["tests"]["matched"]
    assert row["p_value"] < 0.01 and tests["view"]["p_value"] < 0.01
    assert tests["view-sex-age"]["p_value"] > 0.05 and abs(tests["view-sex-age"]["lift"]) < 0.03


def test_patient_encoder_has_lift_only_with_the_same_patient():
    rng = np.random.default_rng(2)
    patients = np.repeat(np.arange(N // 6), 6)
    studies = make_studies(sick_patients(rng, patients), patients)
    vectors = noisy(rng.normal(size=(N // 6, 4))[patients], rng)
    apart = evaluate(studies, vectors)
    assert apart["p_value"] > 0.05 and apart["lift_ci95"][0] < 0 < apart["lift_ci95"][1]
    together = evaluate(studies, vectors, include_same_patient=True, one_per="image")
    assert together["mean_overlap"] == 1 and together["lift"] > 0.4 and together["p_value"] < 0.01
    assert together["tests"]["permutation"]["unit"] == "image"
    # Exchanging whole patients cannot see it: every exchange keeps the patient's own films alike.
    assert together["tests"]["permutation_by_patient"]["p_value"] > 0.05


def test_finding_encoder_is_near_one():
    rng = np.random.default_rng(3)
    findings = [[NAMES[i % 5]] for i in range(N)]
    studies = make_studies(findings, uneven_patients(rng, N))
    vectors = noisy([[name in row for name in NAMES] for row in findings], rng)
    for definition in ("any", "any-disease", "jaccard", "exact"):
        row = evaluate(studies, vectors, definition=definition)
        assert row["mean_overlap"] > 0.99 and row["lift"] > 0.7 and row["p_value"] < 0.01
        assert row["histogram"][5] >= 0.99 * row["n_targets"]
        assert all(line["share"] > 0.99 and line["p_value"] < 0.01 for line in row["per_finding"])


def test_encoder_that_flees_its_finding_has_no_small_p():
    rng = np.random.default_rng(4)
    group = rng.integers(0, 2, N)
    studies = make_studies([["Mass"] if g else ["Edema"] for g in group])
    neighbors = FakeIndex(studies, image=noisy(rng.normal(size=N), rng))
    order = np.stack([rng.choice(np.flatnonzero(group != g), 20, replace=False) for g in group])
    neighbors.neighbors = lambda rows, k, **_: (order[rows, :k], np.ones((len(rows), k), np.float32))
    result = evaluate_overlap(neighbors, n_permutations=199)
    row = result.summary["methods"]["image"]
    assert row["lift"] < 0 and row["p_value"] > 0.99


def p_values_of(studies, vectors, seed, definition="any", targets=None, unit=None, n_permutations=199):
    """Headline and view-matched p-value of one evaluation, without the rest of it (it runs 200 times)."""
    index = FakeIndex(studies, image=vectors)
    films = Films.of(studies)
    eligible = films.labels.labelled & index.rows_where(targets)
    question = Question(5, definition)
    graph = build_graph(index_methods(index)[0], Who(films.labels.labelled, eligible), question, 5)
    table = score_targets(graph, films, question)
    draws = Draws(n_permutations, seed, "image")
    return [lift_test(table, matching, draws, unit, "t").p_value[0] for matching in (ALL, "view")]


def one_image_each(rng):
    return make_studies(random_findings(rng, N_NOISE)), rng.normal(size=(N_NOISE, 4))


def clustered(rng):
    """Unequal patients whose films look alike and whose findings are alike: no relation between the two."""
    patients = uneven_patients(rng, N_NOISE)
    views = rng.choice(["PA", "AP"], N_NOISE)
    looks = rng.normal(size=(N_NOISE, 4))[patients] + 0.1 * rng.normal(size=(N_NOISE, 4))
    return make_studies(sick_patients(rng, patients), patients, views), looks


def count_findings(rng):
    studies, vectors = clustered(rng)
    return studies.assign(n_findings=studies["findings"].map(len)), vectors


@pytest.mark.parametrize(
    ("make", "options"),
    [
        (one_image_each, {}),
        (clustered, {}),
        (clustered, {"definition": "any-disease", "targets": "view == 'PA'"}),
        (count_findings, {"definition": "jaccard", "targets": "n_findings > 1"}),
    ],
    ids=["one image each", "several images", "any-disease of PA", "targets chosen by findings"],
)
def test_noise_has_uniform_p_values(make, options):
    p_values = np.array(
        [p_values_of(*make(np.random.default_rng(seed)), seed, **options) for seed in range(200)]
    )
    for column in p_values.T:
        assert stats.kstest(column, "uniform").pvalue > 0.01


def test_the_short_way_is_the_evaluation():
    studies, vectors = clustered(np.random.default_rng(0))
    row = evaluate(studies, vectors, n_permutations=2000)
    # Other random streams (the purpose is part of the seed), the same test.
    headline, matched = p_values_of(studies, vectors, 0, n_permutations=2000)
    assert headline == pytest.approx(row["p_value"], abs=0.06)
    assert matched == pytest.approx(row["tests"]["matched"]["view"]["p_value"], abs=0.06)


def test_an_image_level_test_would_be_wrong_here():
    """Why the patient is the unit: with single images exchanged, noise looks significant too often."""
    p_values = np.array(
        [p_values_of(*clustered(np.random.default_rng(s)), s, unit="image")[0] for s in range(60)]
    )
    assert (p_values < 0.1).mean() + (p_values > 0.9).mean() > 0.3
