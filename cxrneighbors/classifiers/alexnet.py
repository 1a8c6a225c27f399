"""AlexNet (Krizhevsky et al. 2012) in one column, as LIME-RAY counts it: 29,986,180 parameters.

How the count fixes the network. The dense layers 2304 -> 4096 -> 4096 -> 4 have 9,441,280 + 16,781,312 +
16,388 = 26,238,980 parameters; 3,747,200 are left for the convolutions. With AlexNet's kernels and channels
on three input channels and a bias each, not split over two GPUs:

    11 x 11 x   3 x  96 +  96 =    34,944
     5 x  5 x  96 x 256 + 256 =   614,656
     3 x  3 x 256 x 384 + 384 =   885,120
     3 x  3 x 384 x 384 + 384 = 1,327,488
     3 x  3 x 384 x 256 + 256 =   884,992
                                ---------
                                3,747,200

which is exact: no batch normalisation (each would add four numbers a channel) and no groups. Local response
normalisation has no parameters, so that the count says nothing of it; it is left out. Sizes with valid
convolutions, stride 4 in the first, and a 2 x 2 max pool behind the first, second and fifth:

    250 -> 60 -> 30 -> 26 -> 13 -> 11 -> 9 -> 7 -> 3,   3 x 3 x 256 = 2304.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from cxrneighbors.classifiers.four_classes import FourClassNetwork

KERNELS = (11, 5, 3, 3, 3)
CHANNELS = (96, 256, 384, 384, 256)
POOLED = (True, True, False, False, True)
STRIDES = (4, 2, 1)


class AlexNet(FourClassNetwork):
    """Five valid convolutions and three dense layers (see the module's text).

    Below 167 pixels a stride of 4 leaves no map: the first convolution then takes stride 2, below 89 pixels
    stride 1 (`stride`). All other layers stay; only the first dense layer follows the size of the map.
    """

    name = "alexnet"
    least_size = 50
    hidden = (4096, 4096)

    def build_backbone(self) -> int:
        """Five convolutions; their last map, flattened, has side * side * 256 numbers."""
        layers: list[nn.Module] = []
        for number, (kernel, wide) in enumerate(zip(KERNELS, CHANNELS, strict=True)):
            narrow = CHANNELS[number - 1] if number else 3
            layers += [nn.Conv2d(narrow, wide, kernel, stride=1 if number else self.stride), nn.ReLU()]
            if POOLED[number]:
                layers.append(nn.MaxPool2d(2))
        self.convolutions = nn.Sequential(*layers)
        return CHANNELS[-1] * map_side(self.image_size, self.stride) ** 2

    @property
    def stride(self) -> int:
        """Stride of the first convolution: the largest of 4, 2, 1 that leaves a map."""
        return next(stride for stride in STRIDES if map_side(self.image_size, stride) >= 1)

    def dense_inputs(self, images: Tensor) -> Tensor:
        """The last map, flattened."""
        return torch.flatten(self.convolutions(images), 1)


def map_side(image_size: int, stride: int) -> int:
    """Side of the last map; 0 or less where nothing is left.

    >>> map_side(250, 4), map_side(167, 4), map_side(166, 4)
    (3, 1, 0)
    """
    side = image_size
    for number, kernel in enumerate(KERNELS):
        side = (side - kernel) // (1 if number else stride) + 1
        side = side // 2 if POOLED[number] else side
    return side
