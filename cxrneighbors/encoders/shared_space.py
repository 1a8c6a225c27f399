"""One space for films and reports: a linear head over each, trained to bring a film to its own report.

Contrastive learning over frozen vectors (CLIP: Radford et al. 2021, figure 3; heads alone: LiT, Zhai et al.
2022). Films of one study share a report, so each of them is a right answer for it.
"""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cxrneighbors.encoders.base import is_image_encoder
from cxrneighbors.encoders.projected import Head, ProjectedImageEncoder, ProjectedReportEncoder
from cxrneighbors.encoders.store import Embeddings
from cxrneighbors.errors import UserError
from cxrneighbors.models import hash_tensors
from cxrneighbors.progress import say, track
from cxrneighbors.seeding import seeded

if TYPE_CHECKING:
    from torch import Tensor

SHARED_SPACE = "shared_space"  # in the manifest: the hash of both heads
DIM = 64
EPOCHS = 200
BATCH = 512
LEARNING_RATE = 1e-3
WEIGHT_DECAY = 0.1
TEMPERATURE = 0.1  # of cosine similarities
LEAST_PAIRS = 20


def share_space(embeddings: Embeddings, studies: pd.DataFrame, dim: int = DIM, seed: int = 0) -> Embeddings:
    """Both modalities' vectors in one space of `dim` dimensions, with encoders that end there.

    The heads learn from the films of split 'train' (all films if there are none) that have both vectors; of
    the epochs, the one with the lowest loss on split 'val' is kept, the last where 'val' has too few. Raises
    `UserError` for fewer than `LEAST_PAIRS` films.
    """
    both = sorted(set.intersection(*(set(embeddings.ids.get(name, ())) for name in ("image", "report"))))
    films = studies.set_index("image_id").loc[both]
    split = films["split"].to_numpy()
    train = split == "train" if (split == "train").any() else np.ones(len(films), dtype=bool)
    if train.sum() < LEAST_PAIRS:
        raise UserError(
            f"shared space: {int(train.sum())} films with image and report to learn from, {LEAST_PAIRS} are "
            "needed; index without it"
        )
    pairs = {name: _rows(embeddings, name, both) for name in ("image", "report")}
    same = films.groupby(["dataset", "patient_id", "study_id"], sort=False).ngroup().to_numpy()
    say(f"shared space: learning from {int(train.sum())} films and their reports")
    image, report = fit_heads(pairs["image"], pairs["report"], same, train, split == "val", dim, seed)
    return project(embeddings, image, report)


def project(embeddings: Embeddings, image: Head, report: Head) -> Embeddings:
    """The embeddings after both heads, and their encoders with them."""
    heads = {"image": image, "report": report}
    space = hash_tensors(
        {f"{name}.{part}": getattr(head, part) for name, head in heads.items() for part in ("mean", "weight")}
    )
    vectors = {name: heads[name](values) for name, values in embeddings.vectors.items()}
    manifest = deepcopy(embeddings.manifest) | {SHARED_SPACE: space}
    shared = Embeddings(dict(embeddings.ids), vectors, manifest)
    for name, head in heads.items():
        if name not in vectors:
            continue
        entry = manifest["modalities"][name]
        entry["dim"] = head.weight.shape[1]
        if embeddings.folder is None and name not in embeddings.encoders:
            continue  # given as arrays
        base = embeddings.encoder(name)
        encoder = shared.encoders[name] = (
            ProjectedImageEncoder(base, head, space)
            if is_image_encoder(base)
            else ProjectedReportEncoder(base, head, space)
        )
        entry |= {"encoder": encoder.name, "config": encoder.config(), "weights_hash": encoder.weights_hash()}
    return shared


def fit_heads(
    image: np.ndarray,
    report: np.ndarray,
    studies: np.ndarray,
    train: np.ndarray,
    val: np.ndarray,
    dim: int,
    seed: int,
) -> tuple[Head, Head]:
    """Heads for image (N, D) and report (N, D') vectors; row i of both one film and its report.

    `studies`: int (N,), the study of each film; `train`, `val`: bool (N,).
    """
    import torch

    scaled, finished = zip(*(_standardised(values, train) for values in (image, report)), strict=True)
    sides = [torch.from_numpy(values) for values in scaled]
    same, rng = torch.tensor(studies), np.random.default_rng(seed)
    with seeded(seed):
        heads = torch.nn.ModuleList(torch.nn.Linear(side.shape[1], dim, bias=False) for side in sides)
    optimizer = torch.optim.AdamW(heads.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)

    def loss_of(rows: np.ndarray) -> Tensor:
        first, second = (head(side[rows]) for head, side in zip(heads, sides, strict=True))
        return study_contrastive_loss(first, second, same[rows])

    lowest, best = np.inf, deepcopy(heads.state_dict())
    learned, held_out = np.flatnonzero(train), np.flatnonzero(val)
    for _ in track(range(EPOCHS), "shared space"):
        order = rng.permutation(learned)
        for rows in np.array_split(order, -(-len(order) // BATCH)):
            optimizer.zero_grad()
            loss_of(rows).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        with torch.no_grad():
            now = float(loss_of(held_out)) if len(held_out) >= LEAST_PAIRS else -np.inf
        if now <= lowest:
            lowest, best = now, deepcopy(heads.state_dict())
    weights = [best[f"{number}.weight"].numpy().T for number in range(2)]
    first, second = (
        Head(mean, np.ascontiguousarray(weight / scale, dtype=np.float32))
        for (mean, scale), weight in zip(finished, weights, strict=True)
    )
    return first, second


def study_contrastive_loss(first: Tensor, second: Tensor, studies: Tensor) -> Tensor:
    """InfoNCE in both directions: first, second (B, d), row i of both one film; studies int (B,).

    Cross-entropy between the softmax over cosine similarity / `TEMPERATURE` and equal shares for all films of
    the same study (the 'out' loss of Khosla et al. 2020, equation 2, across the two modalities).
    """
    from torch.nn.functional import normalize

    logits = normalize(first) @ normalize(second).T / TEMPERATURE
    right = (studies[:, None] == studies[None]).to(logits.dtype)
    share = right / right.sum(1, keepdim=True)
    there, back = ((share * side.log_softmax(1)).sum(1).mean() for side in (logits, logits.T))
    return -(there + back) / 2


def _standardised(values: np.ndarray, train: np.ndarray) -> tuple[np.ndarray, tuple[np.ndarray, float]]:
    """Centred, and of root mean square length sqrt(D), on the training rows; and that mean and scale."""
    mean = values[train].mean(axis=0).astype(np.float32)
    scale = float(np.sqrt(np.square(values[train] - mean).mean())) or 1.0
    return ((values - mean) / scale).astype(np.float32), (mean, scale)


def _rows(embeddings: Embeddings, name: str, ids: list[str]) -> np.ndarray:
    row_of = pd.Series(np.arange(len(embeddings.ids[name])), index=embeddings.ids[name])
    return np.asarray(embeddings.vectors[name][row_of[ids].to_numpy()])
