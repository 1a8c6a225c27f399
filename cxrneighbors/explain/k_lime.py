"""K*LIME: "Modifying LIME for Medical Images", section 3.5.1."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import numpy as np

from cxrneighbors.explain.explanation import Explanation
from cxrneighbors.explain.films import Film, ImageLike
from cxrneighbors.explain.lime_image import Lime


class KStarLime(Lime):
    """LIME on the target and, for the same label, on each of its K neighbours, to be read side by side.

    Weights, intercept and fidelity are the target's LIME; `parts` holds the neighbours' explanations on their
    own segments, nearest first. (K + 1)·(P + 1) films are scored.
    """

    name = "k-lime"
    title = "K*LIME"
    uses_neighbours: ClassVar[bool] = True

    def explain(self, image: ImageLike, target: str, patient_id: str | None = None) -> Explanation:
        """LIME on the film and on its neighbours."""
        self.predictor.column(target)
        film = self.reader.read(image, patient_id)
        neighbours = self.neighbours(film)
        own = self.lime(film, target, np.random.default_rng(self.seed))
        parts = self.explain_each(neighbours.films, target)
        calls = sum(part.settings["classifier_calls"] for part in (own, *parts))
        return replace(
            own,
            neighbours=neighbours.table,
            neighbour_images=neighbours.pixels(),
            parts=parts,
            settings={**own.settings, "classifier_calls": calls},
        )

    def explain_each(self, films: tuple[Film, ...], target: str) -> tuple[Explanation, ...]:
        """LIME on each film; the n-th has its own random stream, whatever K is."""
        return tuple(
            replace(self.lime(film, target, np.random.default_rng([self.masking.seed, n])), method="lime")
            for n, film in enumerate(films, start=1)
        )
