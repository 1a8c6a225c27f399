from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cxrneighbors.data.schema import validate_studies
from cxrneighbors.encoders.store import Embeddings
from cxrneighbors.evaluation.evaluate import evaluate_overlap
from cxrneighbors.index.neighbor_index import NeighborIndex
from encoder_films import MAIN, within_codes
from encoder_neighbors import pooled, ranked
from encoder_scores import QUESTIONS, Scored, differences, score

K = 5


def make_films(seed: int, n: int = 70) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(seed)
    names = np.array(["Effusion", "Mass", "No Finding"])
    views = rng.choice(["PA", "AP", "UNKNOWN"], n, p=[0.5, 0.4, 0.1])
    rows = {
        "image_id": [f"{seed}-{i}" for i in range(n)],
        "patient_id": [f"{seed}-{number}" for number in rng.integers(0, 30, n)],
        "findings": [[name] for name in rng.choice(names, n)],
        "view": views,
    }
    return validate_studies(pd.DataFrame(rows)), rng.normal(size=(n, 4)).astype(np.float32)


def neighbors(films: pd.DataFrame, vectors: np.ndarray) -> dict[str, np.ndarray]:
    embeddings = Embeddings.from_arrays(list(films["image_id"]), image=vectors)
    index = NeighborIndex.build(embeddings, films, backend="exact")
    within = ranked(index, within_codes(films, MAIN), 20)
    everyone = np.zeros(len(films), np.int64)
    patients = ranked(index, everyone, 20, "patient")
    return {"overall": ranked(index, everyone, 20), "patients": patients, "within": within}


@pytest.fixture(scope="module")
def two_folds():
    made = [make_films(seed) for seed in (0, 1)]
    found = pooled([neighbors(*each) for each in made])
    return made, Scored.of(MAIN, [films for films, _ in made]), found


def brute_force(made, within: bool, diseased: bool) -> np.ndarray:
    """Overlap less expectation of each target, fold by fold, by loops."""
    lifts = []
    for films, vectors in made:
        distance = np.linalg.norm(vectors[:, None] - vectors[None], axis=-1)
        labels, views = films["findings"].str[0], films["view"]
        for i in range(len(films)):
            allowed = [j for j in range(len(films)) if films["patient_id"][i] != films["patient_id"][j]]
            if within:
                allowed = [j for j in allowed if views[i] == views[j] != "UNKNOWN"]
            if (diseased and labels[i] == "No Finding") or len(allowed) < K:
                continue
            shares = np.array([labels[i] == labels[j] for j in allowed])
            nearest = np.argsort(distance[i, allowed])[:K]
            lifts.append(shares[nearest].mean() - shares.mean())
    return np.array(lifts)


@pytest.mark.parametrize("question", ["overall", "within", "diseased"])
def test_lifts_pooled_over_folds_are_those_of_loops(two_folds, question):
    made, films, found = two_folds
    row = score(films.table(question, found, K), question)
    expected = brute_force(made, question == "within", question == "diseased")
    assert row["n_targets"] == len(expected)
    assert row["lift"] == pytest.approx(expected.mean())
    assert row["lift_ci95"][0] < row["lift"] < row["lift_ci95"][1]


def test_a_single_fold_gives_the_package_s_own_figures():
    films, vectors = make_films(3)
    embeddings = Embeddings.from_arrays(list(films["image_id"]), image=vectors)
    index = NeighborIndex.build(embeddings, films, backend="exact")
    scored, found = Scored.of(MAIN, [films]), neighbors(films, vectors)
    for question, asked in QUESTIONS.items():
        if question == "within":
            continue
        result = evaluate_overlap(
            index, K, definition=asked.definition, n_permutations=9, one_per=asked.one_per
        )
        expected = result.summary["methods"]
        row = score(scored.table(question, found, K), question)
        for name in ("lift", "lift_ci95", "retrieval", "n_targets", "effective_patients"):
            assert row[name] == pytest.approx(expected["image"][name]), (question, name)


def test_intervals_of_two_folds_are_narrower_than_of_one(two_folds):
    made, films, found = two_folds
    widths = []
    for scored, own in ((films, found), (Scored.of(MAIN, [made[0][0]]), neighbors(*made[0]))):
        low, high = score(scored.table("overall", own, K), "overall")["lift_ci95"]
        widths.append(high - low)
    assert widths[0] < 0.9 * widths[1]


def test_differences_are_paired_and_corrected_over_all(two_folds):
    made, films, found = two_folds
    other = pooled([neighbors(each, -vectors[::-1]) for each, vectors in made])
    tables = {
        name: {question: films.table(question, own, K) for question in QUESTIONS}
        for name, own in (("ours", found), ("theirs", other))
    }
    rows = differences(tables, "theirs", {"ours": "theirs"})
    assert [(row["first"], row["question"]) for row in rows] == [("ours", name) for name in QUESTIONS]
    for row in rows:
        lifts = [score(tables[name][row["question"]], row["question"])["lift"] for name in ("ours", "theirs")]
        assert row["difference"] == pytest.approx(lifts[0] - lifts[1])
        assert row["p_value"] <= row["p_value_adjusted"] <= 1
    further = differences({**tables, "start": tables["theirs"]}, "theirs", {"ours": "start"})
    pairs = [(row["first"], row["second"]) for row in further[:: len(QUESTIONS)]]
    assert pairs == [("ours", "theirs"), ("start", "theirs"), ("ours", "start")]
    smallest = min(rows, key=lambda row: row["p_value"])
    assert smallest["p_value_adjusted"] == pytest.approx(min(1, 4 * smallest["p_value"]))


def test_what_the_view_alone_is_worth_and_a_set_of_unknown_views(two_folds):
    made, films, _ = two_folds
    lifts = []
    for studies, _ in made:
        labels, views, people = studies["findings"].str[0], studies["view"], studies["patient_id"]
        for i in np.flatnonzero(views != "UNKNOWN"):
            others = people != people[i]
            same = others & (views == views[i])
            lifts.append((labels[same] == labels[i]).mean() - (labels[others] == labels[i]).mean())
    assert films.about()["lift_of_context"] == pytest.approx(np.mean(lifts))
    unknown = made[0][0].assign(view="UNKNOWN")
    scored = Scored.of(MAIN, [unknown])
    assert np.isnan(scored.lift_of_context())
    table = scored.table("within", neighbors(unknown, made[0][1]), K)
    assert score(table, "within") == {"n_targets": 0}


def test_the_same_films_for_everybody_are_hubs_and_have_the_lift_that_is_told(two_folds):
    """All targets shown five films of the commonest finding: the measure likes it, hubs tell."""
    made, _, _ = two_folds
    films, vectors = made[0]
    scored, found = Scored.of(MAIN, [films]), neighbors(films, vectors)
    labels, people = films["findings"].str[0], films["patient_id"].to_numpy()
    common = np.flatnonzero(labels == labels.value_counts().index[0])
    shown = np.stack([common[people[common] != people[i]][:20] for i in range(len(films))])
    constant = score(scored.table("overall", {**found, "overall": shown}, K), "overall")
    assert constant["lift"] == pytest.approx(scored.about()["lift_of_constant"])
    alike = score(scored.table("overall", found, K), "overall")
    times = np.sort(np.bincount(shown[:, :K].ravel()))[::-1]
    assert constant["hub_share"] == pytest.approx(times[0] / times.sum()) and alike["hub_share"] < 0.06
