"""The VAE image encoder of the paper (section 3.3.1): 1 x 224 x 224 pixels to 60 latent dimensions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cxrneighbors.arguments import whole
from cxrneighbors.artifact import Kind
from cxrneighbors.data.schema import studies_hash
from cxrneighbors.devices import check_devices, resolve_device
from cxrneighbors.encoders.base import NOUN, check_images, hash_strings
from cxrneighbors.errors import UserError, choose
from cxrneighbors.models import SavedModel, build_model, hash_tensors, load_weights, state_arrays
from cxrneighbors.seeding import seeded

if TYPE_CHECKING:
    from torch import Tensor

    from cxrneighbors.training.images import FileImages, MemoryImages

TRAINING = Kind("VAE training", 2, "train-vae")


class VAE(SavedModel):
    """Variational autoencoder of chest films; a film's vector is the mean of q(z | x) in the chosen metric.

    Vectors are float32 (latent_dim,) and compared by Euclidean distance. The default `metric='latent'` takes
    the means as they are (paper, section 4.1.1); 'picture' and 'balanced' map them linearly so that a
    direction counts the more, the more it changes the picture (see `encoders.latent_metric`).

    `latent_dim`: 60 as in the paper; `image_size`: a multiple of 32; `aspect`: 'pad' or 'crop', how files
    are made square; `width`: channels of the first layer, the rest follow; `seed`: of the initial weights;
    `device`: where it runs ('auto': cuda where there is one).

    Each image is standardised inside (see `training.exposure`): brightness and contrast of the exposure do
    not move its vector.
    """

    noun = NOUN
    name = "vae"

    def __init__(
        self,
        latent_dim: int = 60,
        image_size: int = 224,
        aspect: str = "pad",
        width: int = 32,
        seed: int = 0,
        device: str = "auto",
        metric: str = "latent",
        exposure: str = "standardised",
        stride: int = 4,
        local: bool = True,
    ) -> None:
        from cxrneighbors.encoders.latent_metric import EXPONENTS
        from cxrneighbors.encoders.vae_network import STRIDE, VAENetwork
        from cxrneighbors.encoders.vae_picture import Picture

        image_size, latent_dim = whole("image size", image_size, 224), whole("latent dim", latent_dim, 60)
        if image_size < STRIDE or image_size % STRIDE:
            raise UserError(f"VAE image size {image_size}: must be a multiple of {STRIDE}; take 224")
        if latent_dim < 1 or width < 1:
            raise UserError(f"VAE latent dim {latent_dim}, width {width}: both must be at least 1")
        self.metric = choose("VAE metric", metric, list(EXPONENTS))
        self.latent_dim = latent_dim
        self.image_size = image_size
        self.aspect = aspect
        self.width = width
        self.seed = seed
        self.exposure, self.stride, self.local = exposure, stride, local
        self.device = resolve_device(device)
        self.fitted = False
        self.history: list[dict[str, Any]] = []
        with seeded(seed):
            picture = Picture(exposure, stride, local)
            self.network = VAENetwork(latent_dim, image_size, width, picture).eval()

    @property
    def dim(self) -> int:
        """Length of a vector: latent_dim."""
        return self.latent_dim

    def tensors(self) -> dict[str, np.ndarray]:
        """The network's state dict as arrays."""
        return state_arrays(self.network)

    def fit_hash(self, studies: pd.DataFrame) -> str:
        """Hash of what `fit(studies)` would be trained on."""
        from cxrneighbors.encoders.vae_images import split_rows

        return hash_strings([studies_hash(rows) for rows in split_rows(studies)])

    def fit(
        self,
        data: pd.DataFrame | np.ndarray,
        out: str | Path | None = None,
        epochs: int = 30,
        batch_size: int = 32,
        learning_rate: float = 1e-3,
        warmup: float = 0.3,
        beta: float = 1.0,
        patience: int = 8,
        augmentation: bool = True,
        seed: int = 0,
        device: str | None = None,
        resume: bool = True,
        trainer_options: dict[str, Any] | None = None,
        devices: int = 1,
    ) -> VAE:
        """Train on a study table or on images float32 (N, 1, image_size, image_size) in [0, 1]; return self.

        Of a table, rows of split 'train' train and rows of split 'val' validate (a tenth of the training
        patients where there is no 'val'); 'test' is never looked at. Images are held in memory as bytes up
        to 4 GiB, otherwise read for each batch.

        `epochs`, `batch_size`, `learning_rate`: of Adam, rising and falling once; `warmup`: fraction of the
        training over which the KL term comes in; `beta`: its weight then, 1 in the ELBO, more for codes that
        hold less; `patience`: epochs without a better validation loss, after
        the warm-up, until training stops; `augmentation`: small shifts, scalings and grey-scale bends (no
        flips); `trainer_options`: passed to lightning.Trainer (precision, ...); `devices`: GPUs, or processes
        on a CPU, that share each batch (`training.fit.fit`).
        `out`: folder for the model, history.csv, figure3.png, manifest.json and checkpoints, of which the
        last stays. With `resume`, a training that was interrupted there continues from its last checkpoint, a
        finished one is read back, or goes on to more `epochs` (`training.further`); if it was made with other
        settings or images, a UserError says so.

        The weights kept are those of the least validation loss.
        """
        from cxrneighbors.encoders.vae_images import training_images
        from cxrneighbors.encoders.vae_training import VAESettings, train_vae
        from cxrneighbors.training.further import begin_or_extend, keep_newest
        from cxrneighbors.training.settings import check_rate

        settings = VAESettings(
            epochs=epochs,
            batch_size=batch_size,
            seed=seed,
            patience=patience,
            learning_rate=learning_rate,
            warmup=warmup,
            beta=beta,
            augmentation=augmentation,
        )
        settings.check_least(epochs=1, batch_size=2)
        check_rate(learning_rate)
        self.device = resolve_device(device) if device else self.device
        check_devices(devices, self.device, batch_size)
        folder = Path(out) if out is not None else None
        if folder is None:
            images = training_images(data, self.image_size, self.aspect, seed)
            self.history = train_vae(
                self.network, images, settings, self.device, None, trainer_options, devices
            )
            self.fitted = True
            return self
        work = begin_or_extend(TRAINING, folder, self._plan(data, settings.plan()), not resume)
        if work.complete:
            load_weights(self.network, folder, NOUN)
        else:
            with work.preparing():
                images = training_images(data, self.image_size, self.aspect, seed)
            self.history = train_vae(
                self.network, images, settings, self.device, folder, trainer_options, devices
            )
            self._draw(images[1], folder / "figure3.png")
        self.fitted = True
        self.save(folder)
        work.finish()
        keep_newest(folder)
        return self

    def with_metric(self, metric: str) -> VAE:
        """This VAE with the same weights and another `metric`."""
        other = VAE(**{**self.config(), "metric": metric}, device=self.device)
        other.network.load_state_dict(self.network.state_dict())
        other.fitted = self.fitted
        return other

    def encode(self, images: np.ndarray, batch_size: int = 64) -> np.ndarray:
        """Vectors float32 (N, latent_dim) of images float32 (N, 1, image_size, image_size) in [0, 1].

        They are the latent means, mapped into the `metric`.
        """
        means = self._run(images, self.network.means, (self.latent_dim,), batch_size)
        if self.metric == "latent":
            return means
        from cxrneighbors.encoders.latent_metric import metric_map

        mapped: np.ndarray = means @ metric_map(self.network.picture_metric.cpu(), self.metric).numpy()
        return mapped

    def reconstruct(self, images: np.ndarray, batch_size: int = 64) -> np.ndarray:
        """What the latent means keep of images (N, 1, S, S), in grey values as shown: the same shape."""
        import torch

        def paint(batch: Tensor) -> Tensor:
            picture = self.network.decode(self.network.means(batch))[:, :1]
            return torch.nn.functional.interpolate(picture, size=self.image_size, mode="bilinear")

        return self._run(images, paint, (1, self.image_size, self.image_size), batch_size)

    @classmethod
    def load(cls, folder: str | Path, device: str = "auto") -> VAE:
        """Read a VAE that `save` or `fit(out=...)` wrote."""
        encoder = build_model(cls, folder, NOUN, device=device)
        load_weights(encoder.network, folder, NOUN)
        encoder.fitted = True
        return encoder

    def _run(
        self,
        images: np.ndarray,
        function: Callable[[Tensor], Tensor],
        shape: tuple[int, ...],
        batch_size: int,
    ) -> np.ndarray:
        from cxrneighbors.encoders.forward import forward, placed

        images = check_images(images)
        if images.shape[-2:] != (self.image_size, self.image_size):
            raise ValueError(
                f"images must be (N, 1, {self.image_size}, {self.image_size}), got {images.shape}"
            )
        placed(self.network, self.device).eval()
        if not len(images):
            return np.zeros((0, *shape), np.float32)
        return forward(function, images, self.device, batch_size)

    def _plan(self, data: pd.DataFrame | np.ndarray, settings: dict[str, Any]) -> dict[str, Any]:
        """What a training is identified by."""
        if isinstance(data, pd.DataFrame):
            images = self.fit_hash(data)
        else:
            images = hash_tensors({"images": check_images(data)})
        # The metric only reads the finished network: another one needs no other training.
        model = {name: value for name, value in self.config().items() if name != "metric"}
        return {"model": model, "settings": settings, "images_hash": images}

    def _draw(self, val_images: MemoryImages | FileImages, path: Path) -> None:
        """Figure 3 of the paper from the first films to validate on."""
        from cxrneighbors.encoders.vae_figure import figure3

        films = val_images[list(range(min(6, len(val_images))))]
        figure3(self.network.picture.shown(films).numpy(), self.reconstruct(films.numpy()), path)
