"""Grad-CAM: Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks", 2017, section 3."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from cxrneighbors.explain.rivals.base import Question


@dataclass(frozen=True)
class GradCAM:
    """The last convolutional maps, each weighted by the mean of the logit's gradient there.

    ReLU(Σ_k α_k A_k), α_k = mean over places of ∂y/∂A_k (their equations 1 and 2), enlarged bilinearly.
    One forward and one backward pass: 3 calls, whatever is granted. `relu=false` keeps evidence against.
    """

    name: ClassVar[str] = "grad-cam"
    title: ClassVar[str] = "Grad-CAM"
    random: ClassVar[bool] = False

    relu: bool = True

    def attribute(self, question: Question) -> np.ndarray:
        """Map float (H, W)."""
        maps, gradient = question.last_gradient()
        found = np.tensordot(gradient.mean((1, 2)), maps, axes=1)
        shown = np.maximum(found, 0) if self.relu else found
        return np.asarray(question.enlarged(shown[None])[0])
