"""KernelSHAP: Lundberg and Lee, "A Unified Approach to Interpreting Model Predictions", 2017, section 4.1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from cxrneighbors.explain.rivals.base import Question, option_error
from cxrneighbors.explain.rivals.captum_library import captum
from cxrneighbors.seeding import seeded


@dataclass(frozen=True)
class KernelSHAP:
    """Shapley values of the segments, a masked segment showing the masking's fill; captum's `KernelShap`.

    captum draws how many segments are kept by the Shapley kernel and fits a least-squares model that meets
    f of the whole film and f of the background. As many masks as there are calls, those two included.
    """

    name: ClassVar[str] = "kernel-shap"
    title: ClassVar[str] = "KernelSHAP"
    random: ClassVar[bool] = True

    def __post_init__(self) -> None:
        captum(self.name)

    def attribute(self, question: Question) -> np.ndarray:
        """Weights float64 (S,)."""
        segments = torch.from_numpy(question.segments.astype(np.int64)).to(question.predictor.device)
        if question.calls < 3:
            raise option_error(self.name, "calls", question.calls, "at least 3")
        method = captum(self.name).KernelShap(lambda images: torch.from_numpy(question.score(images)))
        with seeded(question.seed):
            found = method.attribute(
                question.pixels,
                baselines=question.background,
                feature_mask=segments.expand_as(question.pixels),
                n_samples=question.calls,
                perturbations_per_eval=question.predictor.batches.size,
                return_input_shape=False,
            )
        return np.asarray(found[0].double().cpu().numpy())
