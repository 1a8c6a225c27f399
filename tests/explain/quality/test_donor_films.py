"""Donors against brute force: forty films in the plane, three to a patient, some of another data set."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from cxrneighbors.data.schema import validate_studies
from cxrneighbors.encoders.store import Embeddings
from cxrneighbors.explain.films import Film, FilmReader
from cxrneighbors.explain.quality import donor_films
from cxrneighbors.explain.quality.donor_films import DonorPool, donor_pixels
from cxrneighbors.explain.registry import METHODS, build_explainer
from cxrneighbors.index.neighbor_index import NeighborIndex

N, POOL = 40, 5
VECTORS = np.random.default_rng(7).normal(size=(N, 2))


@pytest.fixture(scope="module")
def index() -> NeighborIndex:
    findings = [["Nodule"], ["Mass"], [], ["Nodule", "Mass"], ["No Finding"]]
    views = ["PA", "PA", "AP", "UNKNOWN", "PA", "AP", "LATERAL"]
    rows = [
        {
            "image_id": f"f{row}",
            "path": None if row % 11 == 5 else f"f{row}.png",
            "patient_id": str(row // 3 % 10),
            "dataset": "first" if row < 30 else "second",  # whose patient 0 is someone else
            "view": views[row % 7],
            "findings": findings[row % 5],
        }
        for row in range(N)
    ]
    studies = validate_studies(pd.DataFrame(rows))
    return NeighborIndex.build(
        Embeddings.from_arrays(list(studies["image_id"]), VECTORS), studies, backend="exact"
    )


def by_hand(studies: pd.DataFrame, image_id: str, finding: str, n: int) -> list[str]:
    """The nearest films, film by film, in the order of their distance."""
    rows = studies.to_dict(orient="records")
    target = next(row for row in rows if row["image_id"] == image_id)
    place = VECTORS[int(image_id[1:])]
    chosen, patients = [], {(target["dataset"], target["patient_id"])}
    for number in np.argsort(((VECTORS - place) ** 2).sum(1)):
        row = rows[number]
        patient = (row["dataset"], row["patient_id"])
        view = target["view"] in ("UNKNOWN", row["view"])
        labelled = len(row["findings"]) > 0 and finding not in row["findings"]
        if labelled and view and isinstance(row["path"], str) and patient not in patients:
            chosen.append(row["image_id"])
            patients.add(patient)
    return chosen[:n]


@pytest.mark.parametrize("image_id", ["f0", "f3", "f9", "f12", "f20", "f24", "f38"])
@pytest.mark.parametrize("finding", ["Nodule", "Mass"])
def test_the_pool_is_the_nearest_films_that_brute_force_finds(index, image_id, finding, monkeypatch):
    monkeypatch.setattr(donor_films, "POOL", POOL)
    pool = DonorPool.of(index, image_id, finding)
    expected = by_hand(index.studies, image_id, finding, POOL)
    assert set(pool.image_ids) == set(expected) and len(pool.image_ids) == len(expected) > 0
    assert len(set(pool.patients)) == len(pool.patients)
    assert [pool.patient_of[image_id] for image_id in pool.image_ids] == list(pool.patients)


def test_fewer_than_the_pool_are_all_there_are(index):
    pool = DonorPool.of(index, "f0", "Nodule")
    assert set(pool.image_ids) == set(by_hand(index.studies, "f0", "Nodule", N)) and len(pool.image_ids) < 50


def test_only_rows_that_may_be_donors(index):
    among = np.arange(N) % 2 == 0
    pool = DonorPool.of(index, "f0", "Nodule", among=among)
    assert pool.image_ids and all(int(image_id[1:]) % 2 == 0 for image_id in pool.image_ids)


def test_shuffled_by_seed_and_film_and_not_by_distance(index):
    first, again, other = (DonorPool.of(index, "f3", "Nodule", seed) for seed in (0, 0, 1))
    assert first.image_ids == again.image_ids
    assert first.image_ids != other.image_ids and set(first.image_ids) == set(other.image_ids)
    orders = [DonorPool.of(index, "f3", "Nodule", seed).image_ids for seed in range(20)]
    nearest = by_hand(index.studies, "f3", "Nodule", 1)[0]
    assert len({order.index(nearest) for order in orders}) > 3


def test_unused_denies_whole_patients_and_keeps_the_order():
    pool = DonorPool(("a", "b", "c", "d"), ("1", "2", "3", "4"), dict(zip("abcdxy", "123423", strict=True)))

    class Explained:
        def __init__(self, *used):
            self.neighbours = pd.DataFrame({"neighbor_id": list(used)})

    assert pool.unused(Explained(), 3) == ["a", "b", "c"]
    assert pool.unused(Explained("x"), 3) == ["a", "c", "d"]  # a film of patient 2 that is not in the pool
    assert pool.unused(Explained("a", "y"), 1) == ["b"]
    assert pool.unused(Explained("a", "b", "c", "d"), 2) == []
    assert pool.unused(Explained("from outside"), 9) == ["a", "b", "c", "d"]


@pytest.mark.parametrize("name", METHODS)
def test_no_method_is_judged_on_a_film_it_has_used(name, world, model, options):
    pool = DonorPool.of(world.index, "p0", "Nodule")
    explanation = build_explainer(name, model, world.index, **options).explain("p0", "Nodule")
    used = set(explanation.neighbours["neighbor_id"])
    left = pool.unused(explanation, 99)
    assert left == [image_id for image_id in pool.image_ids if image_id not in used] and left
    assert not {"p0", *used} & set(left)


def test_pixels_are_those_of_the_films_in_the_targets_shape(world):
    reader = FilmReader(world.studies, 48)
    grey, colour = donor_pixels(["p3", "p1"], reader, (1, 48, 48)), donor_pixels(["p3"], reader, (3, 48, 48))
    assert grey.shape == (2, 1, 48, 48) and grey.dtype == np.float32
    assert (grey[0] == reader.read("p3").pixels).all() and (grey[1] == reader.read("p1").pixels).all()
    assert (colour == grey[0][None]).all() and colour.shape == (1, 3, 48, 48)


def test_films_composed_of_target_and_donor(world, regions, seeing, tmp_path, monkeypatch):
    """What `Case` scores shows the donor in masked segments, donor by donor."""
    from cxrneighbors.explain.predictor import Predictor
    from cxrneighbors.explain.quality.benchmark import Benchmark
    from cxrneighbors.explain.quality.case import Case
    from cxrneighbors.explain.quality.settings import BenchmarkSettings
    from cxrneighbors.explain.quality.targets import Target

    settings = BenchmarkSettings(k=2, n_masks=5, n_held_out=5)
    benchmark = Benchmark(
        Predictor(seeing, device="cpu"), world.index, tmp_path, settings, regions, (), ("slic",)
    )
    case = Case(benchmark, Target("p0", "Nodule", "0"), "slic", None)
    masks = np.random.default_rng(0).integers(0, 2, (4, int(case.segments.max()) + 1)).astype(np.uint8)
    reader, kept = FilmReader(world.studies, 48), masks[:, case.segments] == 1
    films = [
        np.where(keep, case.film.pixels[0], reader.read(donor).pixels[0])
        for donor in ("p3", "p7")
        for keep in kept
    ]
    expected = benchmark.predictor.score(seeing.look.new_tensor(np.array(films))[:, None], "Nodule")
    found = case.score_donors(masks, ["p3", "p7"])
    assert found == pytest.approx(expected.numpy().reshape(2, 4), abs=1e-5)
    assert isinstance(case.film, Film) and replace(case.film).image_id == "p0"
