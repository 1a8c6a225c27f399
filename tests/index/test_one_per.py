"""One image of each study or patient: every way of searching against a sort of all distances."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from cxrneighbors.encoders.store import Embeddings
from cxrneighbors.errors import UserError
from cxrneighbors.index.filters import first_of_each, kept_first
from cxrneighbors.index.neighbor_index import NeighborIndex

N = 20_000
VIEWS = ["PA", "AP", "LATERAL"]


def index_of(sizes: np.ndarray, seed: int = 0, backend: str = "hnsw", spread: float = 0.4) -> NeighborIndex:
    """Patients of so many images each, alike within a patient; two images a study; reports of 70 %.

    The last image of every fourth patient is a copy of the first.
    """
    rng = np.random.default_rng(seed)
    patients = np.repeat(np.arange(len(sizes)), sizes)
    first = np.cumsum(sizes) - sizes
    within = np.arange(len(patients)) - first[patients]
    n = len(patients)
    image, report = (
        (rng.standard_normal((len(sizes), d))[patients] + spread * rng.standard_normal((n, d)))
        for d in (12, 5)
    )
    last = (first + sizes - 1)[::4]
    image[last] = image[first[::4]]
    report[rng.random(n) < 0.3] = np.nan
    studies = pd.DataFrame(
        {
            "image_id": [f"i{row}" for row in range(n)],
            "patient_id": [f"p{patient}" for patient in patients],
            "study_id": [f"s{number // 2}" for number in within],  # the same names in every patient
            "view": rng.choice(VIEWS, n, p=[0.6, 0.37, 0.03]),
            "findings": [["Mass"] if sick else ["No Finding"] for sick in rng.random(n) < 0.3],
        }
    )
    return NeighborIndex.build(
        Embeddings.from_arrays(list(studies["image_id"]), image, report), studies, backend=backend
    )


def units_of(index: NeighborIndex, one_per: str) -> np.ndarray:
    columns = {"image": ["image_id"], "study": ["patient_id", "study_id"], "patient": ["patient_id"]}[one_per]
    return pd.factorize(index.studies[columns].agg("/".join, axis=1))[0]


def sorted_hits(
    index: NeighborIndex,
    rows: np.ndarray,
    k: int,
    one_per: str,
    weights: dict[str, float],
    allowed: np.ndarray | None = None,
    same_patient: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """All rows by (distance, row), those of a unit that came before dropped: rows and distances (Q, k)."""
    units, patients = units_of(index, one_per), units_of(index, "patient")
    found, distances = np.full((len(rows), k), -1), np.full((len(rows), k), np.nan)
    for i, row in enumerate(rows):
        squared = np.zeros(len(units))
        out = np.arange(len(units)) == row if same_patient else patients == patients[row]
        if allowed is not None:
            out = out | ~allowed
        for name, weight in weights.items():
            apart = index.vectors[name].astype(np.float64) - index.vectors[name][row]
            squared += weight * (apart**2).sum(axis=1) / index.scale[name]
            out = out | ~index.has[name]
        order = np.flatnonzero(~out)[np.argsort(squared[~out], kind="stable")]
        first = np.sort(np.unique(units[order], return_index=True)[1])[:k]
        found[i, : len(first)] = order[first]
        distances[i, : len(first)] = np.sqrt(squared[order[first]])
    return found, distances


@pytest.fixture(scope="module")
def crowded() -> NeighborIndex:
    """20,000 images of 700 patients with 1 to 200 images."""
    sizes = np.random.default_rng(1).geometric(0.04, 700).clip(1, 200)
    sizes[-1] += N - sizes.sum() if sizes.sum() < N else 0
    return index_of(sizes, spread=0.2)


WEIGHTS = {"image": {"image": 1.0}, "report": {"report": 1.0}, "fused": {"image": 1.0, "report": 1.0}}


@pytest.mark.parametrize("way", ["graph", "exact"])
@pytest.mark.parametrize("one_per", ["study", "patient"])
@pytest.mark.parametrize("modality", WEIGHTS)
def test_twenty_thousand_images_equal_brute_force(
    crowded: NeighborIndex, monkeypatch: pytest.MonkeyPatch, modality: str, one_per: str, way: str
) -> None:
    monkeypatch.setattr(crowded.store, "exact_rows", 0 if way == "graph" else 10**9)
    if way == "graph":
        monkeypatch.setattr(crowded.store, "rows_per_effort", {"shared": 0, "own": 0})
    rows = np.flatnonzero(crowded.has["report"])[::1500]
    for allowed in (None, crowded.rows_where("view == 'AP'")):
        found, distances = crowded.neighbors(rows, 8, modality=modality, allowed=allowed, one_per=one_per)
        true_rows, true = sorted_hits(crowded, rows, 8, one_per, WEIGHTS[modality], allowed)
        assert (distances <= true * (1 + 1e-5)).mean() >= (0.99 if way == "graph" else 1)
        assert (found == true_rows).mean() > 0.97
        units = units_of(crowded, one_per)
        assert all(len(set(line)) == 8 for line in units[found].tolist())


@pytest.mark.parametrize("backend", ["exact", "hnsw"])
@pytest.mark.parametrize("same_patient", [False, True])
@pytest.mark.parametrize("one_per", ["image", "study", "patient"])
def test_k_are_found_where_k_exist(backend: str, same_patient: bool, one_per: str) -> None:
    """Two patients have nearly all images: a search has to go past them, and says how many there are."""
    index = index_of(np.r_[[60, 80], np.ones(9, dtype=int), [4, 3]], backend=backend)
    index.store.exact_rows = 0
    rows, allowed = np.array([0, 70, 141, 150]), index.rows_where("view != 'LATERAL'")
    for k in (3, 11, 13):
        found, distances = index.neighbors(
            rows, k, modality="image", allowed=allowed, one_per=one_per, include_same_patient=same_patient
        )
        true_rows, true = sorted_hits(index, rows, k, one_per, WEIGHTS["image"], allowed, same_patient)
        np.testing.assert_array_equal(found < 0, true_rows < 0)
        np.testing.assert_allclose(distances, true, rtol=1e-5)


@pytest.mark.parametrize("policy", ["nearest", "diverse", "cluster", "random"])
@pytest.mark.parametrize("one_per", ["study", "patient"])
def test_every_policy_takes_one_of_each(policy: str, one_per: str) -> None:
    index = index_of(np.random.default_rng(2).integers(1, 12, 60))
    rows = np.flatnonzero(index.has["report"])[::9]
    units = units_of(index, one_per)
    for modality in ("image", "fused"):
        found, distances = index.neighbors(rows, 6, modality=modality, policy=policy, one_per=one_per)
        assert all(len(set(line)) == 6 for line in units[found].tolist())
        assert (units_of(index, "patient")[found] != units_of(index, "patient")[rows][:, None]).all()
        assert (np.diff(distances, axis=1) >= 0).all()


def test_of_the_other_policies_each_unit_gives_its_nearest_image() -> None:
    index = index_of(np.random.default_rng(2).integers(1, 12, 60))
    rows = np.arange(0, len(index.studies), 40)
    everyone, _ = sorted_hits(index, rows, 59, "patient", WEIGHTS["image"])
    for policy in ("diverse", "cluster"):
        found, _ = index.neighbors(rows, 6, modality="image", policy=policy, one_per="patient")
        assert all(set(line) <= set(nearest) for line, nearest in zip(found, everyone, strict=True))


@pytest.mark.parametrize("ratio", [1.5, 3.0, 50.0])
def test_other_weights_than_the_graphs(
    crowded: NeighborIndex, monkeypatch: pytest.MonkeyPatch, ratio: float
) -> None:
    monkeypatch.setattr(crowded.store, "exact_rows", 0)
    monkeypatch.setattr(crowded.store, "rows_per_effort", {"shared": 0, "own": 0})
    rows, weights = np.flatnonzero(crowded.has["report"])[::1500], {"image": ratio, "report": 1.0}
    _, distances = crowded.neighbors(rows, 5, modality="fused", weights=weights, one_per="patient")
    _, true = sorted_hits(crowded, rows, 5, "patient", weights)
    assert (distances <= true * (1 + 1e-5)).mean() >= 0.95 and not np.isnan(distances).any()


def test_random_draws_films_and_skips_units_drawn_before() -> None:
    """Patients of 1, 2 and 7 images beside the query's: first places by images, all orders enumerated."""
    index = index_of(np.array([3, 1, 2, 7]), backend="exact")
    found, _ = index.neighbors(
        np.zeros(30_000, dtype=int), 2, modality="image", policy="random", one_per="patient"
    )
    sizes = {1: 1, 2: 2, 3: 7}
    expected = {}
    for a in sizes:
        for b in set(sizes) - {a}:
            pair = frozenset((a, b))
            expected[pair] = expected.get(pair, 0) + sizes[a] / 10 * sizes[b] / (10 - sizes[a])
    people = units_of(index, "patient")[found]
    for pair, share in expected.items():
        seen = np.mean([frozenset(line) == pair for line in people.tolist()])
        assert seen == pytest.approx(share, abs=0.012)
    of_last = found[people == 3] - 6
    assert np.bincount(of_last, minlength=7).min() > 0.9 * len(of_last) / 7


def test_queries_of_every_kind_and_filters_of_their_own(small_index: Callable[..., NeighborIndex]) -> None:
    index = small_index(300)
    hits = index.search(["i00000", "i00001"], k=40, one_per="patient", where=["view == 'PA'", None])
    people = index.studies.set_index("image_id")["patient_id"]
    for _, lines in hits.groupby("query_id"):
        assert people[lines["neighbor_id"]].nunique() == 40
    assert set(index.studies.set_index("image_id").loc[hits["neighbor_id"][:40], "view"]) == {"PA"}
    default = index.search("i00000", k=40)
    assert people[default["neighbor_id"]].nunique() < 40  # a search counts images


def test_too_few_are_counted_in_one_line(small_index: Callable[..., NeighborIndex]) -> None:
    index = small_index(30)
    line = r"only 27 images of 9 patients can be found .*k is 12; ask for k=9 or one per image"
    with pytest.raises(UserError, match=line):
        index.search("i00000", k=12, one_per="patient", modality="image")
    with pytest.raises(UserError, match="unknown one_per 'film'; choose one of: image, study, patient"):
        index.search("i00000", one_per="film")


def test_a_study_belongs_to_its_patient_and_data_set() -> None:
    studies = pd.DataFrame(
        {
            "image_id": list("abcdef"),
            "patient_id": ["1", "1", "1", "2", "1", "3"],
            "study_id": ["x", "x", "y", "x", "x", "z"],
            "dataset": ["one"] * 4 + ["two"] * 2,
            "findings": [["Mass"]] * 6,
        }
    )
    image = np.arange(6.0)[:, None] * [1.0, 0.0]
    index = NeighborIndex.build(Embeddings.from_arrays(list("abcdef"), image), studies, backend="exact")

    def found(one_per: str) -> str:
        hits = index.search("f", k=4 if one_per == "study" else 3, one_per=one_per)
        return "".join(hits["neighbor_id"])

    assert found("study") == "edcb" and found("patient") == "edc" and found("image") == "edc"


def test_first_of_each_and_kept_first() -> None:
    keys = np.array([[3, -1, 3, 1, 1, 2], [5, 5, -1, -1, -1, -1]])
    first = first_of_each(keys)
    assert first.tolist() == [[True, False, False, True, False, True], [True, *[False] * 5]]
    assert kept_first(keys, first, 3).tolist() == [[3, 1, 2], [5, -1, -1]]
