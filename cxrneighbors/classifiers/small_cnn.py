"""A small residual network: quick enough to train and explain on a machine without a GPU."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cxrneighbors.classifiers import preprocessing as pre
from cxrneighbors.classifiers.base import Classifier
from cxrneighbors.errors import UserError

# Twice torch's default: a few hundred images make few steps, and the running statistics must keep up.
MOMENTUM = 0.2


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions whose result is added to the input, halved in size and widened to fit it.

    (B, C_in, H, W) to (B, C_out, H/2, W/2).
    """

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels_out, 3, stride=2, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(channels_out, momentum=MOMENTUM)
        self.conv2 = nn.Conv2d(channels_out, channels_out, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels_out, momentum=MOMENTUM)
        self.shortcut = nn.Conv2d(channels_in, channels_out, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Halve the map and widen it."""
        y = F.relu(self.norm1(self.conv1(x)))
        y = self.norm2(self.conv2(y))
        # Averaging before the 1 x 1 convolution: a strided one would look at every fourth pixel only.
        return F.relu(y + self.shortcut(F.avg_pool2d(x, 2, ceil_mode=True)))


class SmallCNN(Classifier):
    """Five-stage residual network on grey images: a strided 5 x 5 convolution, then blocks of 2, 4, 8 and 8
    times `width` channels.

    The head takes the mean and the maximum of each map: a diffuse opacity moves the first, a small nodule
    the second. `image_size`: what images are resized to, at least 32. `dropout`: share of the head's inputs
    dropped in training.
    """

    name = "small-cnn"

    def __init__(
        self,
        labels: Sequence[str],
        image_size: int = 128,
        multi_label: bool = True,
        width: int = 16,
        dropout: float = 0.2,
    ) -> None:
        if image_size < 32:
            raise UserError(f"image_size {image_size}: must be at least 32")
        super().__init__(labels, image_size, multi_label)
        self.width, self.dropout = int(width), float(dropout)
        channels = [width, 2 * width, 4 * width, 8 * width, 8 * width]
        self.stem = nn.Conv2d(1, width, 5, stride=2, padding=2, bias=False)
        self.norm = nn.BatchNorm2d(width, momentum=MOMENTUM)
        self.blocks = nn.Sequential(*[ResidualBlock(narrow, wide) for narrow, wide in pairwise(channels)])
        self.head = nn.Linear(2 * channels[-1], len(self.labels))

    def features(self, images: Tensor) -> Tensor:
        """Mean, then maximum of each last map: float (B, 16 width)."""
        grey = pre.resize(pre.to_grey(pre.check_batch(images)), self.image_size, self.image_size)
        # A fixed grey level and deviation, not the image's own: masking one segment must not shift the rest.
        x = F.relu(self.norm(self.stem(pre.standardise(grey, (0.5,), (0.25,)))))
        x = self.blocks(x)
        return torch.cat([x.mean((2, 3)), x.amax((2, 3))], dim=1)

    def classify(self, features: Tensor) -> Tensor:
        """Logits float (B, C) of features (B, D); some of these are dropped in training."""
        logits: Tensor = self.head(F.dropout(features, self.dropout, self.training))
        return logits
