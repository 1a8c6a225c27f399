from __future__ import annotations

import numpy as np
import pytest

from cxrneighbors.evaluation.candidate_role import candidate_role
from cxrneighbors.evaluation.expectation import random_expectation
from cxrneighbors.evaluation.labels import encode_labels
from cxrneighbors.evaluation.lift_interval import (
    difference_estimate,
    lift_contributions,
    lift_estimate,
    rare_lift_estimate,
)
from cxrneighbors.evaluation.overlap import DEFINITIONS, labels_for, pair_overlap
from cxrneighbors.statistics.dyadic import dyadic_estimate, pair_contributions

NAMES = ("Atelectasis", "Edema", "Effusion", "Mass", "Nodule")


def overlap_of(a: set[str], b: set[str], definition: str) -> float:
    if definition == "any-disease":
        a, b = a - {"No Finding"}, b - {"No Finding"}
    if definition == "exact":
        return float(a == b)
    if definition == "jaccard":
        return len(a & b) / len(a | b) if a | b else 1.0
    return float(bool(a & b))


class Sample:
    """Films, findings, patients and K neighbours drawn at random; one patient has many films."""

    def __init__(self, seed: int, n: int = 34, k: int = 3, same_patient: bool = False) -> None:
        rng = np.random.default_rng(seed)
        self.k, self.same = k, same_patient
        self.patients = np.r_[np.zeros(7, int), rng.integers(1, 12, n - 7)] * 10  # codes with gaps
        drawn = rng.random((n, 5)) < 0.3
        self.findings = [
            {name for name, has in zip(NAMES, row, strict=True) if has} or {"No Finding"} for row in drawn
        ]
        self.strata = rng.integers(0, 2, n)
        self.targets = np.sort(rng.choice(n, 25, replace=False))
        self.first = self.draw(rng)
        self.second = self.draw(rng)
        self.first[3, 6:] = -1  # one target has only so many ranked films

    def candidates(self, i: int, stratum: bool = False) -> list[int]:
        return [
            j
            for j in range(len(self.patients))
            if j != i
            and (self.same or self.patients[i] != self.patients[j])
            and (not stratum or self.strata[i] == self.strata[j])
        ]

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        return np.stack([rng.choice(self.candidates(i), self.k + 5, replace=False) for i in self.targets])


def loops(sample: Sample, targets: list[int], graphs: list[tuple[float, np.ndarray]], definition, stratum):
    """The estimator as its head states it: a dense table of what each pair of patients contributes.

    graphs: (sign, neighbours of every target); returns standard error and degrees of freedom.
    """
    people = sorted(set(sample.patients.tolist()))
    at = {patient: position for position, patient in enumerate(people)}
    own = [at[patient] for patient in sample.patients]
    n_pairs = len(targets) * sample.k
    W = np.zeros((len(people), len(people)))  # as target, then as neighbour
    touching = np.zeros(len(people))
    linked = np.zeros(W.shape, dtype=bool)
    as_neighbor, as_target = np.zeros(len(people)), np.zeros(len(people))
    for sign, neighbors in graphs:
        rows = []
        for i, found in zip(targets, neighbors, strict=True):
            pool = sample.candidates(i, stratum)
            shared = {
                c: overlap_of(sample.findings[i], sample.findings[c], definition) for c in range(len(own))
            }
            e = np.mean([shared[c] for c in pool])
            ranked = [j for j in found if j >= 0]
            for j in ranked[: sample.k]:
                after = [shared[c] - e for c in ranked[sample.k :] if own[c] != own[j]]
                rows.append((i, j, shared[j] - e, np.mean(after) if after else None))
            for c in pool:  # the candidate's role
                share = sample.k / len(pool)
                if own[i] != own[c]:
                    touching[own[c]] -= sign * share * (shared[c] - e)
                    W[own[i], own[c]] -= sign * share * (shared[c] - e)
                    as_neighbor[own[c]] -= sign * share
        mean = np.mean([r for _, _, r, _ in rows])
        for i, j, r, replaced_by in rows:
            touching[own[i]] += sign * (r - mean)
            if own[i] != own[j]:
                local = mean if replaced_by is None or len(graphs) > 1 else replaced_by
                gone = sign * (r - ((sample.k - 1) * local + mean) / sample.k)
                touching[own[j]] += gone
                W[own[i], own[j]] += gone
                linked[own[i], own[j]] = True
            as_neighbor[own[j]] += sign
    for i in targets:
        as_target[own[i]] += sample.k
    squares = takes_back = 0.0
    influence = []
    for p in range(len(people)):
        influence.append(touching[p] / (1 - as_target[p] / n_pairs))
        squares += influence[-1] ** 2
        for q in range(p):
            if linked[p, q] or linked[q, p]:
                takes_back += (W[p, q] + W[q, p]) ** 2
    variance = max(squares - takes_back, squares / 2) / n_pairs**2
    alike, apart = as_target**2 + as_neighbor**2, as_target * sample.k + abs(as_neighbor)
    expected = sum((alike / sum(alike) / 2 + apart / sum(apart) / 2) ** 2)
    observed = sum(x**4 for x in influence) / squares**2
    kurtosis = 3 if len(graphs) > 1 else 1
    return np.sqrt(variance), 2 / (expected + observed / kurtosis)


@pytest.mark.parametrize("definition", DEFINITIONS)
@pytest.mark.parametrize("stratum", [False, True])
@pytest.mark.parametrize("same_patient", [False, True])
def test_lift_equals_plain_loops(definition, stratum, same_patient):
    s = Sample(1, same_patient=same_patient)
    masks = labels_for(encode_labels([sorted(names) for names in s.findings]), definition).masks
    strata = s.strata if stratum else None
    expectation = random_expectation(masks, s.patients, definition, strata, same_patient)
    keep = np.array([bool(masks[i].any()) for i in s.targets])  # any-disease: diseased targets
    targets, neighbors = s.targets[keep], s.first[keep]
    found = lift_estimate(targets, neighbors, s.k, masks, s.patients, expectation, definition, strata)
    error, dof = loops(s, targets.tolist(), [(1.0, neighbors)], definition, stratum)
    assert found.standard_error == pytest.approx(error, rel=1e-10)
    assert found.dof == pytest.approx(dof, rel=1e-10)


@pytest.mark.parametrize("definition", ["any", "jaccard"])
def test_difference_equals_plain_loops(definition):
    s = Sample(2)
    masks = labels_for(encode_labels([sorted(names) for names in s.findings]), definition).masks
    expected = random_expectation(masks, s.patients, definition).mean[s.targets]
    found = difference_estimate(s.targets, s.first, s.second, s.k, masks, s.patients, expected, definition)
    error, dof = loops(s, s.targets.tolist(), [(1.0, s.first), (-1.0, s.second)], definition, False)
    assert found.standard_error == pytest.approx(error, rel=1e-10)
    assert found.dof == pytest.approx(dof, rel=1e-10)
    other = difference_estimate(s.targets, s.second, s.first, s.k, masks, s.patients, expected, definition)
    assert other.mean == pytest.approx(-found.mean) and other.standard_error == found.standard_error


def test_many_chunks_change_nothing(monkeypatch):
    s = Sample(3)
    masks = encode_labels([sorted(names) for names in s.findings]).masks
    expectation = random_expectation(masks, s.patients, "any", s.strata)
    arguments = (s.targets, s.first, s.k, masks, s.patients, expectation, "any", s.strata)
    before = lift_estimate(*arguments)
    monkeypatch.setattr("cxrneighbors.evaluation.candidate_role.CHUNK", 5)
    monkeypatch.setattr("cxrneighbors.evaluation.overlap.CHUNK", 5)
    assert lift_estimate(*arguments).standard_error == pytest.approx(before.standard_error, rel=1e-12)


def test_a_hub_widens_the_interval():
    """The same overlaps: one film the neighbour of all targets, or each target with one of its own."""
    rng = np.random.default_rng(4)
    residuals = rng.normal(size=(200, 1))
    targets = np.arange(200)
    spread = pair_contributions(targets, (targets[:, None] + 1) % 200, residuals, 0.0, 200)
    hub_patient = np.where(targets == 0, 1, 0)[:, None]
    hub = pair_contributions(targets, hub_patient, residuals, -1.0, 200)
    assert dyadic_estimate(0.0, hub).dof < 5 < 20 < dyadic_estimate(0.0, spread).dof


def test_pairs_without_anything_in_common_are_an_ordinary_mean():
    """Target and neighbour pairs of 2 E different patients: the mean of E independent values."""
    values = np.random.default_rng(5).normal(size=300)
    contributions = pair_contributions(
        np.arange(300), 300 + np.arange(300)[:, None], values[:, None], values.mean(), 600
    )
    found = dyadic_estimate(float(values.mean()), contributions)
    assert found.standard_error == pytest.approx(values.std() / np.sqrt(300), rel=0.01)


def test_nothing_can_be_said_of_one_patient_or_of_no_variation():
    one = pair_contributions(np.zeros(4, int), np.arange(1, 5)[:, None], np.arange(4.0)[:, None], 1.5, 5)
    same = pair_contributions(np.arange(4), (np.arange(4)[:, None] + 1) % 4, np.ones((4, 1)), 1.0, 4)
    for contributions in (one, same):
        assert np.isnan(dyadic_estimate(0.5, contributions).interval()).all()
        assert np.isnan(dyadic_estimate(0.5, contributions).p_value())


def test_differences_need_the_same_targets():
    a = pair_contributions(np.arange(4), (np.arange(4)[:, None] + 1) % 4, np.arange(4.0)[:, None], 0.0, 4)
    b = pair_contributions(np.arange(3), (np.arange(3)[:, None] + 1) % 3, np.arange(3.0)[:, None], 0.0, 4)
    with pytest.raises(ValueError, match="same targets"):
        a.minus(b)


def test_difference_of_lifts_over_the_same_candidates_needs_no_candidates():
    """With the candidates' role in both, pairs that only one of them links included, it cancels."""
    s = Sample(6)
    masks = encode_labels([sorted(names) for names in s.findings]).masks
    codes = np.unique(s.patients, return_inverse=True)[1]
    expectation = random_expectation(masks, s.patients, "any")
    expected = expectation.mean[s.targets]
    role = candidate_role(
        masks,
        codes,
        np.zeros_like(codes),
        s.targets,
        s.k / expectation.candidates[s.targets],
        expected,
        "any",
    )
    parts = []
    for candidates in (role, None):
        ours, theirs = (
            lift_contributions(
                s.targets,
                neighbors,
                pair_overlap(masks[s.targets][:, None], masks[neighbors], "any") - expected[:, None],
                s.k,
                codes,
                candidates,
            )
            for neighbors in (s.first, s.second)
        )
        parts.append(ours.minus(theirs))
    for name in ("touching", "as_neighbor", "sums", "keys"):
        np.testing.assert_allclose(getattr(parts[0], name), getattr(parts[1], name), atol=1e-12)


def test_candidates_of_groups_of_targets_add_up():
    """Targets within strata, all at once or stratum by stratum with its films as the candidates."""
    s = Sample(7)
    masks = encode_labels([sorted(names) for names in s.findings]).masks
    codes = np.unique(s.patients, return_inverse=True)[1]
    e = random_expectation(masks, s.patients, "any", s.strata)
    weights, expected = s.k / e.candidates[s.targets], e.mean[s.targets]
    at_once = candidate_role(masks, codes, s.strata, s.targets, weights, expected, "any")
    parts = []
    for stratum in (0, 1):
        own = s.strata[s.targets] == stratum
        parts.append(
            candidate_role(
                masks,
                codes,
                np.zeros_like(codes),
                s.targets[own],
                weights[own],
                expected[own],
                "any",
                candidates=s.strata == stratum,
            )
        )
    together = parts[0].plus(parts[1])
    np.testing.assert_allclose(together.total, at_once.total, atol=1e-12)
    np.testing.assert_allclose(together.expected, at_once.expected, atol=1e-12)
    p, q = (part.reshape(-1) for part in np.indices((codes.max() + 1,) * 2))
    np.testing.assert_allclose(together.between(p, q), at_once.between(p, q), atol=1e-12)


def test_a_rare_finding_without_a_hit_has_an_interval_all_the_same():
    """Twelve targets with a finding that no neighbour has: independent draws say how little that means."""
    masks = np.zeros((200, 1), dtype=np.uint64)
    masks[:12] = 1
    targets, patients = np.arange(12), np.arange(200)
    neighbors = np.stack([np.arange(20, 30) + i for i in range(12)])
    chance = random_expectation(masks, patients, "any")
    found = rare_lift_estimate(targets, neighbors, 5, masks, patients, chance)
    e = 11 / 199
    assert found.mean == pytest.approx(-e)
    assert found.standard_error == pytest.approx(np.sqrt(e * (1 - e) / 60))
    low, high = found.interval()
    assert low < -e < 0 < high
    alone = rare_lift_estimate(targets, neighbors, 5, masks, np.zeros(200, int), chance)
    assert np.isnan(alone.standard_error)
