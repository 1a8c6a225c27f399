"""The explanation tab's work: scores of a film by the classifier, and explanations of one of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from torch import Tensor

from cxrneighbors.app.archive import Archive
from cxrneighbors.app.explain_ask import UPLOAD, Ask
from cxrneighbors.app.shown import without_paths
from cxrneighbors.app.uploads import Uploads
from cxrneighbors.classifiers.base import Classifier
from cxrneighbors.classifiers.registry import load_classifier
from cxrneighbors.data.pixels import resize
from cxrneighbors.errors import UserError
from cxrneighbors.explain.explanation import Explanation
from cxrneighbors.explain.films import Film
from cxrneighbors.explain.full_size import LARGEST, FullSize, full_size
from cxrneighbors.explain.predictor import Predictor
from cxrneighbors.explain.registry import build_explainer
from cxrneighbors.explain.segments import SegmentCache


def nobody(scored: int) -> None:
    """Watches nothing."""


@dataclass
class WatchedPredictor(Predictor):
    """A `Predictor` that tells `watch` of every batch before it is scored; what that raises ends the work."""

    watch: Callable[[int], None] = field(default=nobody, repr=False)

    def score(self, images: Tensor, target: str) -> Tensor:
        """As `Predictor.score`."""
        self.watch(len(images))
        return super().score(images, target)


@dataclass(frozen=True)
class Explained:
    """An explanation and its films as large as they are. `drawn`: its panels, once they were asked for."""

    explanation: Explanation
    full: FullSize
    drawn: dict[str, bytes] = field(default_factory=dict, repr=False, compare=False)


class Explaining:
    """Explains films of an archive, and uploaded ones, by the archive's classifier, which is loaded once."""

    def __init__(self, archive: Archive, uploads: Uploads, device: str = "auto") -> None:
        if archive.classifier is None:
            raise UserError("explanations need a classifier; give --classifier")
        self.archive, self.uploads = archive, uploads
        self.classifier: Classifier = load_classifier(archive.classifier, device)
        self.predictor = WatchedPredictor(self.classifier, device=device)
        self.segments = SegmentCache()

    @property
    def labels(self) -> tuple[str, ...]:
        """What can be explained."""
        return tuple(self.predictor.labels)

    def scores(self, film: str) -> dict[str, float]:
        """The classifier's score of each label for a film, as `Ask` names it, highest first."""
        seen = self.whole(film)
        pixels = resize(seen, self.classifier.image_size, self.classifier.aspect)
        found = self.classifier.predict(pixels[None, None], device=self.predictor.device)[0]
        order = np.argsort(-found, kind="stable")
        return {self.labels[place]: float(found[place]) for place in order}

    def whole(self, film: str) -> np.ndarray:
        """A film's pixels as they are, float32 (H, W) in [0, 1]; a `UserError` without a path."""
        if film.startswith(UPLOAD):
            return self.uploads.pixels(film.removeprefix(UPLOAD))
        return self.archive.pixels(film)

    def explain(self, ask: Ask, watch: Callable[[int], None] = nobody) -> Explained:
        """The explanation that is asked for; `UserError`s name no path. One call at a time."""
        try:
            self.predictor.watch = watch
            return self._explain(ask)
        except UserError as error:
            raise UserError(without_paths(str(error))) from None
        finally:
            self.predictor.watch = nobody

    def _explain(self, ask: Ask) -> Explained:
        options = ask.options | {"segments": self.segments}
        explainer = build_explainer(ask.method, self.predictor, self.archive.index, **options)
        pixels = self.whole(ask.film)
        if not ask.film.startswith(UPLOAD):
            film = explainer.reader.read(ask.film)
            explanation = explainer.explain_film(film, ask.target)
            return Explained(explanation, full_size(explanation, film, explainer.reader))
        size, aspect = self.classifier.image_size, self.classifier.aspect
        explanation = explainer.explain_film(Film(resize(pixels, size, aspect)[None]), ask.target)
        seen = FullSize.as_seen(explanation)
        side = min(LARGEST, max(pixels.shape))
        large = resize(pixels, side, aspect)[None] if side > size else explanation.image
        return Explained(explanation, FullSize(large, seen.changed, seen.neighbours))
