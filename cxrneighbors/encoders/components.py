"""Principal components of what films show: what the PCA and the HOG encoder share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd

from cxrneighbors.data.pixels import load_images
from cxrneighbors.data.skipped import Skipped
from cxrneighbors.encoders.base import NOUN, check_fitted, check_images, fitting_rows, hash_strings
from cxrneighbors.errors import UserError
from cxrneighbors.models import SavedModel, build_model, read_tensors
from cxrneighbors.progress import track

TENSORS = ("mean", "components", "scale")


class ComponentEncoder(SavedModel, ABC):
    """Scores on the first principal components of a description of each film.

    `dim`: components, 60 as the paper's latent space has; fewer when there are fewer images than that.
    `whiten`: power w in [0, 1]; a score is divided by its standard deviation on the fitted images to the
    power w: 0 leaves the components as they are, 1 gives each the same weight, 0.5 lies half way.
    `crop`: central share of each side of the film that is described, in (0, 1].
    `max_fit`: at most so many images are fitted on (drawn with `seed`).
    """

    noun = NOUN

    def __init__(
        self, dim: int, whiten: float, crop: float, image_size: int, aspect: str, max_fit: int, seed: int
    ) -> None:
        if not 0 <= whiten <= 1:
            raise UserError(f"whiten={whiten}: a power from 0 (plain) to 1 (white); give one of these")
        if not 0 < crop <= 1:
            raise UserError(
                f"crop={crop}: the central share of the film, above 0 and up to 1; give such a one"
            )
        self.n_components = dim
        self.whiten = float(whiten)
        self.crop = float(crop)
        self.image_size = image_size
        self.aspect = aspect
        self.max_fit = max_fit
        self.seed = seed
        self._tensors: dict[str, np.ndarray] = {}

    @abstractmethod
    def describe(self, images: np.ndarray) -> np.ndarray:
        """What components are taken of: images float32 (N, 1, H, W) in [0, 1] to float32 (N, F)."""

    @property
    def fitted(self) -> bool:
        """Whether `fit` or `load` has given it components."""
        return bool(self._tensors)

    @property
    def dim(self) -> int:
        """Length of a vector; before fitting, the length asked for."""
        return len(self._tensors["components"]) if self.fitted else self.n_components

    def config(self) -> dict[str, Any]:
        """Constructor arguments: `dim` as it was asked for."""
        return {**super().config(), "dim": self.n_components}

    def tensors(self) -> dict[str, np.ndarray]:
        """Mean, components and scale; none before fitting."""
        return self._tensors

    def fit_hash(self, studies: pd.DataFrame) -> str:
        """Hash of what `fit(studies)` would be fitted on."""
        return hash_strings(list(fitting_rows(studies, "path")["path"]))

    def fit(self, data: pd.DataFrame | np.ndarray) -> Self:
        """Fit on a study table (its 'train' rows; all rows if none is) or images (N, 1, H, W) in [0, 1]."""
        from sklearn.decomposition import PCA

        described = self._describe_all(data)
        if len(described) < 2:
            raise UserError(
                f"encoder {self.name!r}: {len(described)} readable images to fit on; it needs 2, add images"
            )
        n_components = min(self.n_components, len(described) - 1, described.shape[1])
        pca = PCA(n_components, svd_solver="randomized", random_state=self.seed).fit(described)
        # A direction in which the fitted images do not differ must not be blown up by whitening.
        std = np.sqrt(np.maximum(pca.explained_variance_, 1e-6 * pca.explained_variance_[0]) + 1e-12)
        # Float32 copies in C order: another layout would round a product differently than after loading.
        self._tensors = {
            name: np.array(array, dtype=np.float32, order="C")
            for name, array in zip(TENSORS, (pca.mean_, pca.components_, std**-self.whiten), strict=True)
        }
        return self

    def encode(self, images: np.ndarray) -> np.ndarray:
        """Encode images float32 (N, 1, H, W) in [0, 1], H and W >= image_size, to scores float32 (N, D)."""
        check_fitted(self)
        if not len(check_images(images)):
            return np.zeros((0, self.dim), np.float32)
        centred = self.describe(images) - self._tensors["mean"]
        scores: np.ndarray = (centred @ self._tensors["components"].T) * self._tensors["scale"]
        return scores

    def save(self, folder: str | Path) -> None:
        """Write model.safetensors, then config.json, into `folder`."""
        check_fitted(self)
        super().save(folder)

    @classmethod
    def load(cls, folder: str | Path, device: str = "auto") -> Self:
        """Read an encoder that `save` wrote; it runs on the CPU whatever the device."""
        encoder = build_model(cls, folder, NOUN)
        encoder._tensors = read_tensors(folder, NOUN, TENSORS)
        return encoder

    def _describe_all(self, data: pd.DataFrame | np.ndarray) -> np.ndarray:
        batches: Iterable[np.ndarray] = [data] if isinstance(data, np.ndarray) else self._films(data)
        parts = [self.describe(images) for images in track(batches, f"fitting {self.name}") if len(images)]
        return np.concatenate(parts) if parts else np.zeros((0, 1), np.float32)

    def _films(self, studies: pd.DataFrame) -> Iterator[np.ndarray]:
        return fitting_films(studies, self.image_size, self.aspect, self.max_fit, self.seed)


def fitting_films(
    studies: pd.DataFrame, image_size: int, aspect: str, at_most: int, seed: int, batch: int = 256
) -> Iterator[np.ndarray]:
    """The films to fit on, read in batches: float32 (<= batch, 1, image_size, image_size) in [0, 1].

    Those of split 'train' (all if there are none), `at_most` so many, drawn with `seed`; films that cannot be
    read are left out.
    """
    paths = fitting_rows(studies, "path")["path"].to_numpy()
    if len(paths) > at_most:
        chosen = np.random.default_rng(seed).choice(len(paths), at_most, replace=False)
        paths = paths[np.sort(chosen)]
    for start in range(0, len(paths), batch):
        images, _ = load_images(list(paths[start : start + batch]), image_size, aspect, skipped=Skipped())
        yield images
