"""The training objectives of report encoders: a batch of texts in pairs or threes -> loss, one class each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy, normalize

from cxrneighbors.encoders.report_encoder import ReportEncoder
from cxrneighbors.errors import UserError
from cxrneighbors.hub import less_chatter

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

TEMPERATURE = 0.05  # of cosine similarities, as in SimCSE
AS_NEAR = 1e-4  # difference of the guide's cosine similarities that counts as none
CHUNK = 16  # texts of like length that go through the network together: little padding, little memory
Pair = tuple[str, ...]


def ranking_loss(first: torch.Tensor, second: torch.Tensor, temperature: float = TEMPERATURE) -> torch.Tensor:
    """Cross-entropy of finding each text's partner among the second texts of the batch.

    first, second: (B, D), row i of both one pair. Cosine similarity / temperature (SimCSE, equation 1).
    """
    with _full_precision(first):
        first, second = normalize(first), normalize(second)
        return cross_entropy(first @ second.T / temperature, torch.arange(len(first), device=first.device))


def guided_ranking_loss(
    first: torch.Tensor,
    second: torch.Tensor,
    guide_first: torch.Tensor,
    guide_second: torch.Tensor,
    temperature: float = TEMPERATURE,
) -> torch.Tensor:
    """`ranking_loss` with all other texts of the batch as negatives, save those a guide takes for alike.

    guide_first, guide_second: (B, D'), vectors of the same texts by the guide. A text that the guide puts
    nearer to an anchor (or to its partner) than these two lie to each other is no negative (GISTEmbed,
    Solatorio 2024, section 3); nor, other than there, one as near: "No acute disease." under many reports.
    """
    with _full_precision(first):
        first, second = normalize(first), normalize(second)
        guide_first, guide_second = normalize(guide_first), normalize(guide_second)
        limit = (guide_first * guide_second).sum(1, keepdim=True) - AS_NEAR
        itself = torch.eye(len(first), dtype=torch.bool, device=first.device)
        # (anchors, candidates) by network and guide; the partner is never left out, a text's own copy is.
        blocks = [
            (first @ second.T, (guide_first @ guide_second.T > limit) & ~itself),
            (first @ first.T, (guide_first @ guide_first.T > limit) | itself),
            (second @ second.T, (guide_second @ guide_second.T > limit) | itself),
        ]
        scores = torch.cat([score.masked_fill(out, -torch.inf) for score, out in blocks], dim=1)
        return cross_entropy(scores / temperature, torch.arange(len(first), device=first.device))


def _full_precision(like: torch.Tensor) -> torch.autocast:
    """float32 where close calls are decided, in mixed precision too."""
    return torch.autocast(like.device.type, enabled=False)


class SimCSE(nn.Module):
    """A report lies near itself under another dropout (Gao et al., 2021)."""

    def __init__(self, network: SentenceTransformer) -> None:
        super().__init__()
        self.network = network

    def forward(self, pairs: list[Pair]) -> torch.Tensor:
        """The loss of a batch of B pairs of equal texts."""
        first, second = (embed(self.network, texts) for texts in zip(*pairs, strict=True))
        return ranking_loss(first, second)


class Sections(nn.Module):
    """A report's findings lie near its own impression; the base model guides what counts as a negative.

    `guide`: float32 (T, D') of the T texts `known`, by the model before training.
    """

    def __init__(self, network: SentenceTransformer, known: list[str], guide: np.ndarray) -> None:
        super().__init__()
        self.network = network
        self._row = {text: row for row, text in enumerate(known)}
        self._guide = torch.from_numpy(guide)  # no buffer: it is not trained and in no checkpoint

    def forward(self, pairs: list[Pair]) -> torch.Tensor:
        """The loss of a batch of B pairs of findings and impression."""
        columns = list(zip(*pairs, strict=True))
        vectors = [embed(self.network, texts) for texts in columns]
        guides = [self._guide[[self._row[text] for text in texts]].to(vectors[0].device) for texts in columns]
        return guided_ranking_loss(vectors[0], vectors[1], guides[0], guides[1])


def statement_loss(
    first: torch.Tensor,
    second: torch.Tensor,
    opposite: torch.Tensor,
    same: torch.Tensor,
    temperature: float = TEMPERATURE,
) -> torch.Tensor:
    """`ranking_loss` with a text's own opposite as one more negative.

    first, second, opposite: (B, D); same: bool (B, B), texts that state the same and are no negatives.
    """
    with _full_precision(first):
        first, second, opposite = normalize(first), normalize(second), normalize(opposite)
        itself = torch.eye(len(first), dtype=torch.bool, device=first.device)
        scores = (first @ second.T).masked_fill(same.to(first.device) & ~itself, -torch.inf)
        own = (first * opposite).sum(dim=1, keepdim=True)
        scores = torch.cat([scores, own], dim=1) / temperature
        return cross_entropy(scores, torch.arange(len(first), device=first.device))


class Statements(nn.Module):
    """A sentence lies near another that states the same, far from others and from its own opposite."""

    def __init__(self, network: SentenceTransformer) -> None:
        super().__init__()
        self.network = network

    def forward(self, triples: list[Pair]) -> torch.Tensor:
        """The loss of a batch of B sentences, each with a partner and its opposite."""
        from cxrneighbors.encoders.report_statements import statement_of

        columns = list(zip(*triples, strict=True))
        first, second, opposite = (embed(self.network, texts) for texts in columns)
        said = [statement_of(sentence) for sentence in columns[0]]
        same = torch.tensor([[a == b for b in said] for a in said])
        return statement_loss(first, second, opposite, same)


class TSDAE(nn.Module):
    """A report is rebuilt from the vector of a damaged copy, by a tied decoder (Wang et al., 2021)."""

    def __init__(self, network: SentenceTransformer) -> None:
        super().__init__()
        from sentence_transformers.losses import DenoisingAutoEncoderLoss

        try:
            # The decoder's attention to the vector is new in every model: nothing to warn of.
            with less_chatter(keep_bars=False, warnings=False):
                self.inner = DenoisingAutoEncoderLoss(network, tie_encoder_decoder=True)
        except (ValueError, AssertionError, AttributeError, OSError) as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise UserError(
                f"objective 'tsdae': this base cannot be its own decoder ({reason}); use sections or simcse"
            ) from error
        self.inner.to(network.device)

    def forward(self, pairs: list[Pair]) -> torch.Tensor:
        """The loss of a batch of B pairs of damaged and whole text."""
        columns = [tokens(self.inner.encoder, list(texts)) for texts in zip(*pairs, strict=True)]
        loss: torch.Tensor = self.inner(columns, torch.empty(0))
        return loss


def make_loss(
    network: SentenceTransformer, base: ReportEncoder, objective: str, pairs: list[Pair]
) -> nn.Module:
    """The loss module of an objective; its parameters are those of `network` (and of TSDAE's decoder)."""
    if objective == "simcse":
        return SimCSE(network)
    if objective == "tsdae":
        return TSDAE(network)
    if objective == "statements":
        return Statements(network)
    known = list(dict.fromkeys(text for pair in pairs for text in pair))
    return Sections(network, known, base.encode(known))


def embed(network: SentenceTransformer, texts: tuple[str, ...]) -> torch.Tensor:
    """Vectors float32 (B, D) of texts by a SentenceTransformer, with gradients; like lengths go together."""
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    parts = [order[start : start + CHUNK] for start in range(0, len(order), CHUNK)]
    outputs = [network(tokens(network, [texts[i] for i in part])) for part in parts]
    vectors = torch.cat([output["sentence_embedding"].float() for output in outputs])
    return vectors[torch.tensor(np.argsort(order), device=vectors.device)]


def tokens(network: SentenceTransformer, texts: list[str]) -> dict[str, Any]:
    """What the network's tokenizer makes of texts, on the network's device."""
    # Since sentence-transformers 5.4 `tokenize` goes by the name `preprocess`.
    tokenize = getattr(network, "preprocess", None) or network.tokenize
    return {
        name: value.to(network.device) if torch.is_tensor(value) else value
        for name, value in tokenize(texts).items()
    }
