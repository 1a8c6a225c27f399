"""An image encoder trained on films alone, without labels: two views of a film are to be alike (MoCo)."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cxrneighbors.artifact import Kind
from cxrneighbors.data.schema import studies_hash
from cxrneighbors.devices import resolve_device
from cxrneighbors.encoders.base import NOUN, check_images, hash_strings
from cxrneighbors.errors import UserError, choose
from cxrneighbors.models import SavedModel, build_model, hash_tensors, load_weights, state_arrays
from cxrneighbors.statistics.patients import patient_names

if TYPE_CHECKING:
    from torch import Tensor

    from cxrneighbors.encoders.contrastive_network import ContrastiveNetwork
    from cxrneighbors.encoders.contrastive_pairs import TrainAndVal
    from cxrneighbors.encoders.contrastive_training import ContrastiveSettings
    from cxrneighbors.training.images import FileImages, MemoryImages

TRAINING = Kind("contrastive training", 1, "train-contrastive")
BATCH = 64
MAX_COMPONENT_FILMS = 20_000


class ContrastiveEncoder(SavedModel):
    """Momentum contrast on chest films (He et al. 2020; Sowrirajan et al. 2021 for chest X-rays).

    A film's vector is the pooled features of the key encoder, float32 of length 1: Euclidean distance ranks
    as the cosine does.

    `backbone`: 'efficientnet-lite0' (1,280 features), 'efficientnet-lite2' (1,280), both from ImageNet
    weights (extra `backbones`), or 'small-cnn' (256), from random ones. `image_size`: pixels a side of a film
    as it is read; `view_size`: of what the network sees, at least 32; `frame`: central share of each side
    that it sees, in (0, 1]. `aspect`: 'pad' or 'crop', how files are made square. `dim`: keep so many
    principal components of the training films' vectors (60 as the paper's latent space; None: the features).
    `seed`: of random weights; `device`: where it runs ('auto': cuda where there is one).

    Each view is standardised inside (see `training.views`): exposure does not move a vector.
    """

    noun = NOUN
    name = "contrastive"

    def __init__(
        self,
        backbone: str = "efficientnet-lite0",
        image_size: int = 128,
        view_size: int = 96,
        aspect: str = "pad",
        frame: float = 0.9,
        dim: int | None = None,
        seed: int = 0,
        device: str = "auto",
    ) -> None:
        from cxrneighbors.encoders.contrastive_network import BACKBONES

        if image_size < 1 or view_size < 32 or not 0 < frame <= 1 or (dim is not None and dim < 1):
            raise UserError(
                f"contrastive encoder: image size {image_size}, view size {view_size}, frame {frame}, "
                f"dim {dim}; sizes must be at least 1 and 32, the frame above 0 and at most 1, dim at least 1"
            )
        self.backbone = choose("backbone", backbone, BACKBONES)
        self.image_size = image_size
        self.view_size = view_size
        self.aspect = aspect
        self.frame = frame
        self.n_components = dim
        self.seed = seed
        self.device = resolve_device(device)
        self.fitted = False
        self.history: list[dict[str, Any]] = []
        self.network = self._network(published=False)

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return self.network.width if self.n_components is None else self.n_components

    def config(self) -> dict[str, Any]:
        """Constructor arguments: `dim` as it was asked for."""
        return {**super().config(), "dim": self.n_components}

    def tensors(self) -> dict[str, np.ndarray]:
        """`backbone.*`, named as in the classifier without its head; `mean` and `components` with a `dim`."""
        return state_arrays(self.network)

    def fit_hash(self, studies: pd.DataFrame) -> str:
        """Hash of what `fit(studies)` would be trained on: films and whose they are."""
        from cxrneighbors.encoders.contrastive_pairs import rows_to_learn_from

        parts = rows_to_learn_from(studies)
        return hash_strings([text for part in parts for text in (studies_hash(part), *patient_names(part))])

    def fit(
        self,
        data: pd.DataFrame | np.ndarray,
        out: str | Path | None = None,
        epochs: int = 14,
        batch_size: int = 64,
        learning_rate: float = 4e-4,
        weight_decay: float = 0.05,
        temperature: float = 0.2,
        queue: int = 4096,
        momentum: float = 0.99,
        positives: str = "film",
        patient_share: float = 0.5,
        seed: int = 0,
        device: str | None = None,
        resume: bool = True,
        trainer_options: dict[str, Any] | None = None,
    ) -> ContrastiveEncoder:
        """Train on a study table or on images float32 (N, 1, image_size, image_size) in [0, 1]; return self.

        Of a table, rows of split 'train' train; rows of split 'val', where there are any, give a validation
        loss; 'test' is never looked at. The last weights are kept: the validation loss is only to look at.
        `epochs`: 0 keeps the weights that training starts from.

        `positives`: 'film': two random views of one film; 'patient': with chance `patient_share` the second
        view is of another film of the same patient. Films of one patient are never each other's negatives.
        `queue`: how many keys of earlier batches are negatives; `momentum`: of the key encoder at the start;
        `learning_rate`, `weight_decay`: of AdamW, the rate rising and falling once. `trainer_options`: passed
        to lightning.Trainer.
        `out`: folder for the model, history.csv, manifest.json and, until it is done, checkpoints. With
        `resume`, a training that was interrupted there continues from its last checkpoint and a finished one
        is read back; if it was made with other settings or films, a UserError says so.

        On CPUs that have bfloat16, keys are encoded in it: such a CPU and another end with other weights.
        """
        from cxrneighbors.encoders.contrastive_training import ContrastiveSettings
        from cxrneighbors.training.fit import CHECKPOINTS

        settings = ContrastiveSettings(
            epochs=epochs,
            batch_size=batch_size,
            seed=seed,
            learning_rate=learning_rate,
            weight_decay=weight_decay,
            temperature=temperature,
            queue=queue,
            momentum=momentum,
            positives=positives,
            patient_share=patient_share,
        )
        self.device = resolve_device(device) if device else self.device
        if out is None:
            films, self.network = self._prepared(data, settings)
            return self._trained(films, settings, None, trainer_options)
        work = TRAINING.begin(out, self._plan(data, settings), not resume, scratch=(CHECKPOINTS,))
        if work.complete:
            load_weights(self.network, work.folder, NOUN)
            self.fitted = True
        else:
            with work.preparing():
                films, self.network = self._prepared(data, settings)
            self._trained(films, settings, work.folder, trainer_options)
        self.save(work.folder)
        work.finish()
        shutil.rmtree(work.folder / CHECKPOINTS, ignore_errors=True)
        return self

    def encode(self, images: np.ndarray) -> np.ndarray:
        """Vectors float32 (N, dim) of images float32 (N, 1, image_size, image_size) in [0, 1]."""
        from cxrneighbors.encoders.forward import forward

        images = check_images(images)
        if images.shape[-2:] != (self.image_size, self.image_size):
            raise ValueError(
                f"images must be (N, 1, {self.image_size}, {self.image_size}), got {images.shape}"
            )
        self.network.to(self.device).eval()
        if not len(images):
            return np.zeros((0, self.dim), np.float32)
        return forward(self.network.vectors, images, self.device, BATCH)

    @classmethod
    def load(cls, folder: str | Path, device: str = "auto") -> ContrastiveEncoder:
        """Read an encoder that `save` or `fit(out=...)` wrote."""
        encoder = build_model(cls, folder, NOUN, device=device)
        load_weights(encoder.network, folder, NOUN)
        encoder.fitted = True
        return encoder

    def _network(self, published: bool) -> ContrastiveNetwork:
        from cxrneighbors.encoders.contrastive_network import ContrastiveNetwork, build_backbone

        backbone = build_backbone(self.backbone, self.view_size, self.seed, published)
        return ContrastiveNetwork(backbone, self.view_size, self.frame, self.n_components)

    def _prepared(
        self, data: pd.DataFrame | np.ndarray, settings: ContrastiveSettings
    ) -> tuple[TrainAndVal, ContrastiveNetwork]:
        """Films to learn from, and the network that training starts from: ImageNet's weights or random."""
        from cxrneighbors.encoders.contrastive_pairs import check_partners, films_to_learn_from

        films = films_to_learn_from(data, self.image_size, self.aspect)
        if settings.share:
            check_partners(films[0])
        return films, self._network(published=True)

    def _trained(
        self,
        films: TrainAndVal,
        settings: ContrastiveSettings,
        folder: Path | None,
        trainer_options: dict[str, Any] | None,
    ) -> ContrastiveEncoder:
        from cxrneighbors.encoders.contrastive_training import train_contrastive

        if settings.epochs:
            self.history = train_contrastive(
                self.network, films, settings, self.device, folder, trainer_options
            )
        if self.n_components is not None:
            self.network.fit_components(self._unit_features(films[0].images), self.seed)
        self.fitted = True
        return self

    def _unit_features(self, images: MemoryImages | FileImages) -> Tensor:
        """Unit features of up to `MAX_COMPONENT_FILMS` films, evenly spaced."""
        import torch

        n = len(images)
        chosen = np.linspace(0, n - 1, min(n, MAX_COMPONENT_FILMS)).astype(int).tolist()
        self.network.to(self.device).eval()
        with torch.inference_mode():
            parts = [
                self.network.unit_features(images[chosen[start : start + BATCH]].to(self.device)).cpu()
                for start in range(0, len(chosen), BATCH)
            ]
        return torch.cat(parts)

    def _plan(self, data: pd.DataFrame | np.ndarray, settings: ContrastiveSettings) -> dict[str, Any]:
        """What a training is identified by."""
        if isinstance(data, pd.DataFrame):
            films = self.fit_hash(data)
        else:
            films = hash_tensors({"images": check_images(data)})
        return {"model": self.config(), "settings": settings.plan(), "films_hash": films}
