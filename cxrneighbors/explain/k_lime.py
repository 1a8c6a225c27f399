"""K*LIME: "Modifying LIME for Medical Images", section 3.5.1."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cxrneighbors.explain.explanation import Explanation
from cxrneighbors.explain.films import Film
from cxrneighbors.explain.lime_image import Lime


class KStarLime(Lime):
    """LIME on the target and, for the same label, on each of its K neighbours, to be read side by side.

    Weights, intercept and fidelity are the target's LIME; `parts` holds the neighbours' explanations on their
    own segments, nearest first. Each part is what `Lime` gives for that film with the seed recorded in it
    (`part_seed`). (K + 1)·(P + 1) films are scored.
    """

    name = "k-lime"
    title = "K*LIME"
    uses_neighbours = True

    def explain_film(self, film: Film, target: str) -> Explanation:
        """LIME on the film and on its neighbours."""
        neighbours = self.neighbours(film)
        own = super().explain_film(film, target)
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
        """LIME on each film; the n-th has its own seed, whatever K is."""
        seeds = (part_seed(self.masking.seed, n) for n in range(1, len(films) + 1))
        maskings = (replace(self.masking, seed=seed) for seed in seeds)
        return tuple(
            Lime(self.predictor, masking=masking).explain_film(film, target)
            for masking, film in zip(maskings, films, strict=True)
        )


def part_seed(seed: int, n: int) -> int:
    """Seed in 0 .. 2**32 - 1 of the n-th neighbour's masks, n from 1: other streams than the target's.

    >>> part_seed(0, 1), part_seed(0, 2), part_seed(1, 1)
    (3964924996, 3141116543, 1189033389)
    """
    return int(np.random.SeedSequence([seed, n]).generate_state(1)[0])
