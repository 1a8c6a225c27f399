"""Adapting a report encoder to a corpus of reports without labels: `train-report-encoder`."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from cxrneighbors.data.schema import validate_studies
from cxrneighbors.devices import resolve_device
from cxrneighbors.encoders.base import hash_strings
from cxrneighbors.encoders.report_checkpoint import (
    Progress,
    finish,
    read_progress,
    save_progress,
    start_or_continue,
)
from cxrneighbors.encoders.report_encoder import FALLBACK_LIMIT, PACKAGED, ReportEncoder, load_network
from cxrneighbors.encoders.report_losses import make_loss
from cxrneighbors.encoders.report_pairs import Pair, epoch_batches, number_of_batches, training_pairs
from cxrneighbors.errors import UserError
from cxrneighbors.progress import say, track

WARMUP = 0.1  # share of the steps over which the learning rate rises
LEARNING_RATES = {"sections": 1e-4, "simcse": 3e-5, "tsdae": 3e-5}


@dataclass(frozen=True)
class AdaptSettings:
    """What decides the weights that come out; another value is another training.

    `max_tokens`: texts are cut there while training; the encoder keeps its own limit. `learning_rate`: its
    peak, after a linear rise over the first tenth of the steps and before a linear fall to 0.
    """

    objective: str
    epochs: int
    batch_size: int
    learning_rate: float
    max_tokens: int
    seed: int


def train_report_encoder(
    studies: pd.DataFrame,
    base: str | Path = PACKAGED,
    out: str | Path = "report-encoder",
    objective: str = "sections",
    epochs: int = 2,
    batch_size: int = 64,
    learning_rate: float | None = None,
    max_tokens: int = 128,
    seed: int = 0,
    device: str = "auto",
) -> ReportEncoder:
    """Adapt `base` to the reports of the rows with split 'train' and save it as a model folder `out`.

    `base`: what `ReportEncoder` takes. `objective`:

    - 'sections': a report's findings lie near its own impression and far from those of the other reports
      of the batch, save for those that `base` takes for nearer than the own one (GISTEmbed, Solatorio 2024):
      among radiology reports most such "negatives" say the same thing in other words.
    - 'simcse': a report lies near itself under another dropout (SimCSE, Gao et al. 2021).
    - 'tsdae': a report is rebuilt from the vector of a copy with words deleted (TSDAE, Wang et al. 2021).

    `out` holds a sentence-transformers model and training.json (settings, loss of each epoch). A training
    that was interrupted goes on behind its last whole epoch and ends with the same weights; one that is done
    is read back. Raises `UserError` for settings out of range, too few reports, a base that cannot be
    loaded, or when `out` holds something else.
    """
    rate = LEARNING_RATES.get(objective, 0.0) if learning_rate is None else learning_rate
    settings = AdaptSettings(objective, epochs, batch_size, rate, max_tokens, seed)
    pairs = training_pairs(validate_studies(studies), objective)
    _check(settings)
    device = resolve_device(device)
    source = ReportEncoder(str(base), device)
    plan = {
        **asdict(settings),
        "base": source.name,
        "base_hash": source.weights_hash(),
        "reports_hash": hash_strings([text for pair in pairs for text in pair]),
    }
    folder = Path(out)
    if start_or_continue(folder, plan):
        say(f"{folder}: this training is done already; read back")
        return ReportEncoder(str(folder), device)
    say(f"{source.name}: adapting to {len(pairs)} reports ({objective})")
    network = load_network(source.model, device)
    history = adapt(network, source, pairs, settings, folder)
    finish(folder, plan, network, history)
    return ReportEncoder(str(folder), device)


def adapt(
    network: Any, source: ReportEncoder, pairs: list[Pair], settings: AdaptSettings, folder: Path
) -> list[dict[str, float]]:
    """Train `network` (a SentenceTransformer) in place, a checkpoint after each epoch; return the history."""
    own_limit = network.max_seq_length
    network.max_seq_length = min(own_limit or FALLBACK_LIMIT, settings.max_tokens)
    with torch.random.fork_rng(_cuda_devices(network.device)):
        torch.manual_seed(settings.seed)  # a decoder's cross-attention begins at random
        loss = make_loss(network, source, settings.objective, pairs)
    optimiser = torch.optim.AdamW(loss.parameters(), lr=settings.learning_rate, weight_decay=0.01)
    progress = read_progress(folder, loss, optimiser, network.device) or Progress(0, [])
    for epoch in range(progress.epoch, settings.epochs):
        # Drawn from (seed, epoch): a continued training draws what an uninterrupted one does.
        rng = np.random.default_rng([settings.seed, epoch])
        with torch.random.fork_rng(_cuda_devices(network.device)):
            torch.manual_seed(int(rng.integers(2**62)))
            mean = _epoch(loss, optimiser, pairs, settings, epoch, rng)
        say(f"epoch {epoch + 1} of {settings.epochs}: loss {mean:.4f}")
        progress = Progress(epoch + 1, [*progress.history, {"epoch": epoch + 1, "loss": round(mean, 6)}])
        save_progress(folder, progress, loss, optimiser)
    network.max_seq_length = own_limit
    network.eval()
    return progress.history


def learning_rate_at(step: int, n_steps: int, peak: float) -> float:
    """Linear rise over the first tenth of the steps, linear fall to 0 at the end.

    >>> [learning_rate_at(step, 20, 1.0) for step in (0, 1, 11)]
    [0.5, 1.0, 0.5]
    """
    warmup = max(1, int(WARMUP * n_steps))
    if step < warmup:
        return peak * (step + 1) / warmup
    return peak * (n_steps - step) / max(1, n_steps - warmup)


def _epoch(
    loss: torch.nn.Module,
    optimiser: torch.optim.Optimizer,
    pairs: list[Pair],
    settings: AdaptSettings,
    epoch: int,
    rng: np.random.Generator,
) -> float:
    """One pass over the pairs: the mean loss of its batches."""
    n_batches = number_of_batches(len(pairs), settings.batch_size)
    batches = epoch_batches(pairs, settings.objective, settings.batch_size, rng)
    loss.train()
    total = 0.0
    for i, batch in enumerate(track(batches, f"epoch {epoch + 1} of {settings.epochs}", n_batches)):
        rate = learning_rate_at(epoch * n_batches + i, settings.epochs * n_batches, settings.learning_rate)
        for group in optimiser.param_groups:
            group["lr"] = rate
        value = _batch_loss(loss, batch)
        optimiser.zero_grad(set_to_none=True)
        value.backward()
        torch.nn.utils.clip_grad_norm_(optimiser.param_groups[0]["params"], 1.0)
        optimiser.step()
        total += float(value.detach())
    return total / n_batches


def _batch_loss(loss: torch.nn.Module, batch: list[Pair]) -> torch.Tensor:
    value: torch.Tensor = loss(batch)
    if not torch.isfinite(value):
        raise UserError("the training diverged (its loss is not finite); use a smaller learning rate")
    return value


def _cuda_devices(device: torch.device) -> list[int]:
    return [device.index or 0] if device.type == "cuda" else []


def _check(settings: AdaptSettings) -> None:
    for name, least in (("epochs", 1), ("batch_size", 2), ("max_tokens", 8), ("learning_rate", 0)):
        value = getattr(settings, name)
        if value < least or (name == "learning_rate" and value == 0):
            bound = f"at least {least}" if least else "above 0"
            raise UserError(f"{name.replace('_', ' ')} {value}: must be {bound}; give another value")
