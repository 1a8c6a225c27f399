"""The rivals by name."""

from __future__ import annotations

from cxrneighbors.explain.rivals.base import Rival
from cxrneighbors.explain.rivals.grad_cam import GradCAM
from cxrneighbors.explain.rivals.inpainting import Inpainting
from cxrneighbors.explain.rivals.integrated_gradients import IntegratedGradients
from cxrneighbors.explain.rivals.kernel_shap import KernelSHAP
from cxrneighbors.explain.rivals.latent_shift import LatentShift
from cxrneighbors.explain.rivals.occlusion import Occlusion
from cxrneighbors.explain.rivals.rise import Rise
from cxrneighbors.explain.rivals.score_cam import ScoreCAM
from cxrneighbors.explain.rivals.vae_infill import VAEInfill

RIVALS: dict[str, type[Rival]] = {
    each.name: each
    for each in (
        Rise,
        Occlusion,
        GradCAM,
        ScoreCAM,
        KernelSHAP,
        IntegratedGradients,
        LatentShift,
        Inpainting,
        VAEInfill,
    )
}
