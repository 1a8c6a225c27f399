"""MobileNetV2 (Sandler et al. 2018) as LIME-RAY uses it: 2,980,036 parameters in Keras' convention.

The network is transformers' `MobileNetV2Model` with TensorFlow's padding: layer for layer Keras'
`applications.MobileNetV2` without its top (2,257,984 parameters with the running statistics), and the layout
of the weights that Google publishes on the Hugging Face hub.
"""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn

from cxrneighbors.classifiers.backbone_weights import MOMENTUM, read_hub_backbone
from cxrneighbors.classifiers.four_classes import FourClassNetwork
from cxrneighbors.models import strict_load

FEATURES = 1280


class MobileNetV2(FourClassNetwork):
    """MobileNetV2 of width 1, global average pooling, dense 512, 128 and one output a class.

    Strided 3 x 3 convolutions pad an even input by one row and column below and right only, as TensorFlow.
    Convolutions have no bias; batch normalisation with epsilon 0.001 follows each.
    """

    name = "mobilenetv2"

    def build_backbone(self) -> int:
        """Keras' network without its top."""
        from transformers import MobileNetV2Config, MobileNetV2Model

        config = MobileNetV2Config(image_size=self.image_size, tf_padding=True)
        self.backbone = MobileNetV2Model(config, add_pooling_layer=False)
        for part in self.backbone.modules():
            if isinstance(part, nn.BatchNorm2d):
                part.momentum = MOMENTUM
        return FEATURES

    def load_checkpoint(self, source: str | Path, new_head: bool = False) -> None:
        """Load ImageNet weights into all but the dense layers, strictly.

        `source`: a .safetensors or torch file in the layout of transformers, or the name of a model on the
        Hugging Face hub such as 'google/mobilenet_v2_1.0_224' (which is the only case that fetches
        anything). Its ImageNet classifier is left out with or without `new_head`: it is of another shape.
        Raises `UserError` that lists what is missing, left over or of another shape.
        """
        state = read_hub_backbone(source, prefix="mobilenet_v2.", head="classifier.")
        strict_load(self.backbone, state, str(source), "give MobileNetV2 1.0")

    def dense_inputs(self, images: Tensor) -> Tensor:
        """Means of the last maps."""
        maps: Tensor = self.backbone(images).last_hidden_state
        return maps.mean((2, 3))
