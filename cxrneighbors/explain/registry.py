"""The methods by name, and the rivals beside them."""

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
from cxrneighbors.explain.masking import Masking
from cxrneighbors.explain.neighbours import Neighbourhood
from cxrneighbors.explain.predictor import Model, Predictor
from cxrneighbors.explain.published import published_options
from cxrneighbors.explain.rivals.explainer import RivalExplainer, rival_options
from cxrneighbors.explain.rivals.registry import RIVALS
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
    """The explainer called `name` (`METHODS`, `RIVALS`); options as in `Explainer`, None for its default.

    A rival takes its own options besides, and is granted `n_masks` classifier calls, by default as many as
    KP-LIME takes.

    `as_published`: 'lime' or 'paper' sets what that source says (`published.published_options`); an option
    given beside it must not contradict it. `UserError` for an unknown name or option.
    """
    choose("method", name, [*METHODS, *RIVALS])
    if name not in METHODS:
        if as_published is not None:
            raise UserError(f"as published: method {name!r} is no kin of LIME; leave it out")
        return _rival(name, model, index, options)
    method = METHODS[name]
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


def _rival(
    name: str, model: Model | Predictor, index: NeighborIndex | None, options: dict[str, Any]
) -> RivalExplainer:
    """The rival called `name`; (K + 1) · P calls where they are not given."""
    given = {option: value for option, value in options.items() if value is not None}
    own = {option: given.pop(option) for option in rival_options(RIVALS[name]) if option in given}
    if not given.keys() & {"n_masks", "masking"}:
        given["n_masks"] = (given.get("k", Neighbourhood.k) + 1) * Masking.n_masks
    return RivalExplainer(RIVALS[name](**own), model, index, **given)
