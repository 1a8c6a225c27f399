"""Momentum contrast (MoCo): the networks, the queue of keys and the loss; pure torch, no training loop."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cxrneighbors.classifiers.base import Classifier
from cxrneighbors.classifiers.efficientnet_lite import IMAGENET, EfficientNetLite
from cxrneighbors.classifiers.registry import build
from cxrneighbors.training.views import central_views

BACKBONES = ("efficientnet-lite0", "efficientnet-lite2", "small-cnn")
GREY = 0.5  # standardised views z reach a backbone, which expects [0, 1], as GREY + GREY * z
HIDDEN, PROJECTION = 512, 128  # of the projection and the prediction head


class ContrastiveNetwork(nn.Module):
    """The encoder that is kept: a classifier's network without its last layer, and principal components.

    `view_size`: pixels a side of what `backbone` sees; `frame`: share of each side of a film that it sees;
    `dim`: number of components, None for none.
    """

    mean: Tensor
    components: Tensor

    def __init__(self, backbone: Classifier, view_size: int, frame: float, dim: int | None) -> None:
        super().__init__()
        self.backbone, self.view_size, self.frame, self.dim = backbone, view_size, frame, dim
        # Channels last: what CPUs are fastest with and tensor cores want.
        self.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        with torch.no_grad():
            self.width = self.features(torch.zeros(1, 1, view_size, view_size)).shape[1]
        if dim is not None:
            self.register_buffer("mean", torch.zeros(self.width))
            self.register_buffer("components", torch.zeros(dim, self.width))

    def features(self, views: Tensor) -> Tensor:
        """Pooled activations float (N, width) of standardised views (N, 1, view_size, view_size)."""
        return self.backbone.features(GREY + GREY * views)

    def unit_features(self, images: Tensor) -> Tensor:
        """Features of the central view of films (N, 1, H, W) in [0, 1], of length 1: float32 (N, width)."""
        views = central_views(images, self.view_size, self.frame)
        return F.normalize(self.features(views).float(), dim=1)

    def vectors(self, images: Tensor) -> Tensor:
        """What a film's vector is: unit features, or their `dim` principal components."""
        unit = self.unit_features(images)
        return unit if self.dim is None else (unit - self.mean) @ self.components.T

    def fit_components(self, unit: Tensor, seed: int) -> None:
        """Set mean and components to those of unit features (N, width); where N is small the last are 0."""
        from sklearn.decomposition import PCA

        n = min(self.components.shape[0], len(unit) - 1, self.width)
        pca = PCA(n, svd_solver="randomized", random_state=seed).fit(unit.numpy())
        self.mean.copy_(torch.from_numpy(pca.mean_))
        self.components.zero_()[:n] = torch.from_numpy(pca.components_).float()


def build_backbone(name: str, view_size: int, seed: int, published: bool) -> Classifier:
    """Classifier `name`, one of `BACKBONES`, without its last layer.

    Its weights are drawn from `seed`; with `published` they are ImageNet's, where the package has them (a
    `UserError` where it is not installed).
    """
    backbone = build(name, n_classes=1, image_size=view_size, seed=seed)
    if published and isinstance(backbone, EfficientNetLite):
        backbone.load_checkpoint(IMAGENET, new_head=True)
    backbone.head = nn.Identity()
    return backbone


class Branch(nn.Module):
    """A network with its projection head: standardised views to unit vectors float (N, PROJECTION)."""

    def __init__(self, network: ContrastiveNetwork) -> None:
        super().__init__()
        self.network = network
        self.head = two_layers(network.width, PROJECTION)

    def forward(self, views: Tensor) -> Tensor:
        """Project views (N, 1, view_size, view_size)."""
        return F.normalize(self.head(self.network.features(views)).float(), dim=1)


class KeyQueue(nn.Module):
    """The last `size` keys and whose films they are (He et al. 2020, section 3.2); empty places are -1."""

    keys: Tensor
    patients: Tensor
    cursor: Tensor

    def __init__(self, size: int, dim: int = PROJECTION) -> None:
        super().__init__()
        self.register_buffer("keys", torch.zeros(size, dim))
        self.register_buffer("patients", torch.full((size,), -1))
        self.register_buffer("cursor", torch.tensor(0))

    def add(self, keys: Tensor, patients: Tensor) -> None:
        """Put keys (n, dim) of films of `patients` int64 (n,) in place of the oldest."""
        size = len(self.keys)
        n = min(len(keys), size)
        places = (self.cursor + torch.arange(n, device=keys.device)) % size
        self.keys[places] = keys[-n:]
        self.patients[places] = patients[-n:]
        self.cursor.copy_((self.cursor + n) % size)


def two_layers(inputs: int, outputs: int) -> nn.Sequential:
    """A head of one hidden layer, batch-normalised (Chen et al. 2021, MoCo v3)."""
    return nn.Sequential(
        nn.Linear(inputs, HIDDEN), nn.BatchNorm1d(HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, outputs)
    )


def contrastive_logits(
    queries: Tensor, keys: Tensor, patients: Tensor, temperature: float, queue: KeyQueue | None = None
) -> Tensor:
    """Cosines of each query and the keys of batch and queue, by temperature: float (n, n + Q).

    queries, keys: unit vectors float (n, D); key i belongs to query i (column i of row i); `patients`: int64
    (n,). All other keys are negatives, but those of the same patient, and empty places of the queue, which
    are -inf.
    """
    n, others, whose = len(queries), keys, patients
    if queue is not None:
        others, whose = torch.cat([keys, queue.keys]), torch.cat([patients, queue.patients])
    left_out = (patients[:, None] == whose) | (whose < 0)
    left_out[:, :n].fill_diagonal_(False)
    return (queries @ others.T / temperature).masked_fill(left_out, -torch.inf)


@torch.no_grad()
def follow(key: nn.Module, query: nn.Module, momentum: float) -> None:
    """Move each weight of `key` towards `query`: key = momentum * key + (1 - momentum) * query."""
    for slow, fast in zip(key.parameters(), query.parameters(), strict=True):
        slow.lerp_(fast, 1 - momentum)
