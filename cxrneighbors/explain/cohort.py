"""One film of many: read, explained, written into a folder of its own, and told in a row."""

from __future__ import annotations

import hashlib
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cxrneighbors.compiled import beside
from cxrneighbors.errors import UserError
from cxrneighbors.explain.classifier_errors import label_of, outcome
from cxrneighbors.explain.explainer import Explainer
from cxrneighbors.explain.explanation import Explanation
from cxrneighbors.explain.films import Film, FilmReader, ImageLike, row_of_file
from cxrneighbors.explain.full_size import full_size
from cxrneighbors.explain.pictures import panel_png
from cxrneighbors.files import sha256_file
from cxrneighbors.progress import say

FILMS, PANEL = "films", "panel.png"
LONGEST = 100  # letters of a film's name in a folder's; file systems take 255 bytes
Row = dict[str, Any]
Outcome = Row | UserError  # what came of a film


@dataclass(frozen=True)
class Asked:
    """A film as it is asked for: what `FilmReader.read` takes."""

    image: ImageLike
    patient_id: str | None = None
    text: str | None = None
    view: str | None = None

    def __str__(self) -> str:
        return "array" if isinstance(self.image, np.ndarray) else str(self.image)


@dataclass(frozen=True)
class Read:
    """A film that has been read; `folder`: its own, films/NAME; `kept`: the explanation that lies there."""

    film: Film
    folder: str
    kept: Explanation | None


@dataclass(frozen=True)
class Unwritten:
    """An explanation on its way into `folder`, with all that its panel takes, for any process to write.

    `kept`: whether it lies there and only lacks its panel. `reader`: knows the films of the panel.
    """

    explanation: Explanation
    folder: Path
    kept: bool
    film: Film
    reader: FilmReader
    row: Row

    def write(self) -> Outcome:
        """Save it, then once more with its panel, so that a panel that fails loses nothing: its row.

        A `UserError` (a neighbour's file that is gone) is returned.
        """
        try:
            if not self.kept:
                self.explanation.save(self.folder)
            full = full_size(self.explanation, self.film, self.reader)
            self.explanation.save(self.folder, {PANEL: panel_png(self.explanation, full=full)})
        except UserError as error:
            return error
        return self.row


@dataclass(frozen=True)
class Cohort:
    """Films that `explainer` explains for label `target`, below `folder`; `threshold`: see `explain_many`.

    `one` does everything for a film; `read`, `explained` and `Unwritten.write` are its steps, for whoever
    does them side by side. What came of a film is its row or, returned rather than raised, a `UserError`.
    """

    explainer: Explainer
    target: str
    folder: Path
    threshold: float

    def one(self, asked: Asked) -> Outcome:
        """Read, explain and write one film; what lies in its folder is kept."""
        made = self.explained(self.read(asked))
        return made.write() if isinstance(made, Unwritten) else made

    def read(self, asked: Asked) -> Read | UserError:
        """The film, and its explanation where that has been written before."""
        try:
            film = self.explainer.reader.read(asked.image, asked.patient_id, asked.text, asked.view)
            folder = f"{FILMS}/{film_name(film, asked.image)}"
            return Read(film, folder, _kept(self.folder / folder))
        except UserError as error:
            return error

    def read_ahead(self, asked: Asked) -> Read | UserError:
        """As `read`, with the film cut into its segments, which the explainer keeps.

        Not where that takes a network or a user's function, which may not like a second thread.
        """
        read, masking = self.read(asked), self.explainer.masking
        alone = isinstance(masking.segmentation, str) and masking.segments.lungs is None
        if isinstance(read, Read) and read.kept is None and alone:
            with beside(), suppress(UserError):  # which comes again where the film is explained
                self.explainer.segments(read.film)
        return read

    def explained(self, read: Read | UserError) -> Outcome | Unwritten:
        """The film explained, unless it is already; its row where nothing is to be written."""
        if isinstance(read, UserError):
            return read
        folder = self.folder / read.folder
        try:
            explanation = read.kept or self.explainer.explain_film(read.film, self.target)
            row = self._row(read, explanation)
        except UserError as error:
            return error
        if read.kept is not None and (folder / PANEL).exists():
            return row
        reader = _knowing(self.explainer.reader, read.film, explanation)
        return Unwritten(explanation, folder, read.kept is not None, read.film, reader, row)

    def key(self, asked: Asked) -> str:
        """Equal where the folder is the same, found without decoding a file; '' of what cannot be read."""
        image, reader = asked.image, self.explainer.reader
        if isinstance(image, str):
            return image
        try:
            if isinstance(image, np.ndarray):
                return film_name(reader.read(image, asked.patient_id, asked.text, asked.view), image)
            known = None if reader.studies is None else row_of_file(reader.studies, image)
            if known is not None:
                return str(known["image_id"])
            film = Film(np.empty(0), None, (), image, asked.patient_id, None, asked.text, asked.view)
            return film_name(film, image)
        except (UserError, OSError):
            return ""

    def _row(self, read: Read, explanation: Explanation) -> Row:
        film, label = read.film, label_of(explanation.findings, explanation.target)
        patient, names = film.patient_id, explanation.settings["segment_names"]
        studies = self.explainer.reader.studies
        if film.image_id is not None and studies is not None:
            patient = studies.loc[studies["image_id"] == film.image_id, "patient_id"].iloc[0]
        top = [segment for segment in explanation.order()[:5] if explanation.weights[segment] != 0]
        return {
            "folder": read.folder,
            "file": "" if film.path is None else str(film.path),
            "image_id": film.image_id or "",
            "patient_id": patient or "",
            "findings": "|".join(explanation.findings),
            "target": explanation.target,
            "label": label,
            "score": explanation.prediction,
            "outcome": outcome(explanation.prediction, label, self.threshold),
            "fidelity": explanation.fidelity,
            "top_segments": "|".join(
                f"{names[segment]} {explanation.weights[segment]:+.4f}" for segment in top
            ),
            "neighbours": "|".join(explanation.neighbours["neighbor_id"]),
            "classifier_calls": explanation.settings["classifier_calls"],
        }


def film_name(film: Film, image: ImageLike) -> str:
    """A folder's name for a film: its image_id where a file may be called so, else with a hash behind it.

    A film from outside has its file's name and a hash of its content, an array a hash of its pixels; the hash
    is another one for another patient, text or view.
    """
    if film.image_id is not None:
        name = re.sub(r"[^\w.-]", "_", film.image_id).lstrip(".")[:LONGEST] or "film"
        digest = hashlib.sha256(film.image_id.encode()).hexdigest()
        return name if name == film.image_id else f"{name}-{digest[:8]}"
    if film.path is not None:
        stem = re.sub(r"[^\w.-]", "_", film.path.name).lstrip(".")[:LONGEST] or "film"
        return f"{stem}-{_digest(film, sha256_file(film.path))[:8]}"
    pixels = np.ascontiguousarray(film.pixels)
    digest = hashlib.sha256(f"{pixels.shape}".encode() + pixels.tobytes()).hexdigest()
    return f"array-{_digest(film, digest)[:8]}"


def _digest(film: Film, content: str) -> str:
    """The hash of a film from outside: of its content, and of what is said of it, where that is anything."""
    said = (film.patient_id, film.text, film.view)
    if said == (None, None, None):
        return content
    return hashlib.sha256(repr((content, *said)).encode()).hexdigest()


def _kept(folder: Path) -> Explanation | None:
    """The explanation that lies in `folder`; None, with a word, for one that cannot be read."""
    if folder.is_dir():
        try:
            return Explanation.load(folder)
        except UserError as error:
            say(f"explaining again: {error}")
    return None


def _knowing(reader: FilmReader, film: Film, explanation: Explanation) -> FilmReader:
    """A reader that knows the film, its neighbours and donors alone, to be sent to another process."""
    if reader.studies is None:
        return reader
    names = {film.image_id, *explanation.neighbours["neighbor_id"]}
    names.add((explanation.settings.get("counterfactual") or {}).get("donor"))
    shown = reader.studies["image_id"].isin(names)
    return FilmReader(reader.studies.loc[shown, ["image_id", "path", "findings"]], reader.size, reader.aspect)
