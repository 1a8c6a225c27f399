"""Contrast-LIME: what if it were healthy here? Masked segments show near films without the finding."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from cxrneighbors.errors import UserError, choose
from cxrneighbors.explain.alignment import Aligner, Alignment
from cxrneighbors.explain.contrast_fits import ContrastFitter, SegmentContrast, SoftMaskContrast
from cxrneighbors.explain.counterfactual import Counterfactual, smallest_flip
from cxrneighbors.explain.donors import DonorRule, FoundDonors, find_donors
from cxrneighbors.explain.explainer import Explainer
from cxrneighbors.explain.explanation import Explanation
from cxrneighbors.explain.films import CachingReader, Film
from cxrneighbors.explain.perturb import FILLS, MaskedFilms
from cxrneighbors.explain.predictor import Model, Predictor
from cxrneighbors.index.neighbor_index import NeighborIndex

DESIGNS, LINKS = ("balanced", "random", "soft"), ("logit", "identity")


class ContrastLime(Explainer):
    """LIME whose masked segments show the same place of near films without the target finding.

    Grey is no film, so a score of a greyed film says little of the film. K donors, films that the index finds
    near the target among those without the finding (`DonorRule`: `donors`, `same_view`), are laid on it
    (`Alignment`: `registration`, `intensity`). A masked film shows one donor in all its masked segments, the
    donors in turn, or, with `mixed`, a donor drawn for each segment; `feather`: see `MaskedFilms`. One
    surrogate is fitted to the unmasked target and at most (K + 1)·P masked films of it, so that `n_masks` P
    costs what it does for KP-LIME: (K + 1)·P + 1 films scored at most. `fill` has no meaning here.

    The surrogate is LIME's but for two things. `link`: 'logit', it is fitted to the log odds of the score
    (cut at 1/1000 and 999/1000), in which what segments add does not fade as the score nears 0 or 1; scores
    outside [0, 1], and all with 'identity', are taken as they are. And every donor has an intercept of its
    own: whole donors differ in score, which is no segment's doing. `design`: 'balanced', whole Hadamard
    designs with fold-over (`masks.balanced_rounds`), in which nothing is random, or LIME's 'random' masks.
    'soft': no surrogate on segments; RISE's soft masks of `grid` x `grid` cells and their complements, and at
    each place the slope of the linked score on the mask (`soft_contrast`). A segment's weight is the mean of
    that map, there is no fidelity, and `mixed`, `feather`, `stability` and `num_features` have no meaning.

    `mirror`: donors *with* the finding, put into a film without it: where would it appear, and why not here?
    A weight is still positive where the segment as it is supports the target, so segments in which the
    donors' look would raise the score are negative.

    `detail`: the heat map lays a segment's weight out over its pixels by how far each is from the donors'
    (`detail_map`): a pixel that donors share is no evidence. Not usual with soft masks, whose map is finer
    than segments.

    The donors' own weights (`Explanation.donor_weights`), each a surrogate on the films that show it, tell
    how far the donors agree (not with `mixed`, where no film shows one donor alone).

    `counterfactual`: find the smallest set of segments that brings the score across `threshold`
    (`counterfactual.smallest_flip`), by at most 12·K + 11 further films. These, and films that rule
    'classifier' scores to find donors, count in `classifier_calls` too.
    """

    name = "contrast-lime"
    title = "Contrast-LIME"
    fills = FILLS
    own_options = (
        "donors",
        "mirror",
        "same_view",
        "registration",
        "intensity",
        "feather",
        "mixed",
        "design",
        "link",
        "grid",
        "detail",
        "counterfactual",
        "threshold",
    )

    def __init__(
        self,
        model: Model | Predictor,
        index: NeighborIndex | None = None,
        *,
        donors: str = "label",
        mirror: bool = False,
        same_view: bool = True,
        registration: str = "none",
        intensity: str = "none",
        feather: float = 0.0,
        mixed: bool = False,
        design: str = "balanced",
        link: str = "logit",
        grid: int = 11,
        detail: bool | None = None,
        counterfactual: bool = True,
        threshold: float = 0.5,
        **options: Any,
    ) -> None:
        super().__init__(model, index, **options)
        self.rule = DonorRule(donors, mirror, same_view)
        self.alignment = Alignment(registration, intensity)
        self.feather, self.mixed = feather, mixed
        self.design, self.link = choose("design", design, DESIGNS), choose("link", link, LINKS)
        self.detail = design != "soft" if detail is None else detail
        self.grid = grid
        self._check_soft()
        self.counterfactual, self.threshold = counterfactual, threshold
        self.reader = CachingReader(self.reader.studies, self.reader.size, self.reader.aspect)
        self.aligner = Aligner(self.alignment, self.masking.segments.lungs)

    @property
    def seed(self) -> int | None:
        """Seed of the masks; None with balanced masks, where nothing is random unless donors are mixed."""
        fixed = self.design == "balanced" and not self.mixed
        return None if fixed else self.masking.seed

    def explain_film(self, film: Film, target: str) -> Explanation:
        """One surrogate on films of the target that show its donors in masked segments."""
        found = self.donors(film, target)
        segments = self.segments(film)
        sources = np.concatenate([film.pixels[None], self.aligner(found.films.pixels(), film.pixels)])
        contrast = self.fitter()(target, sources, segments)
        fit, weights = contrast.fit, contrast.fit.surrogate.coefficients
        flip = self.flip(sources, segments, target, weights, fit.prediction)
        settings: dict[str, Any] = {"where": found.where, "donor_calls": found.calls}
        settings["classifier_calls"] = fit.n_scored + found.calls
        more = {"donor_weights": contrast.donor_weights, "pixel_map": contrast.pixel_map}
        if flip is not None:
            settings["counterfactual"] = flip.settings(list(found.films.table["neighbor_id"]), self.threshold)
            settings["classifier_calls"] += flip.calls
            masks, shown = flip.mask(len(weights))[None], np.array([1 + flip.donor])
            films = self.composed(sources, segments, masks, shown)
            more["counterfactual"] = next(self.predictor.batches.of(films))[0].cpu().numpy()
        return self.result(film, target, segments, fit, found.films, settings=settings, **more)

    def fitter(self) -> ContrastFitter:
        """What weighs the segments, by `design`."""
        if self.design == "soft":
            return SoftMaskContrast(self.predictor, self.masking, self.link, self.detail, self.grid)
        return SegmentContrast(
            self.predictor,
            self.masking,
            self.locality,
            self.link,
            self.detail,
            self.design == "balanced",
            self.mixed,
            self.feather,
        )

    def _check_soft(self) -> None:
        if self.design != "soft":
            return
        if self.grid < 2:
            raise UserError(f"method {self.name!r}: grid {self.grid}: at least 2")
        for option in ("stability", "num_features"):
            if getattr(self.masking, option) is not None:
                raise UserError(f"method {self.name!r}: design 'soft' fits no surrogate; leave {option} out")
        if self.mixed or self.feather:
            raise UserError(
                f"method {self.name!r}: mixed and feather are for segments, not for design 'soft'"
            )

    def donors(self, film: Film, target: str) -> FoundDonors:
        """The film's K donors."""
        assert self.neighbourhood is not None
        return find_donors(
            self.rule, self.neighbourhood, film, target, self.reader, self.predictor, self.masking.seed
        )

    def flip(
        self, sources: np.ndarray, segments: np.ndarray, target: str, weights: np.ndarray, prediction: float
    ) -> Counterfactual | None:
        """The smallest change across the threshold; None where it is not asked for or there is none to find.

        Without the mirror only for a score at or above the threshold, with it only for one below.
        """
        above = prediction >= self.threshold
        if not self.counterfactual or above == self.rule.with_finding:
            return None

        def score(masks: np.ndarray, donor: np.ndarray) -> np.ndarray:
            return self.predictor.scores(self.composed(sources, segments, masks, 1 + donor), target)

        return smallest_flip(score, weights, len(sources) - 1, above, self.threshold)

    def composed(
        self, sources: np.ndarray, segments: np.ndarray, masks: np.ndarray, shown: np.ndarray
    ) -> MaskedFilms:
        """Films of the target that show source `shown` (N,) where `masks` (N, S) are 0."""
        return MaskedFilms(sources, segments, masks, shown, "neighbour", self.feather)

    def settings(self, n_segments: int) -> dict[str, Any]:
        """What an explanation records of how it was made, the method's own options included."""
        return super().settings(n_segments) | {
            **asdict(self.rule),
            **asdict(self.alignment),
            "feather": self.feather,
            "mixed": self.mixed,
            "design": self.design,
            "link": self.link,
            "grid": self.grid,
            "fill": "neighbour",
            "detail": self.detail,
            "threshold": self.threshold,
            "counterfactual_asked": self.counterfactual,
        }
