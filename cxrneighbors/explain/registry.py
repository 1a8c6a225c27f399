"""The methods by name."""

from __future__ import annotations

from typing import Any

from cxrneighbors.errors import choose
from cxrneighbors.explain.alime import ALime
from cxrneighbors.explain.contrast_lime import ContrastLime
from cxrneighbors.explain.dlime import DLime
from cxrneighbors.explain.explainer import Explainer
from cxrneighbors.explain.k_lime import KStarLime
from cxrneighbors.explain.kp_lime import KPLime
from cxrneighbors.explain.lime_image import Lime
from cxrneighbors.explain.predictor import Model, Predictor
from cxrneighbors.explain.sigma_lime import SigmaLime
from cxrneighbors.index.neighbor_index import NeighborIndex

METHODS: dict[str, type[Explainer]] = {
    each.name: each for each in (Lime, KStarLime, SigmaLime, KPLime, DLime, ALime, ContrastLime)
}


def build_explainer(
    name: str, model: Model | Predictor, index: NeighborIndex | None = None, **options: Any
) -> Explainer:
    """The explainer called `name` (`METHODS`); options as in `Explainer`, None for a method's own default.

    `UserError` for an unknown name or option.
    """
    return METHODS[choose("method", name, list(METHODS))](model, index, **options)
