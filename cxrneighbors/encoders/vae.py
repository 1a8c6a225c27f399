"""The VAE image encoder of the paper (section 3.3.1): 1 x 224 x 224 pixels to 60 latent dimensions."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cxrneighbors.data.schema import studies_hash
from cxrneighbors.devices import resolve_device
from cxrneighbors.encoders.base import (
    build,
    check_images,
    hash_strings,
    hash_tensors,
    read_tensors,
    save_encoder,
)
from cxrneighbors.errors import UserError, choose
from cxrneighbors.files import read_json, write_json_atomic

TRAINING = "training.json"
METRIC_FILMS = 32  # training films over which the picture metric is averaged


class VAE:
    """Variational autoencoder of chest films; a film's vector is the mean of q(z | x) in the chosen metric.

    Vectors are float32 (latent_dim,) and compared by Euclidean distance. The default `metric='latent'` takes
    the means as they are (paper, section 4.1.1); 'picture' and 'balanced' map them linearly so that a
    direction counts the more, the more it changes the picture (see `encoders.latent_metric`).

    `latent_dim`: 60 as in the paper; `image_size`: a multiple of 32; `aspect`: 'pad' or 'crop', how files
    are made square; `width`: channels of the first layer, the rest follow; `seed`: of the initial weights;
    `device`: where it runs ('auto': cuda where there is one).

    Each image is standardised inside (see `encoders.exposure`): brightness and contrast of the exposure do
    not move its vector.
    """

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
    ) -> None:
        import torch

        from cxrneighbors.encoders.latent_metric import EXPONENTS
        from cxrneighbors.encoders.vae_network import STRIDE, VAENetwork

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
        self.device = resolve_device(device)
        self.fitted = False
        self.history: list[dict[str, float]] = []
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.network = VAENetwork(latent_dim, image_size, width).eval()

    @property
    def dim(self) -> int:
        """Length of a vector: latent_dim."""
        return self.latent_dim

    def config(self) -> dict[str, Any]:
        """Constructor arguments (the device left out)."""
        return {
            "latent_dim": self.latent_dim,
            "image_size": self.image_size,
            "aspect": self.aspect,
            "width": self.width,
            "seed": self.seed,
            "metric": self.metric,
        }

    def weights_hash(self) -> str:
        """SHA-256 of all weights."""
        return hash_tensors(self._tensors())

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
        patience: int = 8,
        augmentation: bool = True,
        seed: int = 0,
        device: str | None = None,
        resume: bool = True,
        trainer_options: dict[str, Any] | None = None,
    ) -> VAE:
        """Train on a study table or on images float32 (N, 1, image_size, image_size) in [0, 1]; return self.

        Of a table, rows of split 'train' train and rows of split 'val' validate (a tenth of the training
        patients where there is no 'val'); 'test' is never looked at. Images are held in memory as bytes up
        to 4 GiB, otherwise read for each batch.

        `epochs`, `batch_size`, `learning_rate`: of Adam, rising and falling once; `warmup`: fraction of the
        training over which the KL term comes in; `patience`: epochs without a better validation loss, after
        the warm-up, until training stops; `augmentation`: small shifts, scalings and grey-scale bends (no
        flips); `trainer_options`: passed to lightning.Trainer (devices, num_nodes, precision, ...).
        `out`: folder for the model, checkpoints, history.csv and figure3.png. With `resume`, a training that
        was interrupted there continues from its last checkpoint and a finished one is read back; if it was
        made with other settings or images, a UserError says so.

        The weights kept are those of the least validation loss.
        """
        from cxrneighbors.encoders.vae_images import open_images, split_array, split_rows
        from cxrneighbors.encoders.vae_module import TrainingSettings
        from cxrneighbors.encoders.vae_training import train

        if epochs < 1 or batch_size < 2:
            raise UserError(f"VAE epochs {epochs}, batch size {batch_size}: at least 1 and 2 are needed")
        self.device = resolve_device(device) if device else self.device
        settings = TrainingSettings(epochs, batch_size, learning_rate, warmup, patience, augmentation, seed)
        folder = Path(out) if out is not None else None
        if folder and self._finished(folder, self._plan(data, asdict(settings)), resume):
            return self
        split: Any = split_rows if isinstance(data, pd.DataFrame) else split_array
        train_images, val_images = (
            open_images(part, self.image_size, self.aspect) for part in split(data, seed)
        )
        if len(train_images) < 2 or not len(val_images):  # type: ignore[arg-type]
            raise UserError(
                "VAE: fewer than 2 readable images to train on or none to validate on; add images"
            )
        self.history = train(
            self.network, train_images, val_images, settings, folder, self.device, trainer_options
        )
        self.network.cpu().eval()
        self._measure(train_images)
        self.fitted = True
        if folder:
            self._finish(folder, val_images)
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
        means = self._run(images, lambda batch: self.network.means(batch), (self.latent_dim,), batch_size)
        if self.metric == "latent":
            return means
        from cxrneighbors.encoders.latent_metric import metric_map

        return means @ metric_map(self.network.picture_metric.cpu(), self.metric).numpy()

    def reconstruct(self, images: np.ndarray, batch_size: int = 64) -> np.ndarray:
        """What the latent means keep of images (N, 1, S, S): float32 (N, 1, S, S), standardised."""
        import torch

        def paint(batch: torch.Tensor) -> torch.Tensor:
            picture = self.network.decode(self.network.means(batch))
            return torch.nn.functional.interpolate(picture, size=self.image_size, mode="bilinear")

        return self._run(images, paint, (1, self.image_size, self.image_size), batch_size)

    def save(self, folder: str | Path) -> None:
        """Write config.json and model.safetensors into `folder`."""
        save_encoder(folder, "vae", self.config(), self._tensors())

    @classmethod
    def load(cls, folder: str | Path, device: str = "auto") -> VAE:
        """Read a VAE that `save` or `fit(out=...)` wrote."""
        encoder: VAE = build(cls, folder, device=device)
        encoder._take(folder)
        return encoder

    def _measure(self, train_images: Any) -> None:
        """Set the picture metric from training films spread evenly over the table."""
        import torch

        from cxrneighbors.encoders.latent_metric import picture_metric

        rows = np.unique(np.linspace(0, len(train_images) - 1, METRIC_FILMS).astype(int))
        with torch.no_grad():
            codes = self.network.means(train_images[rows.tolist()])
        self.network.picture_metric.copy_(picture_metric(self.network, codes))

    def _take(self, folder: str | Path) -> None:
        import torch

        tensors = read_tensors(folder, tuple(self.network.state_dict()))
        try:
            self.network.load_state_dict({name: torch.from_numpy(array) for name, array in tensors.items()})
        except RuntimeError as error:
            line = str(error).splitlines()[-1].strip()
            raise UserError(
                f"{folder}: weights do not fit config.json ({line}); train the VAE again"
            ) from None
        self.network.eval()
        self.fitted = True

    def _tensors(self) -> dict[str, np.ndarray]:
        return {name: tensor.detach().cpu().numpy() for name, tensor in self.network.state_dict().items()}

    def _run(self, images: np.ndarray, function: Any, shape: tuple[int, ...], batch_size: int) -> np.ndarray:
        import torch

        images = check_images(images)
        if images.shape[-2:] != (self.image_size, self.image_size):
            raise ValueError(
                f"images must be (N, 1, {self.image_size}, {self.image_size}), got {images.shape}"
            )
        self.network.to(self.device).eval()
        out = np.empty((len(images), *shape), np.float32)
        with torch.inference_mode():
            for start in range(0, len(images), batch_size):
                batch = torch.from_numpy(images[start : start + batch_size]).to(self.device)
                out[start : start + batch_size] = function(batch).float().cpu().numpy()
        return out

    def _plan(self, data: pd.DataFrame | np.ndarray, settings: dict[str, Any]) -> dict[str, Any]:
        """What a training is identified by."""
        if isinstance(data, pd.DataFrame):
            images = self.fit_hash(data)
        else:
            images = hash_tensors({"images": check_images(data)})
        # The metric only reads the finished network: another one needs no other training.
        model = {name: value for name, value in self.config().items() if name != "metric"}
        return {"model": model, "settings": settings, "images_hash": images}

    def _finished(self, folder: Path, plan: dict[str, Any], resume: bool) -> bool:
        """Compare `folder` with `plan`; read a finished training back, clear the way for a new one."""
        import shutil

        path = folder / TRAINING
        if resume and path.exists():
            found = read_json(path, remedy="delete the folder and train again")
            for key in plan:
                if found.get(key) != plan[key]:
                    raise UserError(
                        f"{folder}: holds a training with other {key} "
                        f"({_changes(found.get(key), plan[key])}); "
                        "give another folder, or train anew there with resume=False"
                    )
            if found.get("finished") and (folder / "config.json").exists():
                self._take(folder)
                return True
            return False
        shutil.rmtree(folder / "checkpoints", ignore_errors=True)
        write_json_atomic(path, {**plan, "finished": False})
        return False

    def _finish(self, folder: Path, val_images: Any) -> None:
        from cxrneighbors.encoders.vae_figure import figure3

        self.save(folder)
        shown = val_images[list(range(min(6, len(val_images))))].numpy()
        figure3(shown, self.reconstruct(shown), folder / "figure3.png")
        plan = read_json(folder / TRAINING, remedy="train again")
        write_json_atomic(folder / TRAINING, {**plan, "finished": True})


def _changes(old: Any, new: Any) -> str:
    if isinstance(old, dict) and isinstance(new, dict):
        keys = [key for key in {**old, **new} if old.get(key) != new.get(key)]
        return ", ".join(f"{key}: {old.get(key)} there, {new.get(key)} now" for key in keys)
    return "another study table or other images"
