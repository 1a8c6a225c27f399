"""CNN-LSTM: the network that LIME-RAY proposes (section IV), 55,407,300 parameters in Keras' convention."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from cxrneighbors.classifiers.four_classes import FourClassNetwork

CHANNELS = (32, 64, 128)
UNITS = 128


class CNNLSTM(FourClassNetwork):
    """Three 3 x 3 convolutions, an LSTM over the pixels of the last map, two hidden dense layers.

    ======================================  ============  ==========
    layer                                   output        parameters
    ======================================  ============  ==========
    conv 3x3 valid 32, ReLU, max pool 2x2   124, 124, 32         896
    conv 3x3 valid 64, ReLU, max pool 2x2   61, 61, 64        18,496
    conv 3x3 valid 128, ReLU, max pool 2x2  29, 29, 128       73,856
    rows of the map as 841 steps of 128     841, 128               0
    LSTM 128, tanh, every step returned     841, 128         131,584
    flatten, dense 512, ReLU, dropout 0.5   512           55,116,288
    dense 128, ReLU, dropout 0.5            128               65,664
    dense 4, softmax                        4                    516
    ======================================  ============  ==========

    The paper's text gives kinds and widths of layers; "valid" padding, all steps returned and 250 x 250 are
    what its 55.4 million fix. Poolings drop an odd last row and column, as Keras' do. torch's LSTM has a
    second bias (512 numbers); it stays zero and is not trained, so that what is trained is the paper's.
    """

    name = "cnn-lstm"
    least_size = 22

    def build_backbone(self) -> int:
        """Convolutions and LSTM; 128 numbers a step."""
        layers: list[nn.Module] = []
        for narrow, wide in zip((3, *CHANNELS), CHANNELS, strict=False):
            layers += [nn.Conv2d(narrow, wide, 3), nn.ReLU(), nn.MaxPool2d(2)]
        self.convolutions = nn.Sequential(*layers)
        self.lstm = nn.LSTM(CHANNELS[-1], UNITS, batch_first=True)
        self.lstm.bias_hh_l0.requires_grad_(False)
        return self.steps * UNITS

    @property
    def steps(self) -> int:
        """Pixels of the last map, the length of the sequence: 841 of a 250 x 250 image."""
        side = self.image_size
        for _ in CHANNELS:
            side = (side - 2) // 2
        return side * side

    def dense_inputs(self, images: Tensor) -> Tensor:
        """The LSTM's states after every pixel of the last map, side by side."""
        maps = self.convolutions(images)
        sequence = maps.flatten(2).transpose(1, 2)  # row by row from the upper left corner
        states, _ = self.lstm(sequence)
        return torch.flatten(states, 1)
