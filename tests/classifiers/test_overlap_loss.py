"""The loss of films that share findings, against plain loops and against supervised contrast."""

from __future__ import annotations

import math

import pytest
import torch

from cxrneighbors.classifiers.overlap_loss import RecentFilms, label_overlap, overlap_loss


def by_hand(features, labels, others, other_labels, t):
    unit = [f / f.norm() for f in torch.cat([features, others])]
    sets = [{c for c, has in enumerate(row) if has} for row in torch.cat([labels, other_labels]).tolist()]
    losses = []
    for i in range(len(features)):
        rest = [j for j in range(len(unit)) if j != i]
        alike = {
            j: 1.0 if not sets[i] | sets[j] else len(sets[i] & sets[j]) / len(sets[i] | sets[j]) for j in rest
        }
        if not sum(alike.values()):
            continue
        whole = sum(math.exp(float(unit[i] @ unit[j]) / t) for j in rest)
        near = {j: math.log(math.exp(float(unit[i] @ unit[j]) / t) / whole) for j in rest}
        losses.append(-sum(alike[j] * near[j] for j in rest) / sum(alike.values()))
    return sum(losses) / len(losses)


@pytest.mark.parametrize("n_others", [0, 5])
def test_it_is_the_formula(n_others: int) -> None:
    rng = torch.Generator().manual_seed(0)
    features, others = torch.randn(7, 4, generator=rng), torch.randn(n_others, 4, generator=rng)
    labels = (torch.rand(7, 5, generator=rng) < 0.4).float()
    other_labels = (torch.rand(n_others, 5, generator=rng) < 0.4).float()
    found = float(overlap_loss(features, labels, others, other_labels, 0.3))
    assert found == pytest.approx(by_hand(features, labels, others, other_labels, 0.3), rel=1e-5)


def test_with_one_label_each_it_is_supervised_contrast() -> None:
    features = torch.randn(8, 3, generator=torch.Generator().manual_seed(0))
    classes = torch.tensor([0, 0, 1, 1, 1, 0, 2, 2])
    found = overlap_loss(features, torch.eye(3)[classes], torch.zeros(0, 3), torch.zeros(0, 3), 0.5)
    unit, total = features / features.norm(dim=1, keepdim=True), 0.0
    for i in range(8):
        others = [j for j in range(8) if j != i]
        positives = [j for j in others if classes[j] == classes[i]]
        scores = torch.stack([unit[i] @ unit[j] / 0.5 for j in others])
        total -= sum(float(unit[i] @ unit[j] / 0.5 - scores.logsumexp(0)) for j in positives) / len(positives)
    assert float(found) == pytest.approx(total / 8, rel=1e-5)


def test_films_that_share_labels_with_nobody_are_left_out() -> None:
    features = torch.randn(3, 4, generator=torch.Generator().manual_seed(0)).requires_grad_()
    nothing = overlap_loss(features, torch.eye(3), torch.zeros(0, 4), torch.zeros(0, 3))
    nothing.backward()
    assert float(nothing.detach()) == 0 and not features.grad.any()
    with_two = overlap_loss(
        features, torch.tensor([[1.0, 0], [1.0, 0], [0, 1.0]]), *RecentFilms(4, 2, size=9).get()
    )
    assert float(with_two.detach()) == pytest.approx(
        by_hand(
            features.detach(),
            torch.tensor([[1, 0], [1, 0], [0, 1]]),
            torch.zeros(0, 4),
            torch.zeros(0, 2),
            0.1,
        ),
        rel=1e-4,
    )


def test_overlap_of_sets() -> None:
    a, b = (
        torch.tensor([[1.0, 1, 0]]),
        torch.tensor([[1.0, 1, 0], [1, 0, 0], [0, 0, 1], [0, 0, 0], [1, 1, 1]]),
    )
    assert label_overlap(a, b)[0].tolist() == pytest.approx([1, 0.5, 0, 0, 2 / 3])


def test_the_last_films_stay() -> None:
    recent = RecentFilms(2, 1, size=5)
    assert len(recent.get()[0]) == 0
    for number in range(4):
        recent.add(torch.full((2, 2), float(number), requires_grad=True), torch.full((2, 1), float(number)))
    features, labels = recent.get()
    assert sorted(features[:, 0].tolist()) == sorted(labels[:, 0].tolist()) == [1, 2, 2, 3, 3]
    assert not features.requires_grad
