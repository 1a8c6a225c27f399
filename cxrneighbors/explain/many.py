"""Many films explained one after the other, with a table and a contact sheet; an interrupted run goes on."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cxrneighbors.artifact import MANIFEST, Kind
from cxrneighbors.csv_text import csv_text
from cxrneighbors.data.skipped import SKIPPED_FILE, Skipped, write_skipped
from cxrneighbors.errors import UserError
from cxrneighbors.explain.classifier_errors import label_of, outcome
from cxrneighbors.explain.explainer import Explainer
from cxrneighbors.explain.explanation import Explanation
from cxrneighbors.explain.films import Film, ImageLike
from cxrneighbors.explain.full_size import full_size
from cxrneighbors.explain.identity import index_hash, model_hash
from cxrneighbors.explain.pictures import panel_png
from cxrneighbors.explain.sheet import MAX_FILMS, contact_sheet
from cxrneighbors.files import sha256_file, write_bytes_atomic, write_text_atomic
from cxrneighbors.progress import say, track

LONGEST = 100  # letters of a film's name in a folder's; file systems take 255 bytes
EXPLANATIONS = Kind("explanations", version=1, made_by="explain")
FILMS, TABLE, SHEET = "films", "films.csv", "sheet.png"
COLUMNS = (
    "folder",
    "image_id",
    "file",
    "patient_id",
    "findings",
    "target",
    "label",
    "score",
    "outcome",
    "fidelity",
    "top_segments",
    "neighbours",
    "classifier_calls",
)


def explain_many(
    explainer: Explainer,
    images: Sequence[ImageLike],
    target: str,
    out: str | Path,
    *,
    patient_ids: Sequence[str | None] | None = None,
    texts: Sequence[str | None] | None = None,
    views: Sequence[str | None] | None = None,
    threshold: float = 0.5,
    title: str = "",
) -> pd.DataFrame:
    """Explain the score of label `target` for each film, into folder `out`.

    `images`: image_ids, files or arrays, as `Explainer.explain` takes them, of the index or from outside;
    `patient_ids`, `texts`, `views`: of those from outside, one each, see `Explainer.explain`. `threshold`:
    from which score on a film counts as positive in column `outcome`. `title`: of the sheet.

    Written: `films/NAME/` with explanation and panel of each film, `films.csv` (the table that is returned,
    one row a film, in order), `sheet.png` (and `sheet-2.png`, … above 150 films), and `skipped.csv`: films
    that could not be explained, with the reason. Films explained there before with the same settings,
    classifier and index are kept; a folder of others is refused. Table and sheet have the films of this call.

    Raises `UserError` for an unknown label, such a folder, and when no film could be explained.
    """
    explainer.predictor.column(target)
    nothing = [None] * len(images)
    about = [list(given or nothing) for given in (patient_ids, texts, views)]
    for name, given in zip(("patients", "texts", "views"), about, strict=True):
        if not images or len(given) != len(images):
            raise UserError(f"explain: {len(images)} films and {len(given)} {name}; give one for each film")
    skipped, rows = Skipped("explain"), dict[str, dict[str, Any]]()
    work = EXPLANATIONS.begin(out, plan_of(explainer, target))
    if work.complete:
        work.reopen()
    with work.preparing():
        asked = list(zip(images, *about, strict=True))
        for image, *said in track(asked, "explaining", total=len(asked)):
            try:
                film = explainer.reader.read(image, *said)
                folder = f"{FILMS}/{film_name(film, image)}"
                if folder not in rows:
                    explanation = _explained(explainer, film, target, work.folder / folder)
                    where = {"folder": folder, "file": "" if film.path is None else str(film.path)}
                    rows[folder] = where | _row(explainer, film, explanation, threshold)
            except UserError as error:
                skipped.add(_shown(image), str(error))
        if not rows:
            raise UserError(f"explain: none of {len(images)} films; {skipped.to_frame()['reason'].iloc[0]}")
    table = pd.DataFrame(list(rows.values()), columns=list(COLUMNS))
    write_text_atomic(work.folder / TABLE, csv_text(table, "%.6g"))
    write_skipped(skipped, work.folder)
    _write_sheets(work.folder, table, title or f"{explainer.title}: {target}")
    work.finish(files=[*_own(work.folder, "sheet*.png", f"{FILMS}/*/{MANIFEST}"), TABLE, SKIPPED_FILE])
    return table


def plan_of(explainer: Explainer, target: str) -> dict[str, Any]:
    """All that decides an explanation but the film: method, label, settings, seed, classifier, index."""
    settings = explainer.settings(0)
    del settings["segment_names"]
    rule, place = explainer.masking.stability, explainer.neighbourhood
    return {
        "method": explainer.name,
        "target": target,
        "seed": explainer.seed,
        "settings": settings | {"stability": None if rule is None else asdict(rule)},
        "classifier": model_hash(explainer.predictor.model),
        "index": None if place is None else index_hash(place.index, place.modality),
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


def _explained(explainer: Explainer, film: Film, target: str, folder: Path) -> Explanation:
    """The film's explanation: the one that lies in `folder`, or made now and written there."""
    if folder.is_dir():
        try:
            return _with_panel(Explanation.load(folder), film, explainer, folder)
        except UserError as error:
            say(f"explaining again: {error}")
    explanation = explainer.explain_film(film, target)
    explanation.save(folder)
    return _with_panel(explanation, film, explainer, folder)


def _with_panel(explanation: Explanation, film: Film, explainer: Explainer, folder: Path) -> Explanation:
    """The explanation of `folder`, whose panel is drawn where an interrupted run left none."""
    if not (folder / "panel.png").exists():
        full = full_size(explanation, film, explainer.reader)
        explanation.save(folder, {"panel.png": panel_png(explanation, full=full)})
    return explanation


def _row(explainer: Explainer, film: Film, explanation: Explanation, threshold: float) -> dict[str, Any]:
    label = label_of(explanation.findings, explanation.target)
    patient, names = film.patient_id, explanation.settings["segment_names"]
    if film.image_id is not None and explainer.reader.studies is not None:
        studies = explainer.reader.studies
        patient = studies.loc[studies["image_id"] == film.image_id, "patient_id"].iloc[0]
    top = [segment for segment in explanation.order()[:5] if explanation.weights[segment] != 0]
    return {
        "image_id": film.image_id or "",
        "patient_id": patient or "",
        "findings": "|".join(explanation.findings),
        "target": explanation.target,
        "label": label,
        "score": explanation.prediction,
        "outcome": outcome(explanation.prediction, label, threshold),
        "fidelity": explanation.fidelity,
        "top_segments": "|".join(f"{names[segment]} {explanation.weights[segment]:+.4f}" for segment in top),
        "neighbours": "|".join(explanation.neighbours["neighbor_id"]),
        "classifier_calls": explanation.settings["classifier_calls"],
    }


def _write_sheets(folder: Path, table: pd.DataFrame, title: str) -> None:
    """Sheets of `MAX_FILMS` films each; older ones that are not written again go."""
    pages = [table.iloc[start : start + MAX_FILMS] for start in range(0, len(table), MAX_FILMS)]
    for old in folder.glob("sheet*.png"):
        old.unlink()
    for number, page in enumerate(pages, start=1):
        loaded = (Explanation.load(folder / name) for name in page["folder"])
        small = [replace(each, neighbour_images=None, parts=()) for each in loaded]
        places = zip(page["image_id"], page["file"], page["folder"], strict=True)
        names = [image_id or Path(file or folder).name for image_id, file, folder in places]
        count = f"{len(table)} film{'s' * (len(table) > 1)}" + (
            f", sheet {number} of {len(pages)}" if len(pages) > 1 else ""
        )
        picture = contact_sheet(small, names, page["outcome"].tolist(), f"{title}, {count}")
        write_bytes_atomic(folder / (SHEET if number == 1 else f"sheet-{number}.png"), picture)


def _own(folder: Path, *patterns: str) -> list[str]:
    """Files by path; a film's own manifest holds the hashes of what lies beside it."""
    return [path.relative_to(folder).as_posix() for each in patterns for path in folder.glob(each)]


def _shown(image: ImageLike) -> str:
    return "array" if isinstance(image, np.ndarray) else str(image)
