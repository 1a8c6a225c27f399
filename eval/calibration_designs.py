"""Made and half-real data sets with a known truth, for `calibration.py`.

A design draws data sets of one kind: who has how many films, what the films look like, what they show. An
effect is planted by adding a component to the looks that tells the labels; without it looks know nothing of
labels once the film counts are given. Within a patient labels are alike: a latent correlation of 0.4, the
middle of what ChestX-ray14's findings have (0.16 for Infiltration to 0.48 for Cardiomegaly, tetrachoric).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from cxrneighbors.data.imports import import_dataset
from cxrneighbors.data.pixels import read_pixels, resize
from cxrneighbors.evaluation.labels import encode_labels
from cxrneighbors.statistics.groups import equal_sized_groups
from cxrneighbors.statistics.patients import patient_codes

PREVALENCE = np.array([0.18, 0.12, 0.10, 0.06, 0.05, 0.04, 0.03, 0.02])
ALIKE = 0.4  # latent correlation of a finding between two films of a patient
LOOKS = 16  # dimensions of made looks
AP = 1 / 3  # share of AP films


@dataclass(frozen=True)
class Sample:
    """One data set of n films.

    patients: int (n,); masks: uint64 (n, 1); views: int (n,); looks, first, second: float (n, D), vectors of
    an encoder and those of two encoders to compare.
    """

    patients: np.ndarray
    masks: np.ndarray
    views: np.ndarray
    looks: np.ndarray
    first: np.ndarray
    second: np.ndarray

    def with_effect(self, strength: float) -> Sample:
        """The same data set, its looks telling the labels so much."""
        if strength == 0:
            return self
        member = (self.masks >> np.arange(16, dtype=np.uint64)) & np.uint64(1)
        told = 2.0 * strength * member[:, member.any(axis=0)].astype(float)
        more = [np.concatenate([x, told], axis=1) for x in (self.looks, self.first, self.second)]
        return Sample(self.patients, self.masks, self.views, *more)


@dataclass(frozen=True)
class Design:
    """name: in files and tables; title: for readers; draw: (generator, matched) -> Sample.

    With `matched`, looks and labels both depend on the view, which is what matched lifts correct for.
    real_effect: whether the labels keep their own relation to the looks.
    """

    name: str
    title: str
    draw: Callable[[np.random.Generator, bool], Sample]
    real_effect: bool = False


def made(
    counts: np.ndarray,
    by_count: float = 0.0,
    alike: float = ALIKE,
    width: int = LOOKS,
    prevalence: np.ndarray = PREVALENCE,
) -> Callable[[np.random.Generator, bool], Sample]:
    """Films drawn from normal distributions: counts: int (P,), films of each patient.

    by_count: how strongly findings and looks depend on the number of films; alike, width, prevalence: of a
    patient's findings, of looks, of findings.
    """
    patients = np.repeat(np.arange(len(counts)), counts)
    many = np.log10(counts) - np.log10(counts).mean()

    def draw(rng: np.random.Generator, matched: bool) -> Sample:
        n, people = len(patients), len(counts)
        sick = _within(rng, patients, len(prevalence), alike)
        views = (_within(rng, patients, 1, 0.5)[:, 0] < stats.norm.ppf(AP)).astype(np.int64)
        threshold = stats.norm.ppf(prevalence) + 0.7 * by_count * many[patients][:, None]
        threshold = threshold + 0.35 * matched * views[:, None]
        has = sick < threshold
        masks = (has * (1 << np.arange(len(prevalence)))).sum(axis=1)
        masks = np.where(masks == 0, 1 << len(prevalence), masks).astype(np.uint64)[:, None]
        # Patients near the middle of the cloud become neighbours of many: hubs, as on real films.
        spread = np.exp(0.3 * rng.normal(size=people))[patients][:, None]
        shared, *own = (_within(rng, patients, width, 0.6) * spread for _ in range(3))
        known = [1.5 * matched * views[:, None], 3.0 * np.log(10) * by_count * many[patients][:, None]]
        vectors = [shared, *((shared + each) / np.sqrt(2) for each in own)]
        looks, first, second = (np.concatenate([vector, *known], axis=1) for vector in vectors)
        return Sample(patients[:n], masks, views, looks, first, second)

    return draw


def _within(rng: np.random.Generator, patients: np.ndarray, width: int, alike: float) -> np.ndarray:
    """Standard normal (n, width) with correlation `alike` within a patient."""
    person = rng.normal(size=(int(patients.max()) + 1, width))[patients]
    own = rng.normal(size=(len(patients), width))
    return np.asarray(np.sqrt(alike) * person + np.sqrt(1 - alike) * own)


def real(
    table: pd.DataFrame, vectors: np.ndarray, donors: pd.DataFrame | None, n_patients: int | None = None
) -> Callable[[np.random.Generator, bool], Sample]:
    """Real films with the findings of other patients who have as many films.

    vectors: float (N, D) of the table's rows; every second column makes one of two encoders. donors: whose
    findings are given, patients with about as many films, drawn with replacement; None: everybody keeps their
    own. n_patients: so many patients of the table are drawn for each data set.
    """
    patients, masks = patient_codes(table), encode_labels(table["findings"]).masks
    views = pd.factorize(table["view"], sort=True)[0].astype(np.int64)
    first, second = (unit_length(vectors[:, start::2]) for start in (0, 1))
    sequences = _sequences(donors) if donors is not None else {}

    def draw(rng: np.random.Generator, matched: bool) -> Sample:
        rows = np.arange(len(table))
        if n_patients:
            chosen = rng.choice(patients.max() + 1, n_patients, replace=False)
            rows = np.flatnonzero(np.isin(patients, chosen))
        who = np.unique(patients[rows], return_inverse=True)[1].reshape(-1)
        given = masks[rows] if donors is None else _donated(rng, who, sequences)
        return Sample(who, given, views[rows], *(part[rows] for part in (vectors, first, second)))

    return draw


def _sequences(donors: pd.DataFrame) -> dict[int, list[np.ndarray]]:
    """Label masks (s, 1) of each donor, by number of films s."""
    masks = encode_labels(donors["findings"]).masks
    groups = equal_sized_groups(patient_codes(donors))
    return {rows.shape[1]: [masks[one] for one in rows] for rows in groups}


def _donated(rng: np.random.Generator, who: np.ndarray, sequences: dict[int, list[np.ndarray]]) -> np.ndarray:
    given = np.empty((len(who), 1), dtype=np.uint64)
    sizes = np.array(sorted(sequences))
    for rows in equal_sized_groups(who):
        # About as many films, so that patients with very many have more than one donor to draw from.
        near = sizes[(sizes >= 0.6 * rows.shape[1]) & (sizes <= 1.5 * rows.shape[1])]
        pool = [each for size in near for each in sequences[size]]
        for one in rows:
            taken = pool[rng.integers(len(pool))]
            given[one] = taken[np.arange(len(one)) % len(taken)]
    return given


def principal_components(table: pd.DataFrame, size: int = 48, n: int = 60) -> np.ndarray:
    """Scores of the films on their first n principal components: float64 (N, n), mean square 1 a row."""
    films = np.stack([resize(read_pixels(path), size, "pad").reshape(-1) for path in table["path"]])
    films = films - films.mean(axis=0)
    left, values, _ = np.linalg.svd(films.astype(np.float64), full_matrices=False)
    return unit_length(left[:, :n] * values[:n])


def unit_length(vectors: np.ndarray) -> np.ndarray:
    """Vectors (N, D) scaled to the mean square length of made looks."""
    return np.asarray(vectors / np.sqrt((vectors**2).sum(axis=1).mean()) * np.sqrt(LOOKS))


def film_counts(table: pd.DataFrame) -> np.ndarray:
    """Films of each patient: int (P,)."""
    return np.bincount(patient_codes(table))


def designs(data: Path, by_count: float) -> list[Design]:
    """All designs; `data`: the folder with chestxray14-128, chestxray14-10k and covid-chestxray."""
    small = import_dataset("chestxray14", data / "chestxray14-128").studies
    covid = import_dataset("covid-chestxray", data / "covid-chestxray").studies
    usable = (covid["findings"].map(len) > 0) & covid["path"].notna()
    covid = covid[usable].reset_index(drop=True)
    large = import_dataset("chestxray14", data / "chestxray14-10k").studies
    rng = np.random.default_rng(1)
    few = np.r_[rng.integers(30, 41, 6), rng.integers(1, 4, 150)]
    counts = film_counts(small)
    everyone = principal_components(large)
    return [
        Design("single", "single films, 422 patients", made(np.ones(422, dtype=int))),
        Design("counts-128", f"film counts of chestxray14-128, {len(counts)} patients", made(counts)),
        Design("counts-covid", "film counts of covid-chestxray", made(film_counts(covid))),
        Design("few-big", "6 patients of 30 to 40 films, 150 of 1 to 3", made(few)),
        Design("by-count", "findings and looks depend on film counts", made(counts, by_count)),
        Design(
            "real-128",
            "real films (chestxray14-128), findings of other patients",
            real(small, principal_components(small), large),
        ),
        Design(
            "real-covid",
            "real films (covid-chestxray), findings of other patients",
            real(covid, principal_components(covid), covid),
        ),
        Design(
            "real-10k",
            "120 real patients of 1,824, findings of others",
            real(large, everyone, large, n_patients=120),
        ),
        Design(
            "real-10k-own",
            "120 real patients of 1,824, their own findings",
            real(large, everyone, None, n_patients=120),
            real_effect=True,
        ),
        # Every choice about the intervals was made before this kind of data set was first drawn.
        Design(
            "fresh",
            "drawn after all choices: 300 patients, film counts of chestxray14-10k",
            made(
                np.random.default_rng(2).choice(film_counts(large), 300, replace=False),
                alike=0.2,
                width=40,
                prevalence=np.array([0.3, 0.15, 0.08, 0.08, 0.04, 0.02]),
            ),
        ),
    ]
