"""The settings that every training has."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import inf
from typing import Any

from cxrneighbors.arguments import whole
from cxrneighbors.errors import UserError


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """`epochs`: passes over the training data; `batch_size`: items a step; `seed`: of order and every draw.

    `patience`: epochs without a better validation loss until training stops (0: never).
    """

    epochs: int
    batch_size: int
    seed: int = 0
    patience: int = 0

    def plan(self) -> dict[str, Any]:
        """What decides the weights, as JSON: an interrupted training goes on only under the same."""
        return asdict(self)

    def check_least(self, **least: float) -> None:
        """Raise `UserError` for the first setting, by name, that is below its least value."""
        for name in ("epochs", "batch_size", "seed", "patience"):
            whole(name.replace("_", " "), getattr(self, name), 1)
        for name, bound in least.items():
            value = getattr(self, name)
            if not bound <= value < inf:
                raise UserError(
                    f"{name.replace('_', ' ')} {value}: must be at least {bound}; give another value"
                )


def check_rate(rate: float) -> None:
    """Raise `UserError` unless a learning rate is a number above 0."""
    if not 0 < rate < inf:
        raise UserError(f"learning rate {rate}: must be above 0; give another value")
