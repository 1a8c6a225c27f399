"""Many films explained one after the other, with a table and a contact sheet; an interrupted run goes on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from cxrneighbors.artifact import MANIFEST, Kind
from cxrneighbors.csv_text import csv_text
from cxrneighbors.data.skipped import SKIPPED_FILE, Skipped, write_skipped
from cxrneighbors.errors import UserError, choose
from cxrneighbors.explain.cohort import FILMS, Asked, Cohort, Row
from cxrneighbors.explain.engines import ENGINES
from cxrneighbors.explain.explainer import Explainer
from cxrneighbors.explain.explanation import Explanation
from cxrneighbors.explain.films import ImageLike
from cxrneighbors.explain.identity import index_hash, model_hash
from cxrneighbors.explain.sheet import MAX_FILMS, contact_sheet
from cxrneighbors.files import write_bytes_atomic, write_text_atomic
from cxrneighbors.leftovers import stands_for
from cxrneighbors.processes import each_by_process, usable_cpus
from cxrneighbors.ray_cluster import connected

EXPLANATIONS = Kind("explanations", version=1, made_by="explain")
TABLE, SHEET = "films.csv", "sheet.png"
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
    engine: str = "local",
) -> pd.DataFrame:
    """Explain the score of label `target` for each film, into folder `out`.

    `images`: image_ids, files or arrays, as `Explainer.explain` takes them, of the index or from outside;
    `patient_ids`, `texts`, `views`: of those from outside, one each, see `Explainer.explain`. `threshold`:
    from which score on a film counts as positive in column `outcome`. `title`: of the sheet. `engine`:
    'local', or 'ray' for actors of a Ray cluster that sees the films and `out`, see `engines.on_ray`.

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
    run = ENGINES[choose("engine", engine, list(ENGINES))]
    if engine == "ray":
        connected()
    skipped, rows = Skipped("explain"), dict[str, Row]()
    work = EXPLANATIONS.begin(out, plan_of(explainer, target))
    if work.complete:
        work.reopen()
    asked = [Asked(*each) for each in zip(images, *about, strict=True)]
    cohort = Cohort(explainer, target, work.folder.resolve(), threshold)
    for each, found in zip(asked, run(cohort, asked), strict=True):
        if isinstance(found, UserError):
            skipped.add(str(each), str(found))
        else:
            rows.setdefault(found["folder"], found)
    with work.preparing():
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


def _write_sheets(folder: Path, table: pd.DataFrame, title: str) -> None:
    """Sheets of `MAX_FILMS` films each, side by side; older ones that are not written again go."""
    count = f"{len(table)} film{'s' * (len(table) > 1)}"
    pages = [table.iloc[start : start + MAX_FILMS] for start in range(0, len(table), MAX_FILMS)]
    for old in folder.glob("sheet*.png"):
        old.unlink()
    titles = [f"{title}, {count}, sheet {number} of {len(pages)}" for number in range(1, len(pages) + 1)]
    titled = list(zip(pages, titles if len(pages) > 1 else [f"{title}, {count}"], strict=True))
    pictures = each_by_process(partial(_sheet, folder), titled, "sheets", usable_cpus())
    for number, picture in enumerate(pictures, start=1):
        write_bytes_atomic(folder / (SHEET if number == 1 else f"sheet-{number}.png"), picture)


def _sheet(folder: Path, titled: tuple[pd.DataFrame, str]) -> bytes:
    """The sheet of a part of the table."""
    page, title = titled
    loaded = (Explanation.load(folder / name) for name in page["folder"])
    small = [replace(each, neighbour_images=None, parts=()) for each in loaded]
    places = zip(page["image_id"], page["file"], page["folder"], strict=True)
    names = [image_id or Path(file or folder).name for image_id, file, folder in places]
    return contact_sheet(small, names, page["outcome"].tolist(), title)


def _own(folder: Path, *patterns: str) -> list[str]:
    """Files by path; a film's own manifest holds the hashes of what lies beside it. Leftovers are none."""
    found = [path for each in patterns for path in folder.glob(each)]
    return [path.relative_to(folder).as_posix() for path in found if stands_for(path.parent.name) is None]
