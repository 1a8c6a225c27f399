"""Shares of nearest films of the same patient, against loops; and which films are taken."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import cxrneighbors as cx
from cxrneighbors.data.schema import validate_studies
from reidentification import DEPTH, read_films, same_patient

N = 40


@pytest.fixture(scope="module")
def films() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    patients = rng.integers(0, 14, N).astype(str)
    table = pd.DataFrame(
        {"image_id": [f"i{row}" for row in range(N)], "patient_id": patients, "findings": [[]] * N}
    )
    return validate_studies(table)


def test_shares_are_those_of_a_loop(films: pd.DataFrame) -> None:
    vectors = np.random.default_rng(1).normal(size=(N, 3)).astype(np.float32)
    vectors += films["patient_id"].astype(int).to_numpy()[:, None] / 10
    index = cx.NeighborIndex.build(
        cx.Embeddings.from_arrays(list(films["image_id"]), vectors), films, backend="exact"
    )
    first, among, chance = [], [], []
    for row, patient in enumerate(films["patient_id"]):
        others = [other for other in range(N) if other != row]
        own = [other for other in others if films["patient_id"][other] == patient]
        if own:
            nearest = sorted(others, key=lambda other: np.linalg.norm(vectors[row] - vectors[other]))[:DEPTH]
            first.append(nearest[0] in own)
            among.append(bool(set(nearest) & set(own)))
            chance.append(len(own) / len(others))
    found = same_patient(index, films)
    assert found["n_targets"] == len(first)
    assert found["nearest"] == pytest.approx(np.mean(first))
    assert found["among_nearest"] == pytest.approx(np.mean(among))
    assert found["nearest_by_chance"] == pytest.approx(np.mean(chance))


def test_chance_is_what_random_vectors_give(films: pd.DataFrame) -> None:
    hits, expected = [], 0.0
    for seed in range(60):
        vectors = np.random.default_rng(seed).normal(size=(N, 30)).astype(np.float32)
        embeddings = cx.Embeddings.from_arrays(list(films["image_id"]), vectors)
        found = same_patient(cx.NeighborIndex.build(embeddings, films, backend="exact"), films)
        hits.append(found["among_nearest"])
        expected = found["among_nearest_by_chance"]
    assert np.mean(hits) == pytest.approx(expected, abs=0.03)


def test_of_a_large_sample_patients_are_drawn_whole_and_outside_test(shared_data: Path) -> None:
    root = shared_data / "chestxray14-128"
    everything, few = cx.read_studies("chestxray14", root), read_films(root, 20, seed=0)
    assert few["patient_id"].nunique() == 20 and set(few["split"]) <= {"train", "val"}
    whole = everything[everything["patient_id"].isin(few["patient_id"])]
    assert set(whole["image_id"]) == set(few["image_id"])
    assert len(read_films(root, 400, seed=0)) == len(everything)
