"""Several encoders as one: what films side by side and reports side by side share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd

from cxrneighbors.encoders.base import NOUN, Encoder, Fittable, check_fitted, fitting_rows, hash_strings
from cxrneighbors.encoders.registry import load_encoder_folder
from cxrneighbors.errors import UserError
from cxrneighbors.models import CONFIG, read_config, save_config

SAMPLE = 2000  # films or reports on which mean squared distances are measured


class JointEncoder(ABC):
    """Vectors of several encoders, concatenated.

    With s²_m the mean squared distance of two inputs in encoder m (measured when fitted) and weights w_m,
    the squared distance is d²(a, b) = sum over m of w_m ‖a_m - b_m‖² / s²_m: with equal weights, the
    default, each encoder says as much as another. Encoders that are not fitted yet are fitted with it.

    A subclass says which column of a study table it learns from, how it is named in config.json, and how
    each encoder encodes.
    """

    kind: ClassVar[str]
    column: ClassVar[str]

    def __init__(
        self, encoders: Sequence[Any], weights: Sequence[float] | None = None, seed: int = 0
    ) -> None:
        self.encoders = list(encoders)
        self.weights = [float(weight) for weight in ([1.0] * len(encoders) if weights is None else weights)]
        self.seed = seed
        self.name = "+".join(encoder.name for encoder in self.encoders)
        self._check()
        self._scales: list[float] = []  # s²_m

    @property
    def fitted(self) -> bool:
        """Whether the mean squared distances have been measured."""
        return bool(self._scales)

    @property
    def dim(self) -> int:
        """Length of a vector: the sum of the encoders'."""
        return sum(encoder.dim for encoder in self.encoders)

    def config(self) -> dict[str, Any]:
        """Weights, seed, and each encoder by name and configuration, as JSON."""
        parts = [{NOUN: encoder.name, "config": encoder.config()} for encoder in self.encoders]
        return {"encoders": parts, "weights": self.weights, "seed": self.seed}

    def weights_hash(self) -> str:
        """SHA-256 over the encoders' hashes and the measured mean squared distances."""
        hashes = [encoder.weights_hash() for encoder in self.encoders]
        return hash_strings([*hashes, *map(repr, self._scales)])

    def fit_hash(self, studies: pd.DataFrame) -> str:
        """Hash of what `fit(studies)` would learn from."""
        own = list(fitting_rows(studies, self.column)[self.column])
        return hash_strings([*own, *(part.fit_hash(studies) for part in unfitted(self.encoders))])

    def fit(self, studies: pd.DataFrame) -> Self:
        """Fit the encoders that are not, then measure mean squared distances; see `Fittable.fit`."""
        for encoder in unfitted(self.encoders):
            encoder.fit(studies)
        vectors = self._sample(studies)
        if not vectors or len(vectors[0]) < 2:
            raise UserError(f"encoder {self.name!r}: fewer than 2 usable rows to fit on; add some")
        self._scales = [_mean_squared_distance(each) for each in vectors]
        return self

    def encode(self, inputs: Any) -> np.ndarray:
        """Encode N inputs to vectors float32 (N, D)."""
        check_fitted(self)
        factors = np.sqrt(np.array(self.weights) / self._scales).astype(np.float32)
        each = self._encode_each(inputs)
        return np.concatenate(
            [factor * vectors for factor, vectors in zip(factors, each, strict=True)], axis=1
        )

    def save(self, folder: str | Path) -> None:
        """Write each encoder to a folder 1, 2, ... of `folder`, then config.json."""
        check_fitted(self)
        for number, encoder in enumerate(self.encoders, start=1):
            encoder.save(Path(folder) / str(number))
        config = {**self.config(), "scales": self._scales}
        save_config(folder, NOUN, self.kind, config, self.weights_hash())

    @classmethod
    def load(cls, folder: str | Path, device: str = "auto") -> Self:
        """Read what `save` wrote; a `UserError` where an encoder is not the one that was saved."""
        settings = read_config(folder, NOUN)
        config = settings["config"]
        numbers = range(1, len(config["encoders"]) + 1)
        parts = [load_encoder_folder(Path(folder) / str(number), device) for number in numbers]
        found = cls([part for part in parts if cls.takes(part)], config["weights"], config["seed"])
        found._scales = config["scales"]
        if found.weights_hash() != settings["weights_hash"]:
            raise UserError(
                f"{Path(folder) / CONFIG}: does not fit the encoders beside it (a changed file); "
                "save the encoder again"
            )
        return found

    @classmethod
    @abstractmethod
    def takes(cls, encoder: Encoder) -> bool:
        """Whether an encoder is of the kind that this one joins."""

    @abstractmethod
    def _encode_each(self, inputs: Any) -> list[np.ndarray]:
        """Vectors of the inputs by each encoder."""

    @abstractmethod
    def _sample(self, studies: pd.DataFrame) -> list[np.ndarray]:
        """Vectors of at most `SAMPLE` rows to fit on, by each encoder."""

    def _check(self) -> None:
        names = [encoder.name for encoder in self.encoders]
        if len(names) < 2:
            raise UserError(f"side by side: {len(names)} encoders; give two or more")
        if len(self.weights) != len(names) or min(self.weights) < 0 or not any(self.weights):
            raise UserError(
                f"side by side: weights {self.weights} for {len(names)} encoders; give each a weight, "
                "none below 0, not all 0"
            )


def unfitted(encoders: Sequence[Encoder]) -> list[Fittable]:
    """Those that have to learn before they encode."""
    return [encoder for encoder in encoders if isinstance(encoder, Fittable) and not encoder.fitted]


def _mean_squared_distance(vectors: np.ndarray) -> float:
    """Mean of ‖a - b‖² over all pairs of different rows: twice the total variance; 1 where all are equal."""
    return 2.0 * float(vectors.var(axis=0, ddof=1, dtype=np.float64).sum()) or 1.0
