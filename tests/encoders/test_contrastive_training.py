"""One training by momentum contrast: settings, steps by hand, what is kept."""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import pytest
import torch

from cxrneighbors.encoders.contrastive_network import ContrastiveNetwork, build_backbone
from cxrneighbors.encoders.contrastive_pairs import PatientFilms
from cxrneighbors.encoders.contrastive_training import (
    ContrastiveSettings,
    ContrastiveTraining,
    momentum_at,
    train_contrastive,
)
from cxrneighbors.errors import UserError
from cxrneighbors.training.images import MemoryImages, to_bytes

Films = Callable[..., np.ndarray]
GIVEN = {"epochs": 3, "batch_size": 8, "learning_rate": 1e-3, "weight_decay": 0.05, "temperature": 0.2}
GIVEN |= {"queue": 16, "momentum": 0.9, "positives": "film", "patient_share": 0.5}


def network() -> ContrastiveNetwork:
    return ContrastiveNetwork(build_backbone("small-cnn", 32, 0, published=False), 32, 0.9, None)


def some(films: Films, n: int, seed: int = 0) -> PatientFilms:
    return PatientFilms(MemoryImages(to_bytes(films(n, 32, seed))), np.arange(n) // 2)


def test_momentum_rises_from_its_start_to_one() -> None:
    values = [momentum_at(step, 50, 0.9) for step in range(51)]
    assert values[0] == pytest.approx(0.9) and values[-1] == 1 and values == sorted(values)


def test_key_weights_are_the_moving_average_of_query_weights(
    films: Films, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[np.ndarray, np.ndarray]] = []
    step = ContrastiveTraining.training_step

    def weights(module: torch.nn.Module) -> np.ndarray:
        return torch.cat([value.detach().flatten() for value in module.parameters()]).double().numpy()

    def noting(self: ContrastiveTraining, batch, index: int):
        query = weights(self.query)
        loss = step(self, batch, index)
        seen.append((query, weights(self.key)))
        return loss

    monkeypatch.setattr(ContrastiveTraining, "training_step", noting)
    net = network()
    train_contrastive(net, (some(films, 24), None), ContrastiveSettings(**GIVEN), "cpu", None)
    assert len(seen) == 9
    average = seen[0][0]  # both start alike
    for number, (query, key) in enumerate(seen):
        momentum = 1 - 0.1 * (np.cos(np.pi * number / 9) + 1) / 2
        average = momentum * average + (1 - momentum) * query
        np.testing.assert_allclose(key, average, atol=1e-5)
    assert np.abs(seen[-1][0] - average).max() > 1e-3
    own = weights(net)
    np.testing.assert_array_equal(own, seen[-1][1][: len(own)])


def test_no_gradient_reaches_the_key_encoder_and_decay_spares_biases_and_norms(films: Films) -> None:
    module = ContrastiveTraining(network(), ContrastiveSettings(**GIVEN), 24)
    assert not any(value.requires_grad for value in module.key.parameters())
    assert all(value.requires_grad for value in module.query.parameters())
    module._trainer = type("Steps", (), {"estimated_stepping_batches": 10})()
    optimizer = module.configure_optimizers()["optimizer"]
    decays = {
        id(value): group["weight_decay"] for group in optimizer.param_groups for value in group["params"]
    }
    trained = [*module.query.parameters(), *module.predictor.parameters()]
    assert set(decays) == {id(value) for value in trained}
    assert all(decays[id(value)] == (0.05 if value.ndim > 1 else 0) for value in trained)


def test_the_last_weights_are_kept_and_validation_has_its_own_films(films: Films) -> None:
    settings = ContrastiveSettings(**GIVEN)
    net, again = network(), network()
    start = copy.deepcopy(net.state_dict())
    history = train_contrastive(net, (some(films, 24), some(films, 10, seed=1)), settings, "cpu", None)
    assert [row["epoch"] for row in history] == [1, 2, 3]
    assert all(np.isfinite(row["val_loss"]) and 0 <= row["val_accuracy"] <= 1 for row in history)
    # Validation changes nothing: the same weights come out without it, whatever its losses were.
    train_contrastive(again, (some(films, 24), None), settings, "cpu", None)
    for name, value in net.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name
    assert not torch.equal(net.backbone.stem.weight, start["backbone.stem.weight"])


def test_the_queue_is_no_longer_than_the_films() -> None:
    assert len(ContrastiveTraining(network(), ContrastiveSettings(**GIVEN), 10).queue.keys) == 10
    assert len(ContrastiveTraining(network(), ContrastiveSettings(**GIVEN), 99).queue.keys) == 16


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"positives": "study"}, "unknown positives 'study'"),
        ({"queue": 0}, "queue 0: must be at least 1"),
        ({"batch_size": 1}, "batch size 1: must be at least 2"),
        ({"patient_share": 1.5}, "at most 1"),
        ({"temperature": 0.0}, "above 0"),
    ],
)
def test_settings_are_checked(setting: dict, said: str) -> None:
    with pytest.raises(UserError, match=said):
        ContrastiveSettings(**{**GIVEN, **setting})
    assert ContrastiveSettings(**GIVEN).share == 0
    assert ContrastiveSettings(**{**GIVEN, "positives": "patient"}).share == 0.5
