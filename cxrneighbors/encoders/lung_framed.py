"""Image encoders that see each film bent to its lungs, so that the same place shows the same anatomy."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from cxrneighbors.artifact import Kind
from cxrneighbors.data.pixels import read_pixels
from cxrneighbors.data.schema import has_text
from cxrneighbors.encoders.base import NOUN, Fittable, ImageEncoder, hash_strings, is_image_encoder
from cxrneighbors.errors import UserError
from cxrneighbors.files import atomic_path
from cxrneighbors.lungs.frames import lung_frames
from cxrneighbors.lungs.segmenter import LungSegmenter
from cxrneighbors.models import CONFIG, read_config, save_config
from cxrneighbors.processes import usable_cpus
from cxrneighbors.progress import track

KIND = "lung-framed"
TRAINING = Kind("training in lung frames", 1, "train-vae or train-contrastive with --lungs")
ENCODER, LUNGS, FRAMES = "encoder", "lungs", "frames"


class LungFramed:
    """`encoder` behind a lung frame: a film is bent to the common frame before it is looked at.

    `lungs` finds them; what the frame is, and what stands in where no lungs are found: see `lungs.frames`.
    A frame is a square of `encoder.image_size`; lungs of any width and height fill it alike. An encoder that
    was fitted on whole films does not belong into it.
    """

    aspect = "own"

    def __init__(self, encoder: ImageEncoder, lungs: LungSegmenter) -> None:
        self.encoder = encoder
        self.lungs = lungs

    @property
    def name(self) -> str:
        """The encoder's name and '-lungs'."""
        return f"{self.encoder.name}-lungs"

    @property
    def image_size(self) -> int:
        """Pixels a side of a frame."""
        return self.encoder.image_size

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return self.encoder.dim

    @property
    def fitted(self) -> bool:
        """Whether the encoder has learned, or need not."""
        return not isinstance(self.encoder, Fittable) or self.encoder.fitted

    def config(self) -> dict[str, Any]:
        """The encoder by name and configuration, and the hash of the segmenter's weights."""
        encoder = {NOUN: self.encoder.name, "config": self.encoder.config()}
        return {ENCODER: encoder, LUNGS: self.lungs.weights_hash()}

    def weights_hash(self) -> str:
        """SHA-256 over the hashes of encoder and segmenter."""
        return hash_strings([self.encoder.weights_hash(), self.lungs.weights_hash()])

    def prepare(self, pixels: np.ndarray) -> np.ndarray:
        """A film float32 (H, W) in [0, 1] in its frame: float32 (1, image_size, image_size) in [0, 1]."""
        frame: np.ndarray = lung_frames(pixels[None, None], self.lungs, self.image_size)[0]
        return frame

    def encode(self, images: np.ndarray) -> np.ndarray:
        """Vectors float32 (N, D) of frames float32 (N, 1, S, S) in [0, 1], as `prepare` gives them."""
        return self.encoder.encode(images)

    def fit_hash(self, studies: pd.DataFrame) -> str:
        """Hash of what `fit(studies)` would learn from."""
        own = self.encoder.fit_hash(studies) if isinstance(self.encoder, Fittable) else ""
        return hash_strings([own, self.lungs.weights_hash()])

    def fit(self, studies: pd.DataFrame, out: str | Path | None = None, **options: Any) -> LungFramed:
        """Fit the encoder on the frames of a study table's films; `options` are its own `fit`'s.

        Frames are written once, as 8-bit PNG, and removed when it is done. `out`: folder in which the encoder
        is trained, resumably, and saved; for encoders whose `fit` takes one, such as the VAE.
        """
        if not isinstance(self.encoder, Fittable):
            raise UserError(f"encoder {self.encoder.name!r}: learns nothing, so there is nothing to fit")
        if out is None:
            with tempfile.TemporaryDirectory() as folder:
                self.encoder.fit(framed_table(studies, self.lungs, self.image_size, folder), **options)
            return self
        plan = {"encoder": self.encoder.name, "fit_hash": self.fit_hash(studies)}
        work = TRAINING.begin(out, plan, restart=not options.get("resume", True), scratch=(FRAMES,))
        done = work.complete and not self._goes_on(work.folder / ENCODER, options)
        with self._frames(studies, work.folder / FRAMES, done) as table:
            self.encoder.fit(table, out=work.folder / ENCODER, **options)  # type: ignore[call-arg]
        self.save(work.folder)
        work.finish()
        return self

    def save(self, folder: str | Path) -> None:
        """Write the encoder to `folder`/encoder, the segmenter to `folder`/lungs, then config.json."""
        self.encoder.save(Path(folder) / ENCODER)
        self.lungs.save(Path(folder) / LUNGS)
        save_config(folder, NOUN, KIND, self.config(), self.weights_hash())

    @classmethod
    def load(cls, folder: str | Path, device: str = "auto") -> LungFramed:
        """Read what `save` wrote; a `UserError` where a part is not the one that was saved."""
        from cxrneighbors.encoders.registry import load_encoder_folder

        encoder = load_encoder_folder(Path(folder) / ENCODER, device)
        if not is_image_encoder(encoder):
            raise UserError(f"{folder}: holds a report encoder in a lung frame; save the encoder again")
        framed = cls(encoder, LungSegmenter.load(Path(folder) / LUNGS, device))
        if framed.weights_hash() != read_config(folder, NOUN)["weights_hash"]:
            raise UserError(
                f"{Path(folder) / CONFIG}: does not fit the encoder and lungs beside it (a changed file); "
                "save the encoder again"
            )
        return framed

    def _goes_on(self, folder: Path, options: dict[str, Any]) -> bool:
        """Whether the finished training of a VAE is asked for more epochs."""
        from cxrneighbors.encoders.vae import TRAINING as VAE_TRAINING
        from cxrneighbors.training.further import finished_epochs

        epochs = finished_epochs(VAE_TRAINING, folder)
        return epochs is not None and options.get("epochs", epochs) > epochs

    @contextmanager
    def _frames(self, studies: pd.DataFrame, folder: Path, done: bool) -> Iterator[pd.DataFrame]:
        """The table of frames; where all is `done` the frames themselves are not made again."""
        yield framed_table(studies, self.lungs, self.image_size, folder, write=not done)
        shutil.rmtree(folder, ignore_errors=True)


def framed_table(
    studies: pd.DataFrame, lungs: LungSegmenter, size: int, folder: str | Path, write: bool = True
) -> pd.DataFrame:
    """`studies` with frames in place of films: PNG files in `folder`, (`size`, `size`), named by position.

    Rows of split 'test' are left out: nothing is fitted on them. Frames that lie there already stay. A film
    that cannot be read has no frame; whoever reads the table leaves it out as it would the film. Without
    `write` the table only says where frames would lie.
    """
    folder, studies = Path(folder).resolve(), studies[studies["split"] != "test"]
    rows = np.flatnonzero(has_text(studies["path"])).tolist()
    films = list(studies["path"])
    paths = list(films)
    for row in rows:
        paths[row] = str(folder / f"{row:07d}.png")
    if write:
        folder.mkdir(parents=True, exist_ok=True)
        with ThreadPoolExecutor(usable_cpus()) as pool:
            jobs = pool.map(lambda row: _write_frame(films[row], Path(paths[row]), lungs, size), rows)
            for _ in track(jobs, "bending films to their lungs", total=len(rows)):
                pass
    return studies.assign(path=paths)


def _write_frame(film: str, path: Path, lungs: LungSegmenter, size: int) -> None:
    if path.is_file():
        return
    try:
        pixels = read_pixels(film)
    except UserError:
        return
    frame = lung_frames(pixels[None, None], lungs, size)[0, 0]
    with atomic_path(path) as temporary:
        Image.fromarray(np.rint(frame * 255).astype(np.uint8)).save(temporary, format="PNG")
