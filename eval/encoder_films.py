"""Which films an encoder of `encoders.py` learns from, and on which it is scored: never the same patients.

Of the main set, patients of split 'test' are scored by nothing but `last_look`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from cxrneighbors.data.combine import combine_studies, without_patients_of
from cxrneighbors.data.imports import read_studies, require_root
from cxrneighbors.data.splits import patient_folds
from cxrneighbors.errors import UserError

MAIN = "chestxray14-10k"
ELSEWHERE, LAST_LOOK = "elsewhere", "last-look"
N_FOLDS = 3
UNKNOWN = "UNKNOWN"
SOURCES = "sources.csv"  # of lime-ray: file, source, patient


@dataclass(frozen=True)
class Fit:
    """One fit: an encoder learns from the films `learned`, and each table of `scored` is scored with it.

    `models`: name of the fit whose trained models serve this one too, as it learns from the same films;
    '' for its own.
    """

    name: str
    learned: pd.DataFrame
    scored: dict[str, pd.DataFrame]
    models: str = ""


@dataclass(frozen=True)
class DataSet:
    """`read`: a study table from its folder; `within`: the column within whose values is searched too."""

    read: Callable[[Path], pd.DataFrame]
    within: str


def chestxray14(root: Path) -> pd.DataFrame:
    return read_studies("chestxray14", root)


def covid_chestxray(root: Path) -> pd.DataFrame:
    return read_studies("covid-chestxray", root)


def lung_films(root: Path) -> pd.DataFrame:
    columns = {"image_id": "image", "path": "file", "patient_id": "image"}
    columns |= {"findings": "finding", "source": "source"}
    return read_studies("folder", root, csv="labels.csv", columns=columns, name="lung-masks")


def lime_ray(root: Path) -> pd.DataFrame:
    """Class folders, with source and patient of each film where the set says them."""
    studies = read_studies("lime-ray", root)
    if not (root / SOURCES).is_file():
        return studies.assign(source=UNKNOWN)
    known = pd.read_csv(root / SOURCES, dtype=str).set_index("file").reindex(studies["image_id"])
    patients = known["patient"].fillna(pd.Series(studies["patient_id"].to_numpy(), index=known.index))
    return studies.assign(source=known["source"].fillna(UNKNOWN).to_numpy(), patient_id=patients.to_numpy())


DATA_SETS = {
    MAIN: DataSet(chestxray14, "view"),
    "chestxray14-128": DataSet(chestxray14, "view"),
    "chestxray14-256": DataSet(chestxray14, "view"),
    "chestxray14-256b": DataSet(chestxray14, "view"),
    "covid-chestxray": DataSet(covid_chestxray, "view"),
    "lung-masks": DataSet(lung_films, "source"),
    "lime-ray": DataSet(lime_ray, "source"),
}


def read_labelled(data: Path, name: str) -> pd.DataFrame:
    """The films of a data set that can be scored: those with a finding, or the finding that there is none."""
    studies = DATA_SETS[name].read(require_root(data / name, name))
    return studies[studies["findings"].map(len) > 0].reset_index(drop=True)


def folds(main: pd.DataFrame, also: Sequence[pd.DataFrame]) -> list[Fit]:
    """Protocol A: a third of the patients that are not of split 'test' is scored, the others learned from."""
    open_films = main[main["split"] != "test"].reset_index(drop=True)
    which = patient_folds(open_films["patient_id"], N_FOLDS)
    fits = []
    for fold in range(N_FOLDS):
        scored = open_films[which == fold].reset_index(drop=True)
        if not len(scored):
            raise UserError(f"{MAIN}: no patient in fold {fold + 1} of {N_FOLDS}; give more patients")
        fits.append(Fit(f"fold-{fold + 1}", learned_from(main, also, [scored]), {MAIN: scored}))
    return fits


def elsewhere(main: pd.DataFrame, others: dict[str, pd.DataFrame]) -> Fit:
    """The other data sets, scored by what the main set's films teach; of its test patients none is scored."""
    held = main[main["split"] == "test"]
    scored = {name: without_patients_of(films, held) for name, films in others.items()}
    return Fit(ELSEWHERE, learned_from(main, [], list(scored.values())), scored)


def last_look(main: pd.DataFrame, also: Sequence[pd.DataFrame], others: dict[str, pd.DataFrame]) -> Fit:
    """Protocol B: the patients of split 'test', which nothing was fitted to or chosen on.

    Without `also` an encoder learns from what it learns from for the `others`, and is trained once for both.
    """
    scored = {LAST_LOOK: main[main["split"] == "test"].reset_index(drop=True)}
    if also:
        return Fit(LAST_LOOK, learned_from(main, also, list(scored.values())), scored)
    return Fit(LAST_LOOK, elsewhere(main, others).learned, scored, ELSEWHERE)


def learned_from(
    main: pd.DataFrame, also: Sequence[pd.DataFrame], scored: Sequence[pd.DataFrame]
) -> pd.DataFrame:
    """Films of `main` and `also` without patients who are scored or of split 'test', all as split 'train'.

    A film that several tables hold, by `image_id`, is taken once. Of other data sets than the main one,
    whose patients are others, the test split is learned from.
    """
    table = main
    for films in also:
        table = combine_studies([table, films[~films["image_id"].isin(table["image_id"])]])
    table = table[(table["split"] != "test") | ~table["dataset"].isin(main["dataset"])]
    for films in (main[main["split"] == "test"], *scored):
        table = without_patients_of(table, films)
    return table.assign(split="train")


def within_codes(films: pd.DataFrame, name: str) -> np.ndarray:
    """Number of the view (or source) of each film of data set `name`: int64 (N,), -1 where it is unknown."""
    values = films[DATA_SETS[name].within].astype(str)
    return np.asarray(pd.factorize(values.where(values != UNKNOWN, None), sort=True)[0], dtype=np.int64)
