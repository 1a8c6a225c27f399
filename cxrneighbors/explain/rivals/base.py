"""What a rival is: one class that is put a question and answers where the evidence lies."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from cxrneighbors.errors import UserError
from cxrneighbors.explain.films import Film, FilmReader
from cxrneighbors.explain.masking import Masking
from cxrneighbors.explain.neighbours import Neighbourhood, NeighbourSet
from cxrneighbors.explain.perturb import MaskedFilms, fill_images
from cxrneighbors.explain.predictor import Predictor
from cxrneighbors.explain.rivals.gradients import last_gradient, last_maps, target_logit
from cxrneighbors.explain.rivals.vae_films import VAEFilms

BACKWARD = 2  # calls that a backward pass counts as: it costs about two forward passes


class Rival(Protocol):
    """A way of explaining, as one class.

    A dataclass whose fields are its options (bool, int, float or text, each with a default) and are checked
    when it is made. `name`: in commands; `title`: for readers; `random`: whether a seed changes its answer.
    One that asks for neighbours has `uses_neighbours` = True besides.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    random: ClassVar[bool]

    def attribute(self, question: Question) -> np.ndarray:
        """Where the evidence lies: a map float (H, W) or a weight for each segment float (S,).

        Positive where what is seen there supports the target. The classifier is asked through `question`
        only, which counts the calls.
        """


@dataclass
class Question:
    """One film and one target, and a classifier that may be asked `calls` times.

    `segments`: int (H, W) in 0..S-1; `prediction`: the target's score of the film as it is (asked for
    already, and not counted here); `used`: calls so far; `found`: neighbours asked for last.

    A film scored is one call, a film scored with its
    gradient 1 + `BACKWARD` = 3. What exceeds `calls` is refused with a `UserError`.
    """

    rival: str
    film: Film
    target: str
    segments: np.ndarray
    prediction: float
    calls: int
    predictor: Predictor
    masking: Masking
    reader: FilmReader
    neighbourhood: Neighbourhood | None = None
    used: int = field(default=0, init=False)
    found: NeighbourSet | None = field(default=None, init=False)

    @property
    def seed(self) -> int:
        """Of everything random in the answer."""
        return self.masking.seed

    @property
    def n_segments(self) -> int:
        """S."""
        return int(self.segments.max()) + 1

    @property
    def pixels(self) -> Tensor:
        """The film: float32 (1, C, H, W) in [0, 1] on the classifier's device."""
        return self._tensor(self.film.pixels[None])

    @property
    def background(self) -> Tensor:
        """What stands where the film is taken away, by the masking's fill: float32 (1, C, H, W)."""
        nothing = np.zeros((1, self.n_segments), dtype=np.uint8)
        films = MaskedFilms.of_one(self.film.pixels, self.segments, nothing, self.masking.fill)
        return self._tensor(fill_images(films)).expand_as(self.pixels)

    def score(self, images: Tensor) -> np.ndarray:
        """Scores in [0, 1] of films (N, C, H, W): float64 (N,); N calls."""
        self._count(len(images))
        parts = torch.split(images, self.predictor.batches.size)
        found = [self.predictor.score(part.to(self.predictor.device), self.target) for part in parts]
        return np.concatenate([part.cpu().numpy() for part in found]).astype(np.float64)

    def score_masked(self, masks: np.ndarray) -> np.ndarray:
        """Scores of the film with segments masked, masks (N, S), 1 = kept: float64 (N,); N calls."""
        self._count(len(masks))
        films = MaskedFilms.of_one(self.film.pixels, self.segments, masks, self.masking.fill)
        return self.predictor.scores(films, self.target)

    def score_blended(self, masks: np.ndarray) -> np.ndarray:
        """Scores of m · film + (1 - m) · background, soft masks m (N, H, W) in [0, 1]: (N,); N calls."""
        film, background = self.pixels, self.background
        parts = np.array_split(masks, -(-len(masks) // self.predictor.batches.size))
        soft = (self._tensor(part).unsqueeze(1) for part in parts)
        return np.concatenate([self.score(background + m * (film - background)) for m in soft])

    def logit(self, images: Tensor) -> Tensor:
        """The target's logit of films (N, C, H, W), to be differentiated: float (N,); 3 N calls."""
        self._count((1 + BACKWARD) * len(images))
        return target_logit(self.predictor, images, self.target)

    def last_maps(self) -> np.ndarray:
        """The film's last convolutional maps: float32 (M, h, w); 1 call."""
        self._count(1)
        return last_maps(self.predictor, self.pixels, self.target)

    def last_gradient(self) -> tuple[np.ndarray, np.ndarray]:
        """The last convolutional maps and the logit's gradient there: (M, h, w) each; 3 calls."""
        self._count(1 + BACKWARD)
        return last_gradient(self.predictor, self.pixels, self.target)

    def neighbours(self, without_target: bool = False) -> NeighbourSet:
        """The film's K neighbours; `without_target`: only among films not labelled with the target."""
        if self.neighbourhood is None:
            raise UserError(f"method {self.rival!r}: takes neighbours from an index; give one")
        chosen = self.neighbourhood
        if without_target:
            lacks = f"not findings.has({self.target!r})"
            chosen = replace(chosen, where=lacks if chosen.where is None else f"({chosen.where}) and {lacks}")
        self.found = chosen.find(self.film, self.reader, self.seed)
        return self.found

    def vae(self) -> VAEFilms:
        """The index's VAE as a map from latents to films; a `UserError` where it has another encoder."""
        if self.neighbourhood is None:
            raise UserError(f"method {self.rival!r}: takes the VAE of an index; give one")
        return VAEFilms.of(self.neighbourhood.index.encoders.get("image"), self.pixels, self.rival)

    def enlarged(self, maps: np.ndarray) -> np.ndarray:
        """Maps (N, h, w) laid on the film by bilinear interpolation: float32 (N, H, W).

        A classifier that sees the middle of a film alone (`Classifier.seen`) has its maps there, 0 around.
        """
        small = torch.from_numpy(np.ascontiguousarray(maps, dtype=np.float32))[None]
        place = middle(self.segments.shape, getattr(self.predictor.model, "seen", 1.0))
        shape = self.segments[place].shape
        large = np.zeros((len(maps), *self.segments.shape), dtype=np.float32)
        large[:, *place] = interpolate(small, shape, mode="bilinear", align_corners=False)[0].numpy()
        return large

    def _count(self, calls: int) -> None:
        if self.used + calls > self.calls:
            raise UserError(
                f"method {self.rival!r}: needs {self.used + calls} classifier calls or more, "
                f"{self.calls} are granted; grant more with calls= or masks="
            )
        self.used += calls

    def _tensor(self, values: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32)).to(self.predictor.device)


def option_error(rival: str, option: str, value: Any, expected: str) -> UserError:
    """`UserError` for an option out of its range."""
    return UserError(f"method {rival!r}: {option} is {value}; give {expected}")


def middle(shape: tuple[int, ...], share: float) -> tuple[slice, slice]:
    """Rows and columns of the square of `share` times the shorter side in the middle; all of them with 1.

    >>> middle((100, 100), 0.9), middle((60, 100), 1.0)
    ((slice(5, 95, None), slice(5, 95, None)), (slice(0, 60, None), slice(0, 100, None)))
    """
    side = round(share * min(shape))
    sides = [length if share >= 1 else side for length in shape]
    top, left = ((length - part) // 2 for length, part in zip(shape, sides, strict=True))
    return slice(top, top + sides[0]), slice(left, left + sides[1])
