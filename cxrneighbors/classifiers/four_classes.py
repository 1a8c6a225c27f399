"""What the four networks of "LIME-RAY: What Does a Neural Network See from X-Rays?" have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

from torch import Tensor, nn

from cxrneighbors.classifiers import preprocessing as pre
from cxrneighbors.classifiers.base import Classifier
from cxrneighbors.data.schema import NO_FINDING
from cxrneighbors.errors import UserError

# The study table's name for the paper's class Normal is "No Finding".
FOUR_CLASSES = ("COVID-19", NO_FINDING, "Pneumonia", "Tuberculosis")


class FourClassNetwork(Classifier):
    """Base of the four networks: one class an image (softmax), 250 x 250 x 3, values in [-1, 1].

    `labels`: the classes, by default the paper's four. `image_size`: pixels a side of what the network sees;
    smaller ones train on a CPU, the networks are otherwise the same. `dropout`: share dropped behind each
    of the dense layers `hidden`, which follow the features that a subclass computes. Grey images are repeated
    to three channels, as their JPEGs decode to in the paper. The paper does not say how it scales pixels:
    [-1, 1] is what MobileNetV2 and ResNetV2 were published with.

    Weights are drawn as Keras draws them (Glorot uniform, biases zero, orthogonal recurrence with a forget
    bias of one). `training_defaults` is the paper's Table I; without augmentation, of which it says nothing.
    """

    training_defaults: ClassVar[dict[str, Any]] = {
        "epochs": 20,
        "batch_size": 16,
        "lr": 3e-4,
        "optimiser": "adam",
        "augment": "none",
    }
    least_size: ClassVar[int] = 32
    hidden: ClassVar[tuple[int, ...]] = (512, 128)

    def __init__(
        self,
        labels: Sequence[str] = FOUR_CLASSES,
        image_size: int = 250,
        multi_label: bool = False,
        dropout: float = 0.5,
    ) -> None:
        if image_size < self.least_size:
            raise UserError(
                f"model {self.name}: image_size {image_size} leaves no pixel after its poolings; "
                f"take at least {self.least_size}"
            )
        super().__init__(labels, image_size, multi_label)
        self.dropout = float(dropout)
        inputs, layers = self.build_backbone(), list[nn.Module]()
        for units in self.hidden:
            layers += [nn.Linear(inputs, units), nn.ReLU(), nn.Dropout(self.dropout)]
            inputs = units
        self.head = nn.Sequential(*layers, nn.Linear(inputs, len(self.labels)))
        draw_as_keras(self)

    @abstractmethod
    def build_backbone(self) -> int:
        """Add the layers before the dense ones, and return their number of outputs F."""

    @abstractmethod
    def dense_inputs(self, images: Tensor) -> Tensor:
        """Inputs of the dense layers float (B, F), of images as `prepared` gives them."""

    def features(self, images: Tensor) -> Tensor:
        """Activations of the last hidden dense layer: float (B, 128), of AlexNet (B, 4096)."""
        activations: Tensor = self.head[:-1](self.dense_inputs(self.prepared(images)))
        return activations

    def classify(self, features: Tensor) -> Tensor:
        """Logits float (B, C) of the dense layer's activations (B, D)."""
        logits: Tensor = self.head[-1](features)
        return logits

    def prepared(self, images: Tensor) -> Tensor:
        """Images float (B, 1 or 3, H, W) in [0, 1] to (B, 3, image_size, image_size) in [-1, 1]."""
        sized = pre.resize(pre.check_batch(images), self.image_size, self.image_size)
        return pre.to_colour(sized) * 2 - 1


def draw_as_keras(module: nn.Module) -> None:
    """Draw fresh weights in place as Keras's layers do by default, from torch's current generator."""
    for part in module.modules():
        if isinstance(part, nn.Conv2d | nn.Linear):
            nn.init.xavier_uniform_(part.weight)
            if part.bias is not None:
                nn.init.zeros_(part.bias)
        elif isinstance(part, nn.LSTM):
            _draw_lstm(part)


def _draw_lstm(lstm: nn.LSTM) -> None:
    units = lstm.hidden_size
    # Keras draws one (inputs, 4 units) matrix for the four gates: the fan counts all of them, as here.
    weights = dict(lstm.named_parameters())
    nn.init.xavier_uniform_(weights["weight_ih_l0"])
    nn.init.orthogonal_(weights["weight_hh_l0"])
    nn.init.zeros_(weights["bias_ih_l0"])
    nn.init.zeros_(weights["bias_hh_l0"])
    nn.init.ones_(weights["bias_ih_l0"][units : 2 * units])  # gates in order: input, forget, cell, output
