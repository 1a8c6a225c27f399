"""What a user of the explanation tab asks for, and what it costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cxrneighbors.errors import UserError, choose
from cxrneighbors.explain.registry import METHODS

UPLOAD = "upload:"  # before the token of an uploaded film, where an image_id could stand
LARGEST_K, LARGEST_P = 20, 1000
ABOUT = {
    "contrast-lime": "Masked parts show near films without the finding: what if it were healthy here?",
    "kp-lime": "The film and its K neighbours are each masked P times along the film's segments.",
    "lime": "The film alone, masked P times in grey.",
    "k-lime": "LIME on the film and on each of its K neighbours, side by side.",
    "sigma-lime": "LIME on the K neighbours, added up over the film: where do films like this one show it?",
    "dlime": "Neighbours of the film's cluster and a fixed set of masks: nothing is random.",
    "alime": "LIME that trusts masked films by their distance in the encoder's latent space.",
}


@dataclass(frozen=True)
class Ask:
    """film: an image_id, or `UPLOAD` and a token. target: a label of the classifier. k, masks: K and P."""

    film: str
    target: str
    method: str = "contrast-lime"
    k: int = 5
    masks: int = 100
    segmentation: str = "quickshift"

    def checked(self, labels: tuple[str, ...]) -> Ask:
        """The same; a `UserError` for an unknown target or method and for numbers beyond the limits."""
        if not self.film.strip():
            raise UserError("film: none is chosen; give an image id, or press Explain on a film")
        choose("target", self.target, labels)
        choose("method", self.method, tuple(METHODS))
        choose("segmentation", self.segmentation, ("quickshift", "slic", "felzenszwalb", "lungs"))
        for name, value, most in (("K", self.k, LARGEST_K), ("P", self.masks, LARGEST_P)):
            if not 1 <= value <= most:
                raise UserError(f"{name} {value}: give a number from 1 to {most}")
        return self

    @property
    def options(self) -> dict[str, Any]:
        """Options of `build_explainer`."""
        return {"k": self.k, "n_masks": self.masks, "segmentation": self.segmentation}

    @property
    def films(self) -> int:
        """About how many films the classifier will score; Contrast-LIME's last search may need fewer."""
        k, p = self.k, self.masks
        return {
            "lime": p + 1,
            "alime": p + 1,
            "k-lime": (k + 1) * (p + 1),
            "sigma-lime": k * (p + 1) + 1,
            "contrast-lime": (k + 1) * p + 1,
        }.get(self.method, (k + 1) * p + 1)
