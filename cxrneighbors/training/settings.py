"""The settings that every training has."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

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
        for name, bound in least.items():
            value = getattr(self, name)
            if value < bound:
                raise UserError(
                    f"{name.replace('_', ' ')} {value}: must be at least {bound}; give another value"
                )
