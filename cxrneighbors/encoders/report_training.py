"""Adapting a report encoder to a corpus of reports without labels: `train-report-encoder`."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import torch
from torch import Tensor
from torch.utils.data import Dataset

from cxrneighbors.artifact import Kind
from cxrneighbors.data.schema import validate_studies
from cxrneighbors.devices import resolve_device
from cxrneighbors.encoders.base import hash_strings
from cxrneighbors.encoders.report_encoder import (
    FALLBACK_LIMIT,
    PACKAGED,
    ReportEncoder,
    load_network,
)
from cxrneighbors.encoders.report_losses import make_loss
from cxrneighbors.encoders.report_pairs import Pair, delete_words, number_of_batches, training_pairs
from cxrneighbors.hub import less_chatter
from cxrneighbors.progress import say
from cxrneighbors.seeding import seeded
from cxrneighbors.training.batches import EpochBatches, batch_loader, even_sizes
from cxrneighbors.training.fit import CHECKPOINTS, fit
from cxrneighbors.training.module import TrainingModule
from cxrneighbors.training.settings import TrainingSettings, check_rate

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

TRAINING = Kind("report encoder training", 2, "train-report-encoder")
WARMUP = 0.1  # share of the steps over which the learning rate rises
LEARNING_RATES = {"sections": 1e-4, "simcse": 3e-5, "tsdae": 3e-5, "statements": 1e-4}


@dataclass(frozen=True, kw_only=True)
class AdaptSettings(TrainingSettings):
    """What decides the weights that come out; another value is another training.

    `max_tokens`: texts are cut there while training; the encoder keeps its own limit. `learning_rate`: its
    peak, after a linear rise over the first tenth of the steps and before a linear fall to 0.
    """

    objective: str
    learning_rate: float
    max_tokens: int


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
    - 'statements': a sentence lies near another in which the labeler reads the same findings, statuses and
      sides, far from the others of the batch and from its own opposite ("no", the other side): supervision
      by rules, unlike the other objectives.

    `out` holds a sentence-transformers model, history.csv and manifest.json (settings, what it learned from).
    A training that was interrupted goes on behind its last whole epoch and ends with the same weights; one
    that is done is read back. Raises `UserError` for settings out of range, too few reports, a base that
    cannot be loaded, a training that diverges, or when `out` holds something else.
    """
    rate = LEARNING_RATES.get(objective, 0.0) if learning_rate is None else learning_rate
    settings = AdaptSettings(
        epochs=epochs,
        batch_size=batch_size,
        seed=seed,
        objective=objective,
        learning_rate=rate,
        max_tokens=max_tokens,
    )
    pairs = training_pairs(validate_studies(studies), objective)
    settings.check_least(epochs=1, batch_size=2, max_tokens=8)
    check_rate(rate)
    device = resolve_device(device)
    source = ReportEncoder(str(base), device)
    plan = {
        "settings": settings.plan(),
        "base": source.name,
        "base_hash": source.weights_hash(),
        "reports_hash": hash_strings([text for pair in pairs for text in pair]),
    }
    work = TRAINING.begin(out, plan, scratch=(CHECKPOINTS,))
    if work.complete:
        shutil.rmtree(work.folder / CHECKPOINTS, ignore_errors=True)  # of a run killed at its very end
        say(f"{out}: this training is done already; read back")
        return ReportEncoder(str(out), device)
    say(f"{source.name}: adapting to {len(pairs)} reports ({objective})")
    with work.preparing():
        network = load_network(source.model, device)
        with seeded(seed):  # a decoder's cross-attention begins at random
            loss = make_loss(network, source, objective, pairs)
    own_limit = network.max_seq_length
    network.max_seq_length = min(own_limit or FALLBACK_LIMIT, max_tokens)
    sizes = even_sizes(len(pairs), number_of_batches(len(pairs), batch_size))
    loader = batch_loader(Pairs(pairs), EpochBatches(range(len(pairs)), sizes, seed))
    fit(ReportTraining(loss.train(), settings), loader, None, device, work.folder)
    network.max_seq_length = own_limit
    _save(network.eval(), work.folder)
    work.finish()
    shutil.rmtree(work.folder / CHECKPOINTS, ignore_errors=True)
    return ReportEncoder(str(out), device)


@dataclass(frozen=True)
class Pairs(Dataset[list[Pair]]):
    """Pairs (or threes) of texts; an item is a batch."""

    pairs: list[Pair]

    def __getitem__(self, positions: list[int]) -> list[Pair]:
        return [self.pairs[position] for position in positions]


class ReportTraining(TrainingModule):
    """Trains `network`, a loss of `report_losses` that holds the language model."""

    clip = 1.0
    settings: AdaptSettings

    def training_step(self, batch: list[Pair], index: int) -> Tensor:
        """Loss of one batch; for 'tsdae' the first text of each pair is damaged anew."""
        rng = self.seed_step(index)
        if self.settings.objective == "tsdae":
            batch = [(delete_words(text, rng), text) for _, text in batch]
        loss: Tensor = self.network(batch)
        self.note("train", len(batch), loss=loss)
        return loss

    def configure_optimizers(self) -> Any:
        """AdamW with a linear rise and fall of the learning rate."""
        optimizer = torch.optim.AdamW(
            self.network.parameters(), lr=self.settings.learning_rate, weight_decay=0.01
        )
        steps = int(self.trainer.estimated_stepping_batches)
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: learning_rate_at(step, steps, 1.0)
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def _save(network: SentenceTransformer, folder: Path) -> None:
    if (fast := getattr(network.tokenizer, "backend_tokenizer", None)) is not None:
        fast.no_truncation()  # what the last batch asked for is no part of the model
        fast.no_padding()
    with less_chatter(keep_bars=False):
        network.save(str(folder), create_model_card=False)
    for path in folder.rglob("*.safetensors"):
        path.chmod(0o644)  # written for the owner alone, unlike all other files


def learning_rate_at(step: int, n_steps: int, peak: float) -> float:
    """Linear rise over the first tenth of the steps, linear fall to 0 at the end.

    >>> [learning_rate_at(step, 20, 1.0) for step in (0, 1, 11)]
    [0.5, 1.0, 0.5]
    """
    warmup = max(1, int(WARMUP * n_steps))
    if step < warmup:
        return peak * (step + 1) / warmup
    return peak * (n_steps - step) / max(1, n_steps - warmup)
