"""MobileNetV2 (Sandler et al. 2018) as LIME-RAY uses it: 2,980,036 parameters in Keras' convention.

The network is transformers' `MobileNetV2Model` with TensorFlow's padding: layer for layer Keras'
`applications.MobileNetV2` without its top (2,257,984 parameters with the running statistics), and the layout
of the weights that Google publishes on the Hugging Face hub.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from cxrneighbors.classifiers.backbone_weights import MOMENTUM, read_hub_backbone
from cxrneighbors.classifiers.four_classes import (
    FOUR_CLASSES,
    IMAGE_SIZE,
    FourClassNetwork,
    dense_head,
    draw_as_keras,
)
from cxrneighbors.models import strict_load

FEATURES = 1280
HIDDEN = (512, 128)


class MobileNetV2(FourClassNetwork):
    """MobileNetV2 of width 1, global average pooling, dense 512, 128 and one output a class.

    Strided 3 x 3 convolutions pad an even input by one row and column below and right only, as TensorFlow.
    Convolutions have no bias; batch normalisation with epsilon 0.001 follows each.
    """

    name = "mobilenetv2"

    def __init__(
        self,
        labels: Sequence[str] = FOUR_CLASSES,
        image_size: int = IMAGE_SIZE,
        multi_label: bool = False,
        dropout: float = 0.5,
    ) -> None:
        from transformers import MobileNetV2Config, MobileNetV2Model

        super().__init__(labels, image_size, multi_label, dropout)
        config = MobileNetV2Config(image_size=self.image_size, tf_padding=True)
        self.backbone = MobileNetV2Model(config, add_pooling_layer=False)
        self.head = dense_head(FEATURES, HIDDEN, len(self.labels), self.dropout)
        draw_as_keras(self)
        for part in self.backbone.modules():
            if isinstance(part, nn.BatchNorm2d):
                part.momentum = MOMENTUM

    def load_checkpoint(self, source: str | Path, new_head: bool = False) -> None:
        """Load ImageNet weights into all but the dense layers, strictly.

        `source`: a .safetensors or torch file in the layout of transformers, or the name of a model on the
        Hugging Face hub such as 'google/mobilenet_v2_1.0_224' (which is the only case that fetches
        anything). Its ImageNet classifier is left out with or without `new_head`: it is of another shape.
        Raises `UserError` that lists what is missing, left over or of another shape.
        """
        state = read_hub_backbone(source, prefix="mobilenet_v2.", head="classifier.")
        own = self.backbone.state_dict()
        strict_load(self.backbone, {**_counters(own, state), **state}, str(source), "give MobileNetV2 1.0")

    def forward(self, images: Tensor) -> Tensor:
        """Logits float (B, C) of images float (B, 1 or 3, H, W) in [0, 1]."""
        maps = self.backbone(self.prepared(images)).last_hidden_state
        logits: Tensor = self.head(maps.mean((2, 3)))
        return logits


def _counters(own: dict[str, Tensor], state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The counters of batches, which files of TensorFlow's weights may lack and evaluation does not use."""
    names = [name for name in own if name.endswith("num_batches_tracked") and name not in state]
    return {name: torch.zeros_like(own[name]) for name in names}
