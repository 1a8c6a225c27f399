"""Settings as published: those of the `lime` package, and those of "Modifying LIME for Medical Images".

What a source leaves open keeps this package's default. `docs/explanations.md` lists where a method departs
from its paper beyond its settings.
"""

from __future__ import annotations

from typing import Any

from cxrneighbors.errors import UserError, choose

SOURCES = ("lime", "paper")

# lime.lime_image.LimeImageExplainer and its explain_instance: 1,000 samples of which the first is unmasked,
# hide_color None (each segment's mean), kernel width 0.25 on cosine distances, feature_selection 'auto',
# num_features 100000, quickshift with kernel_size 4, max_dist 200, ratio 0.2 (`segments.OPTIONS`), ridge 1.
LIME: dict[str, Any] = {
    "n_masks": 999,
    "segmentation": "quickshift",
    "fill": "mean",
    "kernel_width": 0.25,
    "alpha": 1.0,
    "num_features": 100_000,
    "feature_selection": "auto",
}

# Section 1: segments are masked by "a default color like grey". 3.3: the K nearest of all images by Euclidean
# distance in latent space; none is left out for its patient. 4.2: K = 5. All else "as per the usual LIME".
_NEIGHBOURS: dict[str, Any] = {
    "k": 5,
    "policy": "nearest",
    "modality": "image",
    "include_same_patient": True,
    "one_per": "image",
}
_USUAL: dict[str, Any] = LIME | {"fill": "grey"}

# Section 3.5.1 and 3.5.2 train "traditional" LIMEs; 3.5.3 and 4.2: P = 100 masks of each film for KP-LIME.
PAPER: dict[str, dict[str, Any]] = {
    "lime": _USUAL,
    "k-lime": _USUAL | _NEIGHBOURS,
    "sigma-lime": _USUAL | _NEIGHBOURS,
    "kp-lime": _USUAL | _NEIGHBOURS | {"n_masks": 100},
}


def published_options(source: str, method: str) -> dict[str, Any]:
    """Options of `build_explainer` by name for `method` as `source` has it.

    `source`: 'lime', the defaults of the `lime` package, for any method that masks segments; 'paper', what
    "Modifying LIME for Medical Images" says of the four methods that it tries. `UserError` for another.

    >>> published_options("paper", "kp-lime")["n_masks"], published_options("lime", "lime")["fill"]
    (100, 'mean')
    """
    choose("source of published settings", source, SOURCES)
    if source == "lime":
        return dict(LIME)
    if method not in PAPER:
        raise UserError(
            f"as published in the paper: it has no settings for method {method!r}, "
            f"only for {', '.join(PAPER)}; leave it out, or use 'lime'"
        )
    return dict(PAPER[method])
