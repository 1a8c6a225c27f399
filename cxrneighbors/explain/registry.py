"""The methods by name."""

from __future__ import annotations

import inspect
from typing import Any

from cxrneighbors.errors import choose
from cxrneighbors.explain.alime import ALime
from cxrneighbors.explain.dlime import DLime
from cxrneighbors.explain.explainer import Explainer
from cxrneighbors.explain.k_lime import KStarLime
from cxrneighbors.explain.kp_lime import KPLime
from cxrneighbors.explain.lime_image import Lime
from cxrneighbors.explain.sigma_lime import SigmaLime

METHODS: dict[str, type[Explainer]] = {
    "lime": Lime,
    "k-lime": KStarLime,
    "sigma-lime": SigmaLime,
    "kp-lime": KPLime,
    "dlime": DLime,
    "alime": ALime,
}


def build_explainer(name: str, model: Any, index: Any = None, **options: Any) -> Explainer:
    """The explainer called `name` (`METHODS`); options that are None keep the method's own default.

    A `policy` of None is 'nearest', and 'cluster' for DLIME. `UserError` for an unknown name or option.
    """
    cls = METHODS[choose("method", name, list(METHODS))]
    known = [*inspect.signature(Explainer).parameters, *inspect.signature(cls).parameters]
    for option in options:
        choose(f"option of method {name}", option, [p for p in dict.fromkeys(known) if p not in _HIDDEN])
    return cls(model, index, **{key: value for key, value in options.items() if value is not None})


_HIDDEN = ("model", "index", "args", "options")
