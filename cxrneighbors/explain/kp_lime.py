"""KP-LIME: "Modifying LIME for Medical Images", section 3.5.3."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cxrneighbors.explain.certificate import fit_rounds
from cxrneighbors.explain.explainer import Explainer
from cxrneighbors.explain.explanation import Explanation
from cxrneighbors.explain.films import Film
from cxrneighbors.explain.masks import random_rounds
from cxrneighbors.explain.perturb import FILLS
from cxrneighbors.explain.sampling import MaskDesign, sample_rounds


class KPLime(Explainer):
    """The target's segments, masked P times each on the target and on its K neighbours.

    One surrogate on the (K + 1)·P masked films and the unmasked target. As in the paper a feature is 1 where
    the segment is masked; the reported weights are those of "kept" (`Surrogate.flipped`), so that positive
    supports the target. Closeness is LIME's, by the share of segments kept, for films of every source.

    `fill='grey'` (the paper's; or 'mean', 'blur') masks segments of each source film itself.
    `fill='neighbour'` keeps the target's other segments and puts the neighbour's own pixels into the masked
    ones: no grey anywhere. The target's own P masks then take the K neighbours in turn.
    """

    name = "kp-lime"
    title = "KP-LIME"
    fills = FILLS
    rounds = staticmethod(random_rounds)

    def explain_film(self, film: Film, target: str) -> Explanation:
        """One surrogate on masked films of the target and of its neighbours."""
        neighbours, masking = self.neighbours(film), self.masking
        segments = self.segments(film)
        sources = np.concatenate([film.pixels[None], neighbours.pixels()])  # (K + 1, C, H, W), target first
        n_sources, rng = len(sources), np.random.default_rng(self.seed)
        rounds = self.rounds(n_sources, masking.n_masks, int(segments.max()) + 1, rng)
        design = MaskDesign(sources, segments, rounds, n_sources, masking.fill, ones_are_masked=True)
        samples = sample_rounds(self.predictor, target, design, self.locality)
        kernel, rule = self.locality.weights, masking.stability
        fit = fit_rounds(samples, kernel, masking.alpha, rule, self.seed or 0, masking.selection)
        n_rounds = 1 if fit.certificate is None else fit.certificate.rounds
        drawn = {"n_masks": (fit.n_scored - 1) // n_sources // n_rounds}  # a fixed design has its own number
        fit = replace(fit, surrogate=fit.surrogate.flipped())
        return self.result(film, target, segments, fit, neighbours, settings=drawn)
