"""What is wrong with a data set: copies, torn patients, labels and views that contradict, writing."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cxrneighbors.artifact import Kind
from cxrneighbors.audit.burned_in import LARGEST_SIDE, LEAST_LETTERS, count_letters
from cxrneighbors.audit.copies import SIDE, find_copies, groups_of, mark_identical
from cxrneighbors.audit.labels import contradictions, torn_patients
from cxrneighbors.classifiers.base import Classifier
from cxrneighbors.classifiers.views import complete_views, disagreements
from cxrneighbors.csv_text import csv_text
from cxrneighbors.data.pixels import read_pixels, resize
from cxrneighbors.data.schema import has_text, studies_hash, validate_studies
from cxrneighbors.data.skipped import SKIPPED_FILE, Skipped
from cxrneighbors.errors import UserError
from cxrneighbors.files import plain, write_json_atomic, write_text_atomic
from cxrneighbors.processes import usable_cpus
from cxrneighbors.progress import track
from cxrneighbors.statistics.patients import count_patients, patient_codes

AUDIT = Kind("audit", 1, "audit")
TABLES = ("copies", "splits", "labels", "views", "writing")
_FILM = ["image_id", "dataset", "patient_id", "study_id", "view", "split"]


@dataclass(repr=False)
class AuditResult:
    """`tables`: by name of `TABLES`, what was found, a row a film (of 'splits': a patient).

    copies: `group`, `kind` and `correlation` with the likest film of the group, `across_patients`,
    `across_splits`; labels: see `labels.contradictions`; splits: see `labels.torn_patients`; views:
    `view_predicted`, `view_probability`; writing: `letters`. `counts`: the same in numbers, None for views
    that were not checked. `studies`: the table; `skipped`: films that could not be read.
    """

    studies: pd.DataFrame
    tables: dict[str, pd.DataFrame]
    counts: dict[str, Any]
    skipped: Skipped
    classifier: str | None = None

    def __repr__(self) -> str:
        """Short: what was found, in numbers."""
        found = ", ".join(f"{name} {len(table):,}" for name, table in self.tables.items())
        return f"<AuditResult: {len(self.studies):,} images; {found}>"

    def write(self, out: str | Path) -> None:
        """Write report.html, audit.json and a CSV a table into folder `out`, in one step.

        The page and the tables hold films and ids: they are as private as the data set. An older audit there
        is replaced, another folder refused with a `UserError`.
        """
        from cxrneighbors.audit.page import render_page

        content = {"studies_hash": studies_hash(self.studies), "view_classifier": self.classifier}
        with AUDIT.replacing(out, content) as folder:
            for name, table in self.tables.items():
                write_text_atomic(folder / f"{name}.csv", csv_text(table, "%.4g"))
            write_text_atomic(folder / SKIPPED_FILE, csv_text(self.skipped.to_frame()))
            write_json_atomic(folder / "audit.json", plain(self.counts))
            write_text_atomic(folder / "report.html", render_page(self))


def audit_studies(
    studies: pd.DataFrame, *, view_classifier: Classifier | str | Path | None = None, device: str = "auto"
) -> AuditResult:
    """Look for what spoils an evaluation: see `AuditResult`.

    `view_classifier`: from `classifiers.views.train_view_classifier`, or its folder; without it view tags are
    not checked. Films that cannot be read are left out of what needs pixels. Raises `UserError` where no film
    can be read.
    """
    studies = validate_studies(studies).reset_index(drop=True)
    skipped = Skipped("audit")
    rows, small, letters = _look(studies, skipped)
    copies = _copies(studies.iloc[rows].reset_index(drop=True), small)
    torn, wrong = torn_patients(studies), contradictions(studies, copies)
    writing = studies.loc[rows, _FILM].assign(letters=letters)
    writing = writing[writing["letters"] >= LEAST_LETTERS].sort_values(
        "letters", ascending=False, kind="stable"
    )
    views, name = pd.DataFrame(columns=[*_FILM, "view_predicted", "view_probability"]), None
    if view_classifier is not None:
        views, name = _views(studies, view_classifier, device)
    tables = dict(zip(TABLES, (copies, torn, wrong, views, writing.reset_index(drop=True)), strict=True))
    counts = _counts(studies, len(rows), tables, name is not None)
    return AuditResult(studies, tables, counts, skipped, name)


def _look(studies: pd.DataFrame, skipped: Skipped) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Each film read once: rows int (M,) that could be, films uint8 (M, 64, 64), letters int (M,)."""
    with_path = np.flatnonzero(has_text(studies["path"]))
    paths = studies["path"].iloc[with_path].tolist()
    ids = studies["image_id"].iloc[with_path].tolist()
    with ThreadPoolExecutor(usable_cpus()) as pool:
        seen = list(track(pool.map(_seen, paths), "reading films", total=len(paths)))
    films = [(row, found) for row, found in zip(with_path, seen, strict=True) if not isinstance(found, str)]
    for image_id, found in zip(ids, seen, strict=True):
        if isinstance(found, str):
            skipped.add(image_id, found)
    if not films:
        raise UserError(f"study table: none of {len(studies)} films can be read; import with images")
    small = np.stack([found[0] for _, found in films])
    return np.array([row for row, _ in films]), small, np.array([found[1] for _, found in films])


def _seen(path: str) -> tuple[np.ndarray, int] | str:
    try:
        film = read_pixels(path)
    except UserError as error:
        return str(error)
    small = np.round(255 * resize(film, SIDE)).astype(np.uint8)
    return small, count_letters(film if max(film.shape) <= LARGEST_SIDE else resize(film, LARGEST_SIDE))


def _copies(studies: pd.DataFrame, small: np.ndarray) -> pd.DataFrame:
    """Films with a copy, a row a film, by group; groups across patients first."""
    pairs = mark_identical(find_copies(small), studies["path"].tolist())
    groups = groups_of(pairs, len(studies))
    ends = pd.concat(
        [pairs.rename(columns={end: "row"})[["row", "kind", "correlation"]] for end in ("first", "second")]
    )
    best = (
        ends.sort_values("correlation", ascending=False, kind="stable")
        .drop_duplicates("row")
        .set_index("row")
    )
    table = studies[_FILM].assign(group=groups, patient=patient_codes(studies)).join(best, how="inner")
    by_group = table.groupby("group")
    table["across_patients"] = by_group["patient"].transform("nunique") > 1
    table["across_splits"] = by_group["split"].transform("nunique") > 1
    order = ["across_patients", "across_splits", "group"]
    table = table.sort_values(order, ascending=[False, False, True], kind="stable")
    table["group"] = pd.factorize(table["group"])[0] + 1
    columns = ["group", *_FILM, "kind", "correlation", "across_patients", "across_splits"]
    return table[columns].reset_index(drop=True)


def _views(
    studies: pd.DataFrame, classifier: Classifier | str | Path, device: str
) -> tuple[pd.DataFrame, str]:
    done = complete_views(studies, classifier, check_known=True, skipped=Skipped("views"), device=device)
    wrong = disagreements(done).sort_values("view_probability", ascending=False, kind="stable")
    name = classifier.name if isinstance(classifier, Classifier) else Path(classifier).name
    return wrong[[*_FILM, "view_predicted", "view_probability"]].reset_index(drop=True), name


def _counts(
    studies: pd.DataFrame, n_read: int, tables: dict[str, pd.DataFrame], views_checked: bool
) -> dict[str, Any]:
    copies, labels = tables["copies"], tables["labels"]
    across = {name: copies[copies[f"across_{name}"]] for name in ("patients", "splits")}
    return {
        "n_images": len(studies),
        "n_read": n_read,
        "n_patients": count_patients(studies),
        "copies": {
            "films": len(copies),
            "groups": copies["group"].nunique(),
            "kinds": _numbers(copies["kind"]),
            **{
                f"{key}_across_{name}": value
                for name, part in across.items()
                for key, value in (("films", len(part)), ("groups", part["group"].nunique()))
            },
        },
        "patients_in_two_splits": len(tables["splits"]),
        "contradicting_labels": _numbers(labels["problem"]),
        "films_with_contradicting_labels": labels["image_id"].nunique(),
        "views_that_disagree": len(tables["views"]) if views_checked else None,
        "writing_suspects": len(tables["writing"]),
    }


def _numbers(values: Sequence[str] | pd.Series) -> dict[str, int]:
    return {str(name): int(count) for name, count in pd.Series(values, dtype=object).value_counts().items()}
