"""Several image encoders as one: their vectors side by side, each with a weight of its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cxrneighbors.data.pixels import resize
from cxrneighbors.encoders.base import (
    NOUN,
    Fittable,
    ImageEncoder,
    check_fitted,
    check_images,
    fitting_rows,
    hash_strings,
    is_image_encoder,
)
from cxrneighbors.encoders.components import fitting_films
from cxrneighbors.encoders.registry import load_encoder_folder
from cxrneighbors.errors import UserError
from cxrneighbors.models import CONFIG, read_config, save_config
from cxrneighbors.progress import track

KIND = "side-by-side"
SCALE_FILMS = 2000  # films on which mean squared distances are measured


class SideBySide:
    """Vectors of several encoders, concatenated.

    With s²_m the mean squared distance of two films in encoder m (measured when fitted) and weights w_m,
    the squared distance is d²(a, b) = sum over m of w_m ‖a_m - b_m‖² / s²_m: with equal weights, the
    default, each encoder says as much as another. Films are read at the largest `image_size` of them and
    area-averaged for the others; all must make films square in the same way (`aspect`).

    Encoders that are not fitted yet are fitted with it.
    """

    def __init__(
        self, encoders: Sequence[ImageEncoder], weights: Sequence[float] | None = None, seed: int = 0
    ) -> None:
        self.encoders = list(encoders)
        self.weights = [float(weight) for weight in ([1.0] * len(encoders) if weights is None else weights)]
        self.seed = seed
        self.name = "+".join(encoder.name for encoder in self.encoders)
        self._check()
        self.image_size = max(encoder.image_size for encoder in self.encoders)
        self.aspect = self.encoders[0].aspect
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
        own = list(fitting_rows(studies, "path")["path"])
        return hash_strings([*own, *(part.fit_hash(studies) for part in _unfitted(self.encoders))])

    def fit(self, studies: pd.DataFrame) -> SideBySide:
        """Fit the encoders that are not, then measure mean squared distances; see `Fittable.fit`."""
        for encoder in _unfitted(self.encoders):
            encoder.fit(studies)
        films = fitting_films(studies, self.image_size, self.aspect, SCALE_FILMS, self.seed)
        parts = [self._encode_each(images) for images in track(films, f"measuring {self.name}")]
        vectors = [np.concatenate(each) for each in zip(*parts, strict=True)]
        if not vectors or len(vectors[0]) < 2:
            raise UserError(f"encoder {self.name!r}: fewer than 2 readable images to fit on; add images")
        self._scales = [_mean_squared_distance(each) for each in vectors]
        return self

    def encode(self, images: np.ndarray) -> np.ndarray:
        """Encode images float32 (N, 1, image_size, image_size) in [0, 1] to vectors float32 (N, D)."""
        check_fitted(self)
        factors = np.sqrt(np.array(self.weights) / self._scales).astype(np.float32)
        each = self._encode_each(check_images(images))
        return np.concatenate(
            [factor * vectors for factor, vectors in zip(factors, each, strict=True)], axis=1
        )

    def save(self, folder: str | Path) -> None:
        """Write each encoder to a folder 1, 2, ... of `folder`, then config.json."""
        check_fitted(self)
        for number, encoder in enumerate(self.encoders, start=1):
            encoder.save(Path(folder) / str(number))
        config = {**self.config(), "scales": self._scales}
        save_config(folder, NOUN, KIND, config, self.weights_hash())

    @classmethod
    def load(cls, folder: str | Path, device: str = "auto") -> SideBySide:
        """Read what `save` wrote; a `UserError` where an encoder is not the one that was saved."""
        settings = read_config(folder, NOUN)
        config = settings["config"]
        numbers = range(1, len(config["encoders"]) + 1)
        parts = [load_encoder_folder(Path(folder) / str(number), device) for number in numbers]
        found = cls([part for part in parts if is_image_encoder(part)], config["weights"], config["seed"])
        found._scales = config["scales"]
        if found.weights_hash() != settings["weights_hash"]:
            raise UserError(
                f"{Path(folder) / CONFIG}: does not fit the encoders beside it (a changed file); "
                "save the encoder again"
            )
        return found

    def _encode_each(self, images: np.ndarray) -> list[np.ndarray]:
        sizes = {encoder.image_size for encoder in self.encoders}
        films = {size: _resized(images, size) for size in sizes}
        return [encoder.encode(films[encoder.image_size]) for encoder in self.encoders]

    def _check(self) -> None:
        names = [encoder.name for encoder in self.encoders]
        if len(names) < 2:
            raise UserError(f"side by side: {len(names)} encoders; give two or more")
        if len(self.weights) != len(names) or min(self.weights) < 0 or not any(self.weights):
            raise UserError(
                f"side by side: weights {self.weights} for {len(names)} encoders; give each a weight, "
                "none below 0, not all 0"
            )
        aspects = {encoder.aspect for encoder in self.encoders}
        if len(aspects) > 1:
            raise UserError(
                f"side by side: {', '.join(names)} make films square in different ways "
                f"({', '.join(sorted(aspects))}); give encoders of one aspect"
            )


def _unfitted(encoders: list[ImageEncoder]) -> list[Fittable]:
    return [encoder for encoder in encoders if isinstance(encoder, Fittable) and not encoder.fitted]


def _mean_squared_distance(vectors: np.ndarray) -> float:
    """Mean of ‖a - b‖² over all pairs of different rows: twice the total variance; 1 where all are equal."""
    return 2.0 * float(vectors.var(axis=0, ddof=1, dtype=np.float64).sum()) or 1.0


def _resized(images: np.ndarray, size: int) -> np.ndarray:
    if images.shape[-2:] == (size, size) or not len(images):
        return images
    return np.stack([resize(image[0], size)[None] for image in images])
