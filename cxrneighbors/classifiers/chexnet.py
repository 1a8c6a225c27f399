"""CheXNet: DenseNet-121 with one sigmoid output per finding of ChestX-ray14 (Rajpurkar et al. 2017)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from cxrneighbors.classifiers import preprocessing as pre
from cxrneighbors.classifiers.base import Classifier
from cxrneighbors.classifiers.chexnet_checkpoint import HEAD, monai_names, read_checkpoint
from cxrneighbors.errors import choose
from cxrneighbors.models import strict_load

# The order of the outputs of every published CheXNet.
CHESTXRAY14_LABELS = (
    "Atelectasis",
    "Cardiomegaly",
    "Effusion",
    "Infiltration",
    "Mass",
    "Nodule",
    "Pneumonia",
    "Pneumothorax",
    "Consolidation",
    "Edema",
    "Emphysema",
    "Fibrosis",
    "Pleural_Thickening",
    "Hernia",
)
CROPS = ("center", "none", "ten")


class CheXNet(Classifier):
    """DenseNet-121 from MONAI with CheXNet's preprocessing; 6,968,206 parameters with 14 outputs.

    `image_size`: pixels a side of the images it is given. `crop`:

    - 'center' (default): shorter side to 256, the central 224 x 224, as published CheXNets were tested (one
      crop of their ten). A film read at 256 x 256 is not resampled at all. The outer 1/16 on each side is
      not seen, so it can have no influence on a score.
    - 'none': the whole film to 224 x 224, as the paper words it; take it to train a network of your own
      where costophrenic angles and apices at the border matter.
    - 'ten': probabilities averaged over the ten crops, exactly the published test; ten times the cost.

    For another `image_size` the crop keeps its share of 7/8 (112 of 128). Grey is repeated to three channels
    and standardised with ImageNet's mean and deviation.
    """

    name = "chexnet"

    def __init__(
        self,
        labels: Sequence[str] = CHESTXRAY14_LABELS,
        image_size: int | None = None,
        crop: str = "center",
        multi_label: bool = True,
    ) -> None:
        # MONAI takes ten seconds to import: only who builds a CheXNet waits for it.
        from monai.networks.nets.densenet import DenseNet121

        choose("crop", crop, CROPS)
        super().__init__(labels, image_size or (224 if crop == "none" else 256), multi_label)
        self.crop = crop
        self.network = DenseNet121(spatial_dims=2, in_channels=3, out_channels=len(self.labels))

    @classmethod
    def from_checkpoint(
        cls,
        path: str | Path,
        labels: Sequence[str] = CHESTXRAY14_LABELS,
        *,
        new_head: bool = False,
        **options: Any,
    ) -> CheXNet:
        """Build a CheXNet with the weights of a published checkpoint (see `load_checkpoint`)."""
        model = cls(labels, **options)
        model.load_checkpoint(path, new_head=new_head)
        return model

    def load_checkpoint(self, path: str | Path, new_head: bool = False) -> None:
        """Load a published CheXNet or DenseNet-121 checkpoint strictly: every tensor is used exactly once.

        The names under which such files store their tensors are described in `chexnet_checkpoint`.
        `new_head`: keep the freshly drawn last layer and leave the file's out, to fine-tune other labels.
        Raises `UserError` listing what is missing, left over or of another shape.
        """
        own = self.network.state_dict()
        state = monai_names(read_checkpoint(path), str(path))
        if new_head:
            state |= {name: own[name] for name in HEAD}
        remedy = "give a DenseNet-121 checkpoint with these labels (new_head / --new-head for other labels)"
        strict_load(self.network, state, str(path), remedy)

    @property
    def field(self) -> int:
        """Pixels a side of what the network sees: 7/8 of `image_size` with a crop, else all of it."""
        return self.image_size if self.crop == "none" else round(self.image_size * 7 / 8)

    @property
    def seen(self) -> float:
        """7/8 with a crop (with crop 'ten', of the middle one), else 1."""
        return self.field / self.image_size

    def features(self, images: Tensor) -> Tensor:
        """Means of the 1,024 last maps float (B, 1024), of crop 'ten' averaged over the crops."""
        return self._crop_features(images).mean(0)

    def classify(self, features: Tensor) -> Tensor:
        """Logits float (B, C) of features (B, 1024)."""
        logits: Tensor = self.network.class_layers[-1](features)
        return logits

    def forward(self, images: Tensor) -> Tensor:
        """Logits float (B, C) of images float (B, 1 or 3, H, W) in [0, 1]."""
        logits = self.classify(self._crop_features(images))
        if len(logits) == 1:
            return logits[0]
        probabilities = self.activate(logits.double()).mean(0)
        # A form whose sigmoid or softmax is the averaged probability.
        back = torch.logit(probabilities, eps=1e-12) if self.multi_label else probabilities.log()
        return back.to(logits.dtype)

    def _crop_features(self, images: Tensor) -> Tensor:
        """Pooled maps of each field that is looked at: (1 or 10, B, 1024)."""
        return torch.stack([self._pooled(field) for field in self._fields(pre.check_batch(images))])

    def _fields(self, images: Tensor) -> Sequence[Tensor]:
        if self.crop == "none":
            return [pre.resize(images, self.field, self.field)]
        images = pre.resize_shorter(images, self.image_size)
        # Training sees one crop: ten would be ten times the cost for one gradient.
        if self.crop == "center" or self.training:
            return [pre.center_crop(images, self.field)]
        return pre.ten_crops(images, self.field).unbind()

    def _pooled(self, field: Tensor) -> Tensor:
        maps = self.network.features(
            pre.standardise(pre.to_colour(field), pre.IMAGENET_MEAN, pre.IMAGENET_STD)
        )
        pooled: Tensor = self.network.class_layers[:-1](maps)
        return pooled
