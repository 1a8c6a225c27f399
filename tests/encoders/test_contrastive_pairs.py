"""Which films are paired, and which are learned from."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from cxrneighbors.encoders.contrastive_pairs import (
    PairBatches,
    PatientFilms,
    check_partners,
    films_to_learn_from,
)
from cxrneighbors.errors import UserError
from cxrneighbors.training.batches import even_sizes
from cxrneighbors.training.images import FileImages, MemoryImages

Films = Callable[..., np.ndarray]
PATIENTS = np.array([4, 1, 4, 2, 4, 2, 7, 4, 9])


def pairs(batches: PairBatches) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for batch in batches:
        n = len(batch) // 2
        found += zip(batch[:n], batch[n:], strict=True)
    return found


def test_partners_are_other_films_of_the_patient_each_equally_often() -> None:
    batches = PairBatches([5, 4], 0, PATIENTS, share=1.0)
    seen: dict[int, list[int]] = {film: [] for film in range(9)}
    for epoch in range(300):
        batches.set_epoch(epoch)
        drawn = pairs(batches)
        assert sorted(film for film, _ in drawn) == list(range(9))
        for film, partner in drawn:
            seen[film].append(partner)
    for film, partners in seen.items():
        others = set(np.flatnonzero(PATIENTS[film] == PATIENTS)) - {film}
        assert set(partners) == (others or {film})
        counts = np.unique(partners, return_counts=True)[1]
        assert counts.min() > 0.7 * 300 / len(counts)


def test_a_share_of_films_keeps_itself_as_its_partner() -> None:
    own = PairBatches([9], 0, PATIENTS)
    assert all(film == partner for film, partner in pairs(own))
    patients = np.arange(4000) // 2
    drawn = pairs(PairBatches(even_sizes(4000, 4), 0, patients, share=0.3))
    assert abs(np.mean([film != partner for film, partner in drawn]) - 0.3) < 0.03


def test_pairs_depend_on_seed_and_epoch_alone() -> None:
    first, second = (PairBatches([5, 4], 3, PATIENTS, 0.5) for _ in range(2))
    before = list(first)
    first.set_epoch(1)
    second.set_epoch(1)
    assert list(first) == list(second) != before
    fixed = PairBatches([5, 4], None, PATIENTS, 0.5)
    before = list(fixed)
    fixed.set_epoch(1)
    assert list(fixed) == before and before[0][:5] == [0, 1, 2, 3, 4]


def test_an_item_is_two_stacks_of_films_and_their_patients(films: Films) -> None:
    pixels = (films(9, 16) * 255).astype(np.uint8)
    first, second, whose = PatientFilms(MemoryImages(pixels), PATIENTS)[[1, 0, 8, 1, 2, 8]]
    np.testing.assert_allclose(first.numpy(), pixels[[1, 0, 8]] / 255.0, atol=1e-6)
    np.testing.assert_allclose(second.numpy(), pixels[[1, 2, 8]] / 255.0, atol=1e-6)
    assert whose.tolist() == [1, 4, 9]


def test_rows_of_a_table_their_patients_and_unreadable_films(studies: pd.DataFrame) -> None:
    marked = studies.assign(split=["val" if split == "test" else split for split in studies["split"]])
    train, val = films_to_learn_from(marked, 32, "pad")
    assert val is not None and len(val) == 6  # 5 has no path; 7, of split 'train', is empty
    rows = [row for row in range(23) if row % 3 < 2 and row != 7]
    same = np.array([[a // 2 == b // 2 for a in rows] for b in rows])
    assert np.array_equal(train.patients[:, None] == train.patients[None], same)
    assert films_to_learn_from(studies, 32, "pad")[1] is None, "without 'val' nothing validates"
    with pytest.raises(UserError, match="no row of split 'train'"):
        films_to_learn_from(studies.assign(split="test"), 32, "pad")


def test_patients_of_two_data_sets_are_two(studies: pd.DataFrame) -> None:
    table = studies.assign(split="train", patient_id="1", dataset=["a", "b"] * 11 + ["a"])
    train, _ = films_to_learn_from(table, 32, "pad")
    assert len(np.unique(train.patients)) == 2


def test_films_read_for_each_batch_leave_out_broken_pairs(studies: pd.DataFrame) -> None:
    paths = [str(path) for path in studies["path"][[0, 1, 6, 7]]]  # the last one is empty
    lazy = PatientFilms(FileImages(paths, 32, "pad"), np.array([0, 0, 3, 3]))
    first, second, whose = lazy[[0, 2, 3, 1, 3, 2]]
    held, _, _ = lazy[[0, 0]]
    _, partner, _ = lazy[[1, 1]]
    assert np.array_equal(first, held) and np.array_equal(second, partner) and whose.tolist() == [0]
    with pytest.raises(UserError, match="no pair of a batch"):
        lazy[[2, 3]]


def test_too_few_films_or_partners(films: Films, studies: pd.DataFrame) -> None:
    with pytest.raises(UserError, match="fewer than 2 patients"):
        films_to_learn_from(studies.assign(split="train", patient_id="1"), 32, "pad")
    with pytest.raises(ValueError, match=r"\(N, 1, 32, 32\), got"):
        films_to_learn_from(films(4, 16), 32, "pad")
    alone, val = films_to_learn_from(films(4, 16), 16, "pad")
    assert val is None and alone.patients.tolist() == [0, 1, 2, 3]
    with pytest.raises(UserError, match="no patient has two films"):
        check_partners(alone)
