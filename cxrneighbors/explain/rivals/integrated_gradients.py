"""Integrated gradients: Sundararajan, Taly and Yan, "Axiomatic Attribution for Deep Networks", 2017."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from cxrneighbors.errors import choose
from cxrneighbors.explain.rivals.base import BACKWARD, Question, option_error
from cxrneighbors.explain.rivals.captum_library import captum

BASELINES = ("black", "fill")


@dataclass(frozen=True)
class IntegratedGradients:
    """The logit's gradient summed along the straight way from a baseline to the film; captum's.

    (x - x') · ∫ ∂y/∂x (x' + a (x - x')) da, summed over channels: what each pixel adds to the logit
    (section 3). A step is a forward and a backward pass, 3 calls: a third as many steps as calls.
    `baseline`: 'black', the paper's, or 'fill', what the masking puts in a masked segment.
    """

    name: ClassVar[str] = "integrated-gradients"
    title: ClassVar[str] = "Integrated gradients"
    random: ClassVar[bool] = False

    baseline: str = "black"

    def __post_init__(self) -> None:
        choose(f"baseline of method {self.name}", self.baseline, BASELINES)
        captum(self.name)

    def attribute(self, question: Question) -> np.ndarray:
        """Map float (H, W)."""
        steps = question.calls // (1 + BACKWARD)
        if steps < 1:
            raise option_error(self.name, "calls", question.calls, "at least 3")
        film = question.pixels
        baseline = torch.zeros_like(film) if self.baseline == "black" else question.background.clone()
        with torch.enable_grad():
            found = (
                captum(self.name)
                .IntegratedGradients(question.logit)
                .attribute(
                    film,
                    baselines=baseline,
                    n_steps=steps,
                    internal_batch_size=max(1, question.predictor.batches.size // 4),
                )
            )
        return np.asarray(found[0].detach().sum(0).double().cpu().numpy())
