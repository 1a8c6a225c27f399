"""A trained network that finds both lungs on frontal films, and what stands in where it fails."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from cxrneighbors.devices import resolve_device
from cxrneighbors.errors import UserError
from cxrneighbors.lungs.masks import believable_sides, completed, largest_part
from cxrneighbors.lungs.network import STRIDE, LungNetwork
from cxrneighbors.lungs.rule import dark_lungs
from cxrneighbors.models import SavedModel, build_model, load_weights, state_arrays
from cxrneighbors.seeding import seeded

NOUN = "segmenter"
SOURCES = ("network", "mirrored", "rule", "usual place")


@dataclass(frozen=True)
class FoundLungs:
    """`masks`: right and left lung, bool (N, 2, H, W); `sources`: of `SOURCES`, one a film, object (N,).

    'network': both lungs are its own; 'mirrored': one is, the other is its mirror image; 'rule': the network
    found nothing believable and the rule did (`rule.find_lungs`); 'usual place': neither did.
    """

    masks: np.ndarray
    sources: np.ndarray

    def summary(self) -> str:
        """How often each source had to answer, in a line."""
        counts = Counter(self.sources.tolist())
        parts = ", ".join(f"{source} {counts[source]}" for source in SOURCES if counts[source])
        return f"lungs of {len(self.sources)} films by {parts}"


class LungSegmenter(SavedModel):
    """Finds the lungs of frontal films by a small U-Net (`network.LungNetwork`); see `training.train_lungs`.

    `image_size`: side at which the network looks, a multiple of 16; `width`: channels of its first level;
    `seed`: of the initial weights; `device`: where it runs ('auto': cuda where there is one).
    """

    noun = NOUN
    name = "unet"

    def __init__(self, image_size: int = 128, width: int = 12, seed: int = 0, device: str = "auto") -> None:
        if image_size < 2 * STRIDE or image_size % STRIDE or width < 1:
            raise UserError(
                f"lung segmenter image size {image_size}, width {width}: take a multiple of {STRIDE} from "
                f"{2 * STRIDE}, such as 128, and a width of at least 1"
            )
        self.image_size, self.width, self.seed = image_size, width, seed
        self.device = resolve_device(device)
        with seeded(seed):
            self.network = LungNetwork(width).eval()

    def tensors(self) -> dict[str, np.ndarray]:
        """The network's state dict as arrays."""
        return state_arrays(self.network)

    @classmethod
    def load(cls, folder: str | Path, device: str = "auto") -> LungSegmenter:
        """Read a segmenter that `save` or `train_lungs` wrote."""
        segmenter = build_model(cls, folder, NOUN, device=device)
        load_weights(segmenter.network, folder, NOUN)
        return segmenter

    def masks(self, images: np.ndarray) -> np.ndarray:
        """Right and left lung, bool (N, 2, H, W), of frontal films float32 (N, 1, H, W) in [0, 1].

        Always two lungs: see `find` for what stands in where the network fails, and how often.
        """
        return self.find(images).masks

    def find_lungs(self, picture: np.ndarray) -> np.ndarray:
        """Right and left lung of one film float (H, W) in [0, 1]: bool (2, H, W)."""
        found: np.ndarray = self.masks(np.asarray(picture, dtype=np.float32)[None, None])[0]
        return found

    def find(self, images: np.ndarray, batch_size: int = 64) -> FoundLungs:
        """The lungs of films float32 (N, 1, H, W) in [0, 1], and what found them."""
        masks = np.empty((len(images), 2, *images.shape[-2:]), dtype=bool)
        sources = np.empty(len(images), dtype=object)
        for start, found in self._batches(images, batch_size):
            for row, lungs in enumerate(found, start):
                masks[row], sources[row] = _settled(lungs, images[row, 0])
        return FoundLungs(masks, sources)

    def network_masks(self, images: np.ndarray, batch_size: int = 64) -> np.ndarray:
        """As `masks`, but what the network says alone, which may be nothing: bool (N, 2, H, W)."""
        parts = [found for _, found in self._batches(images, batch_size)]
        return np.concatenate(parts) if parts else np.zeros((0, 2, *images.shape[-2:]), dtype=bool)

    def _batches(self, images: np.ndarray, batch_size: int) -> Iterator[tuple[int, np.ndarray]]:
        """Start of each batch and the network's masks of it."""
        if images.ndim != 4 or images.shape[1] != 1:
            raise ValueError(f"images must be (N, 1, H, W) in [0, 1], got shape {images.shape}")
        self.network.to(self.device).eval()
        for start in range(0, len(images), batch_size):
            batch = torch.from_numpy(np.ascontiguousarray(images[start : start + batch_size], np.float32))
            with torch.inference_mode():
                yield start, self._segmented(batch.to(self.device))

    def _segmented(self, films: Tensor) -> np.ndarray:
        """Films (N, 1, H, W) to masks bool (N, 2, H, W); the largest part of each lung, holes filled."""
        height, width = films.shape[-2:]
        side = max(height, width)
        left, top = (side - width) // 2, (side - height) // 2
        square = F.pad(films, (left, side - width - left, top, side - height - top))
        small = F.interpolate(square, size=(self.image_size,) * 2, mode="bilinear", antialias=True)
        chances = self.network(small).float().sigmoid()
        chances = chances * (chances == chances.amax(1, keepdim=True))  # a pixel is of one lung
        cleaned = [[_cleaned(chance) for chance in film] for film in chances.cpu().numpy()]
        large = F.interpolate(torch.from_numpy(np.array(cleaned)), size=(side, side), mode="bilinear")
        masks: np.ndarray = (large[..., top : top + height, left : left + width] > 0.5).numpy()
        return masks


def _cleaned(chance: np.ndarray) -> np.ndarray:
    """Chances float (S, S) of a lung with only its largest part above 0.5, and holes of that filled."""
    found = chance > 0.5
    part = largest_part(found)
    return np.where(part & ~found, 1, np.where(found & ~part, 0, chance)).astype(np.float32)


def _settled(lungs: np.ndarray, picture: np.ndarray) -> tuple[np.ndarray, str]:
    """The network's lungs bool (2, H, W), or what stands in for them, and its name among `SOURCES`."""
    known = believable_sides(lungs)
    if known.any():
        return completed(lungs, known), "network" if known.all() else "mirrored"
    lungs, known = dark_lungs(picture)
    return completed(lungs, known), "rule" if known.any() else "usual place"
