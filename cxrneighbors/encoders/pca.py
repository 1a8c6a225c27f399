"""PCA baseline: principal components of small standardised pictures, plain or whitened."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cxrneighbors.data.pixels import load_images
from cxrneighbors.data.skipped import Skipped
from cxrneighbors.encoders.base import NOUN, check_fitted, check_images, fitting_rows, hash_strings
from cxrneighbors.encoders.exposure import flat_standardised
from cxrneighbors.errors import UserError
from cxrneighbors.models import SavedModel, build_model, read_tensors
from cxrneighbors.progress import track

TENSORS = ("mean", "components", "scale")


class PCAEncoder(SavedModel):
    """Scores on the first principal components of films area-averaged to `image_size` x `image_size`.

    `dim`: components, 60 as the paper's latent space has; fewer when there are fewer images than that.
    `whiten`: divide each score by its standard deviation on the fitted images.
    `max_fit`: at most so many images are fitted on (drawn with `seed`): 20,000 at 64 x 64 are 330 MB.
    """

    noun = NOUN
    kind = "pca"

    def __init__(
        self,
        dim: int = 60,
        whiten: bool = False,
        image_size: int = 64,
        aspect: str = "pad",
        max_fit: int = 20_000,
        seed: int = 0,
    ) -> None:
        self.n_components = dim
        self.whiten = whiten
        self.image_size = image_size
        self.aspect = aspect
        self.max_fit = max_fit
        self.seed = seed
        self.name = "pca-whitened" if whiten else "pca"
        self._tensors: dict[str, np.ndarray] = {}

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

    def fit(self, data: pd.DataFrame | np.ndarray) -> PCAEncoder:
        """Fit on a study table (its 'train' rows; all rows if none is) or images (N, 1, H, W) in [0, 1]."""
        from sklearn.decomposition import PCA

        if isinstance(data, pd.DataFrame):
            flat = self._read(data)
        else:
            flat = flat_standardised(data, self.image_size)
        if len(flat) < 2:
            raise UserError(
                f"encoder {self.name!r}: {len(flat)} readable images to fit on; it needs 2, add images"
            )
        n_components = min(self.n_components, len(flat) - 1, flat.shape[1])
        pca = PCA(n_components, svd_solver="randomized", random_state=self.seed).fit(flat)
        # A direction in which the fitted images do not differ must not be blown up by whitening.
        std = np.sqrt(np.maximum(pca.explained_variance_, 1e-6 * pca.explained_variance_[0]) + 1e-12)
        scale = 1 / std if self.whiten else np.ones(n_components)
        # Float32 copies in C order: another layout would round a product differently than after loading.
        self._tensors = {
            name: np.array(array, dtype=np.float32, order="C")
            for name, array in zip(TENSORS, (pca.mean_, pca.components_, scale), strict=True)
        }
        return self

    def encode(self, images: np.ndarray) -> np.ndarray:
        """Encode images float32 (N, 1, H, W) in [0, 1], H and W >= image_size, to scores float32 (N, D)."""
        check_fitted(self)
        if not len(check_images(images)):
            return np.zeros((0, self.dim), np.float32)
        centred = flat_standardised(images, self.image_size) - self._tensors["mean"]
        scores: np.ndarray = (centred @ self._tensors["components"].T) * self._tensors["scale"]
        return scores

    def save(self, folder: str | Path) -> None:
        """Write model.safetensors, then config.json, into `folder`."""
        check_fitted(self)
        super().save(folder)

    @classmethod
    def load(cls, folder: str | Path, device: str = "auto") -> PCAEncoder:
        """Read an encoder that `save` wrote; it runs on the CPU whatever the device."""
        encoder = build_model(cls, folder, NOUN)
        encoder._tensors = read_tensors(folder, NOUN, TENSORS)
        return encoder

    def _read(self, studies: pd.DataFrame, chunk: int = 256) -> np.ndarray:
        paths = fitting_rows(studies, "path")["path"].to_numpy()
        if len(paths) > self.max_fit:
            chosen = np.random.default_rng(self.seed).choice(len(paths), self.max_fit, replace=False)
            paths = paths[np.sort(chosen)]
        parts = [np.zeros((0, self.image_size**2), np.float32)]
        for start in track(range(0, len(paths), chunk), f"fitting {self.name}"):
            images, _ = load_images(
                list(paths[start : start + chunk]), self.image_size, self.aspect, skipped=Skipped()
            )
            if len(images):
                parts.append(flat_standardised(images, self.image_size))
        return np.concatenate(parts)
