"""Latent Shift: Cohen et al., "Gifsplanation via Latent Shift: A Simple Autoencoder Approach to
Counterfactual Generation for Chest X-rays", MIDL 2021."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from cxrneighbors.explain.rivals.base import Question, option_error
from cxrneighbors.explain.rivals.vae_films import VAEFilms

FRAMES = 10  # of the sweep whose differences make the map
LOW, PIXEL_SHARE = 0.05, 0.05  # where the search stops: score; change of the film's grey values


@dataclass(frozen=True)
class LatentShift:
    """How does the film change where the score of its latent falls? With the index's VAE and its decoder D.

    z_λ = z - λ g, g the gradient of f(D(z)) by z (section 2), brought to length 1. λ grows in steps of `step`
    until the score has fallen by `fall`, is below 0.05 or no longer falls, or the film's grey values have
    changed by 5 % in all: the stops of the authors' program. The map is the mean absolute difference of
    successive frames of a sweep from 0 to λ, their program's usual one; it has no sign. `residual` adds the
    shift to the film itself, x + D(z_λ) - D(z), for VAEs whose pictures are too soft for the classifier.
    """

    name: ClassVar[str] = "latent-shift"
    title: ClassVar[str] = "Latent Shift"
    random: ClassVar[bool] = False

    residual: bool = False
    fall: float = 0.8
    step: float = 0.5

    def __post_init__(self) -> None:
        if not 0 < self.fall < 1:
            raise option_error(self.name, "fall", self.fall, "a share between 0 and 1")
        if self.step <= 0:
            raise option_error(self.name, "step", self.step, "a length above 0")

    def attribute(self, question: Question) -> np.ndarray:
        """Map float (H, W), 0 or more."""
        if question.calls < 5:
            raise option_error(self.name, "calls", question.calls, "at least 5")
        films = question.vae()
        with torch.no_grad():
            start = films.latents(question.pixels)
            residual = question.pixels - films.films(start) if self.residual else torch.zeros(())
        direction = self._direction(question, films, start, residual)

        def shifted(lengths: np.ndarray) -> Tensor:
            along = torch.as_tensor(lengths, dtype=start.dtype, device=start.device)[:, None]
            with torch.no_grad():
                return (films.films(start - along * direction) + residual).clamp(0, 1)

        frames = shifted(np.linspace(0, self._length(question, shifted), FRAMES))
        return np.asarray(frames.diff(dim=0).abs().mean(dim=(0, 1)).double().cpu().numpy())

    def _direction(self, question: Question, films: VAEFilms, start: Tensor, residual: Tensor) -> Tensor:
        """Gradient of the score by the latent, of length 1, or 0 where it vanishes: (1, D)."""
        with torch.enable_grad():
            latent = start.detach().clone().requires_grad_()
            logit = question.logit((films.films(latent) + residual).clamp(0, 1)).sum()
            (gradient,) = torch.autograd.grad(logit, latent)  # that of the score, but for a factor > 0
        unit: Tensor = gradient / gradient.norm().clamp(min=1e-12)
        return unit

    def _length(self, question: Question, shifted: Callable[[np.ndarray], Tensor]) -> float:
        """How far the shift goes."""
        first = shifted(np.zeros(1))
        initial = last = float(question.score(first)[0])
        length = 0.0
        while question.used < question.calls:
            film = shifted(np.array([length + self.step]))
            score = float(question.score(film)[0])
            if score > last:
                break
            length, last = length + self.step, score
            changed = float((film - first).abs().sum() / first.abs().sum().clamp(min=1e-8))
            if score < LOW or initial - score > self.fall or changed > PIXEL_SHARE:
                break
        return length
