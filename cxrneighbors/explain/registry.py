"""The methods by name."""

from __future__ import annotations

from typing import Any

from cxrneighbors.errors import UserError, choose
from cxrneighbors.explain.alime import ALime
from cxrneighbors.explain.contrast_lime import ContrastLime
from cxrneighbors.explain.dlime import DLime
from cxrneighbors.explain.explainer import Explainer
from cxrneighbors.explain.k_lime import KStarLime
from cxrneighbors.explain.kp_lime import KPLime
from cxrneighbors.explain.lime_image import Lime
from cxrneighbors.explain.predictor import Model, Predictor
from cxrneighbors.explain.published import published_options
from cxrneighbors.explain.sigma_lime import SigmaLime
from cxrneighbors.index.neighbor_index import NeighborIndex

METHODS: dict[str, type[Explainer]] = {
    each.name: each for each in (Lime, KStarLime, SigmaLime, KPLime, DLime, ALime, ContrastLime)
}


def build_explainer(
    name: str,
    model: Model | Predictor,
    index: NeighborIndex | None = None,
    *,
    as_published: str | None = None,
    **options: Any,
) -> Explainer:
    """The explainer called `name` (`METHODS`); options as in `Explainer`, None for a method's own default.

    `as_published`: 'lime' or 'paper' sets what that source says (`published.published_options`); an option
    given beside it must not contradict it. `UserError` for an unknown name or option.
    """
    method = METHODS[choose("method", name, list(METHODS))]
    if as_published is None:
        return method(model, index, **options)
    given = {option: value for option, value in options.items() if value is not None}
    for option in ("masking", "neighbourhood"):
        if option in given:
            raise UserError(f"as_published {as_published!r}: sets {option} itself; give single options")
    settings = published_options(as_published, name)
    for option in given:
        if option in settings and given[option] != settings[option]:
            raise UserError(
                f"as_published {as_published!r}: sets {option} to {settings[option]!r}, not to "
                f"{given[option]!r}; leave one of the two out"
            )
    return method(model, index, **settings | given)
