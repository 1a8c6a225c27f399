"""Features in which films lie close by how many findings they share: a contrastive loss with soft targets."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

TEMPERATURE = 0.1


def label_overlap(a: Tensor, b: Tensor) -> Tensor:
    """Jaccard index of label sets: a (n, C), b (m, C) in {0, 1} -> float (n, m); two empty sets score 1.

    >>> label_overlap(torch.tensor([[1., 1., 0.], [0., 0., 0.]]), torch.tensor([[1., 0., 0.], [0., 0., 0.]]))
    tensor([[0.5000, 0.0000],
            [0.0000, 1.0000]])
    """
    shared = a @ b.T
    union = a.sum(1)[:, None] + b.sum(1) - shared
    return torch.where(union == 0, torch.ones_like(union), shared / union.clamp(min=1))


def overlap_loss(
    features: Tensor, labels: Tensor, others: Tensor, other_labels: Tensor, temperature: float = TEMPERATURE
) -> Tensor:
    """Cross-entropy of who lies near against who shares labels: a scalar.

    features float (n, D) of films with labels (n, C) in {0, 1} are compared with each other and with
    `others` (m, D), `other_labels` (m, C). With o_ij the Jaccard index of label sets and s_ij the cosine,

        loss = - mean_i sum_j o_ij / (sum_k o_ik) * log(exp(s_ij / t) / sum_k exp(s_ik / t)),   j, k != i

    which is supervised contrast (Khosla et al. 2020, eq. 2) with a degree of likeness in place of a class.
    Films that share labels with no other are left out; without any film left the loss is 0.
    """
    unit = F.normalize(features.float(), dim=1)
    everyone = torch.cat([unit, F.normalize(others.float(), dim=1)])
    overlap = label_overlap(labels.float(), torch.cat([labels, other_labels]).float())
    itself = torch.eye(len(unit), len(everyone), dtype=torch.bool, device=unit.device)
    overlap = overlap.masked_fill(itself, 0.0)
    nearness = (unit @ everyone.T / temperature).masked_fill(itself, -torch.inf)
    near = F.log_softmax(nearness, dim=1).masked_fill(itself, 0.0)
    total = overlap.sum(1)
    each = -(overlap * near).sum(1) / total.clamp(min=1e-6)
    return each[total > 0].mean() if bool((total > 0).any()) else 0.0 * each.sum()


class RecentFilms(nn.Module):
    """Features and labels of the last films that were trained on, to be compared with beside the batch.

    They come from weights a few steps older, which does not matter (Wang et al. 2020, cross-batch memory).
    """

    features: Tensor
    labels: Tensor
    count: Tensor

    def __init__(self, dim: int, n_labels: int, size: int) -> None:
        super().__init__()
        self.register_buffer("features", torch.zeros(size, dim))
        self.register_buffer("labels", torch.zeros(size, n_labels))
        self.register_buffer("count", torch.tensor(0))

    def get(self) -> tuple[Tensor, Tensor]:
        """Features float (m, D) and labels float (m, C) of the films seen so far, at most `size`."""
        n = min(int(self.count), len(self.features))
        return self.features[:n], self.labels[:n]

    @torch.no_grad()
    def add(self, features: Tensor, labels: Tensor) -> None:
        """Put a batch in the place of the oldest."""
        size = len(self.features)
        places = (self.count + torch.arange(len(features), device=features.device)) % size
        self.features[places] = features.detach().float()
        self.labels[places] = labels.float()
        self.count += len(features)
