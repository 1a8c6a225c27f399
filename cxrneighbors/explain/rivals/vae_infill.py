"""Latent-space infill: masked segments show what a VAE makes of the film without them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from cxrneighbors.explain.masks import draw_masks
from cxrneighbors.explain.rivals.base import Question
from cxrneighbors.explain.surrogate import cosine_distance, fit_surrogate, locality


@dataclass(frozen=True)
class VAEInfill:
    """LIME whose masked segments show the VAE's picture of the masked film.

    The film is masked with the masking's fill, encoded and decoded by the index's VAE, and the masked
    segments take the decoded pixels: a film without holes, as the generative infills of Chang et al.
    ("Explaining Image Classifiers by Counterfactual Generation", 2019), whose generator is a VAE in one of
    their comparisons. LIME's masks, kernel and surrogate; passes of the VAE are no classifier calls.
    """

    name: ClassVar[str] = "vae-infill"
    title: ClassVar[str] = "VAE infill"
    random: ClassVar[bool] = True

    def attribute(self, question: Question) -> np.ndarray:
        """Weights float64 (S,): as many masks as there are calls, and the film itself."""
        masks = draw_masks(question.calls, question.n_segments, np.random.default_rng(question.seed))
        scores = np.concatenate([self._scores(question, part) for part in _parts(masks, 32)])
        x = np.concatenate([np.ones_like(masks[:1]), masks])
        y = np.concatenate([[question.prediction], scores])
        weights = locality(cosine_distance(x), question.masking.kernel_width)
        return fit_surrogate(x, y, weights, question.masking.alpha).coefficients

    def _scores(self, question: Question, masks: np.ndarray) -> np.ndarray:
        """Scores of films infilled where masks (N, S) are 0: float64 (N,)."""
        vae, film = question.vae(), question.pixels
        segments = torch.from_numpy(question.segments.astype(np.int64)).to(film.device)
        kept = torch.from_numpy(masks.astype(bool)).to(film.device)[:, segments].unsqueeze(1)
        with torch.no_grad():
            masked = torch.where(kept, film, question.background)
            return question.score(torch.where(kept, film, vae.films(vae.latents(masked))))


def _parts(masks: np.ndarray, size: int) -> list[np.ndarray]:
    return [masks[start : start + size] for start in range(0, len(masks), size)]
