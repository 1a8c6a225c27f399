"""ResNet101V2 (He et al. 2016, pre-activation) as LIME-RAY uses it: 43,741,828 parameters as Keras counts.

No library here has it: transformers' and MONAI's ResNets are of the first version, and Big Transfer's has
group instead of batch normalisation. So it is written out, in Keras' conventions and under Keras' layer
names, so that its published ImageNet weights (an .h5 file) load by name.
"""

from __future__ import annotations

from pathlib import Path

import torch.nn.functional as F
from torch import Tensor, nn

from cxrneighbors.classifiers.backbone_weights import MOMENTUM, read_keras_backbone
from cxrneighbors.classifiers.four_classes import FourClassNetwork
from cxrneighbors.models import strict_load

# Name, channels of the bottleneck, blocks, stride of the last block.
STACKS = (("conv2", 64, 3, 2), ("conv3", 128, 4, 2), ("conv4", 256, 23, 2), ("conv5", 512, 3, 1))
EXPANSION = 4
FEATURES = 2048
EPSILON = 1.001e-5


class PreactivationBlock(nn.Module):
    """Normalise and ReLU first, then 1 x 1, 3 x 3 and 1 x 1 convolutions, added to the shortcut.

    (B, C_in, H, W) to (B, 4 channels, H / stride, W / stride). The first and second convolution have no bias
    (a normalisation follows), the last and the shortcut's have one. The shortcut is a 1 x 1 convolution of
    the normalised input in a stack's first block (`widens`), else the input, subsampled where `stride` is 2.
    Padding is one on each side.
    """

    def __init__(self, inputs: int, channels: int, stride: int, widens: bool) -> None:
        super().__init__()
        outputs = EXPANSION * channels
        self.stride = stride
        self.preact_bn = _norm(inputs)
        self.shortcut = nn.Conv2d(inputs, outputs, 1, stride=stride) if widens else None
        self.conv1 = nn.Conv2d(inputs, channels, 1, bias=False)
        self.bn1 = _norm(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, stride=stride, padding=1, bias=False)
        self.bn2 = _norm(channels)
        self.conv3 = nn.Conv2d(channels, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Add the bottleneck to the shortcut."""
        active = F.relu(self.preact_bn(x))
        if self.shortcut is not None:
            shortcut = self.shortcut(active)
        else:
            shortcut = x if self.stride == 1 else x[..., :: self.stride, :: self.stride]
        y = F.relu(self.bn1(self.conv1(active)))
        y = F.relu(self.bn2(self.conv2(y)))
        added: Tensor = shortcut + self.conv3(y)
        return added


class ResNetV2Backbone(nn.Module):
    """ResNet101V2 without its top: (B, 3, H, W) in [-1, 1] to (B, 2048, H / 32, W / 32), 42,626,560 numbers.

    7 x 7 convolution with stride 2 and bias, 3 x 3 max pool with stride 2 (both on an image padded by zeros,
    the pool's too), 3 + 4 + 23 + 3 bottlenecks, a last normalisation and ReLU. A stack halves the map in its
    last block, not in its first.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv1_conv = nn.Conv2d(3, 64, 7, stride=2, padding=3)
        blocks: dict[str, nn.Module] = {}
        inputs = 64
        for name, channels, count, stride in STACKS:
            for number in range(1, count + 1):
                step = stride if number == count else 1
                block = PreactivationBlock(inputs, channels, step, widens=number == 1)
                blocks[f"{name}_block{number}"] = block
                inputs = EXPANSION * channels
        self.blocks = nn.ModuleDict(blocks)
        self.post_bn = _norm(inputs)

    def forward(self, x: Tensor) -> Tensor:
        """The last map."""
        # The pool's padding is zero, not minus infinity: it counts where all its neighbours are negative.
        x = F.max_pool2d(F.pad(self.conv1_conv(x), (1, 1, 1, 1)), 3, stride=2)
        for block in self.blocks.values():
            x = block(x)
        return F.relu(self.post_bn(x))


class ResNet101V2(FourClassNetwork):
    """ResNet101V2, global average pooling, dense 512, 128 and one output a class."""

    name = "resnet101v2"

    def build_backbone(self) -> int:
        """Keras' network without its top."""
        self.backbone = ResNetV2Backbone()
        return FEATURES

    def load_checkpoint(self, source: str | Path, new_head: bool = False) -> None:
        """Load ImageNet weights into all but the dense layers, strictly.

        `source`: Keras' published file (`resnet101v2_weights_tf_dim_ordering_tf_kernels_notop.h5`, or the
        one with top, whose classifier is left out with or without `new_head`), which takes the package h5py.
        Raises `UserError` that lists what is missing, left over or of another shape.
        """
        state = read_keras_backbone(source, tops=("predictions", "probs"))
        strict_load(self.backbone, state, str(source), "give Keras' weights of ResNet101V2")

    def dense_inputs(self, images: Tensor) -> Tensor:
        """Means of the last maps."""
        maps: Tensor = self.backbone(images)
        return maps.mean((2, 3))


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=EPSILON, momentum=MOMENTUM)
