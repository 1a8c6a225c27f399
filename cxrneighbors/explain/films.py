"""Films as explanations take them: pixels, findings, and the patient whose they are."""

from __future__ import annotations

import filecmp
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from cxrneighbors.data.pixels import read_pixels, resize
from cxrneighbors.data.views import VIEWS
from cxrneighbors.errors import UserError, choose

# What may be said of a film from outside, and by which option.
OPTIONS = {"patient": "patient_id", "report": "text", "view": "view"}
ImageLike = str | Path | np.ndarray  # an image_id of the index, a file, an array


@dataclass(frozen=True)
class Film:
    """`pixels`: float32 (C, H, W) in [0, 1]; `image_id`, `findings`: of one in the index.

    Of one from outside: `path` or `whole`, its file or the array (H, W) as it was given, which encoders read
    in their own way; `patient_id`: whose film it is, as `NeighborIndex.search` takes it; `text`: its report,
    for neighbours by report; `view`: one of `VIEWS`, for donors of the same view.
    """

    pixels: np.ndarray
    image_id: str | None = None
    findings: tuple[str, ...] = ()
    path: Path | None = None
    patient_id: str | None = None
    whole: np.ndarray | None = None
    text: str | None = None
    view: str | None = None


@dataclass(frozen=True)
class FilmReader:
    """Reads films as a classifier wants them: `size` pixels a side, None as they are; `aspect`: see `resize`.

    `studies`: the table that knows image_ids; None where there is no index.
    """

    studies: pd.DataFrame | None
    size: int | None
    aspect: str = "pad"

    def read(
        self,
        image: ImageLike,
        patient_id: str | None = None,
        text: str | None = None,
        view: str | None = None,
    ) -> Film:
        """A film of the table by its image_id, or from outside as a file or an array.

        A file that holds a film of the table is that film: its own patient's films are left out, as for an
        image_id. Arrays are (H, W), (1, H, W) or (3, H, W) in [0, 1]. `patient_id`, `text`, `view`: of a film
        from outside, see `Film`. `UserError` for an unknown image, one without pixels on disk, and what is
        said of a film that the table knows.
        """
        if view is not None:
            choose("view", view, VIEWS)
        if isinstance(image, np.ndarray):
            whole = _checked(image)
            return Film(
                self._sized(whole), patient_id=patient_id, whole=whole.mean(axis=0), text=text, view=view
            )
        known = None
        if isinstance(image, str):
            known = self._row(image)
        elif self.studies is not None:
            known = row_of_file(self.studies, image)
        if known is None:
            return Film(self._pixels(image), path=Path(image), patient_id=patient_id, text=text, view=view)
        image_id, path = known["image_id"], known["path"]
        for name, value in (("patient", patient_id), ("report", text), ("view", view)):
            if value is not None:
                raise UserError(
                    f"{OPTIONS[name]}: the index knows the {name} of image {image_id!r}; leave it out"
                )
        if not isinstance(path, str) or not Path(path).is_file():
            where = "no file is recorded for it" if not isinstance(path, str) else f"there is no file {path}"
            raise UserError(
                f"image {image_id!r}: has no pixels on disk ({where}); "
                "import the data set with its images, or keep it out of the neighbours with --where"
            )
        return Film(self._pixels(path), image_id, tuple(str(finding) for finding in known["findings"]))

    def _row(self, image_id: str) -> pd.Series:
        if self.studies is None:
            raise UserError(
                f"image {image_id!r}: an image_id needs an index; give one, or a Path or an array"
            )
        found = self.studies[self.studies["image_id"] == image_id]
        if not len(found):
            raise UserError(f"image {image_id!r}: not in the index; give an image_id of its study table")
        return found.iloc[0]

    def _pixels(self, path: str | Path) -> np.ndarray:
        return self._sized(read_pixels(path)[None])

    def _sized(self, pixels: np.ndarray) -> np.ndarray:
        """Pixels (C, H, W) as the classifier wants them."""
        if self.size is None or pixels.shape[1:] == (self.size, self.size):
            return pixels
        return np.stack([resize(channel, self.size, self.aspect) for channel in pixels])


@dataclass(frozen=True)
class CachingReader(FilmReader):
    """A `FilmReader` that keeps the last `capacity` films of the table that it read."""

    capacity: int = 256
    _kept: dict[str, Film] = field(default_factory=dict, init=False, repr=False, compare=False)

    def read(
        self,
        image: ImageLike,
        patient_id: str | None = None,
        text: str | None = None,
        view: str | None = None,
    ) -> Film:
        """As `FilmReader.read`; a film that is kept is handed out again, its pixels read-only."""
        if not isinstance(image, str) or (patient_id, text, view) != (None, None, None):
            return super().read(image, patient_id, text, view)
        film = self._kept.pop(image, None) or super().read(image)
        film.pixels.setflags(write=False)
        self._kept[image] = film  # the last one used is the last one to go
        for oldest in list(self._kept)[: -self.capacity]:
            self._kept.pop(oldest, None)
        return film


def row_of_file(studies: pd.DataFrame, path: Path) -> pd.Series | None:
    """The row of the film that a file holds, under whatever name: same file, or same size and content."""
    if not path.is_file():
        return None
    for row, name in enumerate(studies["path"]):
        if isinstance(name, str) and Path(name).is_file() and filecmp.cmp(name, path, shallow=False):
            return studies.iloc[row]
    return None


def _checked(image: np.ndarray) -> np.ndarray:
    pixels = np.asarray(image, dtype=np.float32)
    pixels = pixels[None] if pixels.ndim == 2 else pixels
    if pixels.ndim != 3 or pixels.shape[0] not in (1, 3):
        raise UserError(
            f"image: must be (H, W), (1, H, W) or (3, H, W) in [0, 1], got shape {np.shape(image)}"
        )
    if not np.isfinite(pixels).all() or pixels.min() < 0 or pixels.max() > 1:
        raise UserError("image: its values must lie in [0, 1]; divide 8-bit pixels by 255")
    return pixels
