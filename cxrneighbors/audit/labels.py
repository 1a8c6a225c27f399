"""Labels and splits that contradict themselves."""

from __future__ import annotations

import pandas as pd

from cxrneighbors.data.schema import NO_FINDING
from cxrneighbors.statistics.patients import PATIENT, STUDY

BESIDE = f"{NO_FINDING} beside a finding"
DISJOINT = "films of one study share no label"
COPIES = "copies of one picture share no label"
WHO = ("dataset", "patient_id", "study_id", "image_id")


def contradictions(studies: pd.DataFrame, copies: pd.DataFrame | None = None) -> pd.DataFrame:
    """Films whose labels contradict themselves or another film's: `WHO`, problem, findings.

    A film is both normal and not (`BESIDE`); or two labelled films of a study (`DISJOINT`), or two copies of
    one picture (`COPIES`; `copies`: columns image_id and group), have no label in common: then all labelled
    films of the study or group are listed.
    """
    sets = [frozenset(names) for names in studies["findings"]]
    beside = [NO_FINDING in names and len(names) > 1 for names in sets]
    rows = [_row(film, BESIDE) for film in studies[beside].itertuples()]
    labelled = studies.assign(_set=pd.Series(sets, dtype=object, index=studies.index))
    labelled = labelled[[bool(names) for names in sets]]
    rows += _disjoint(labelled, list(STUDY), DISJOINT)
    if copies is not None:
        rows += _disjoint(labelled.merge(copies[["image_id", "group"]], on="image_id"), ["group"], COPIES)
    return pd.DataFrame(rows, columns=[*WHO, "problem", "findings"])


def _disjoint(labelled: pd.DataFrame, by: list[str], problem: str) -> list[dict[str, str]]:
    rows = []
    for _, films in labelled[labelled.duplicated(by, keep=False)].groupby(by, sort=False):
        found = list(films["_set"])
        if any(first.isdisjoint(second) for place, first in enumerate(found) for second in found[:place]):
            rows += [_row(film, problem) for film in films.itertuples()]
    return rows


def torn_patients(studies: pd.DataFrame) -> pd.DataFrame:
    """Patients with films in two splits or more: dataset, patient_id, splits (as 'test|train'), images."""
    grouped = studies.groupby(list(PATIENT), sort=False)
    splits = grouped["split"].agg(lambda values: "|".join(sorted(set(values))))
    table = pd.DataFrame({"splits": splits, "images": grouped.size()}).reset_index()
    return table[table["splits"].str.contains("|", regex=False)].reset_index(drop=True)


def _row(film: tuple, problem: str) -> dict[str, str]:  # type: ignore[type-arg]
    who = {name: getattr(film, name) for name in WHO}
    return {**who, "problem": problem, "findings": "|".join(film.findings)}  # type: ignore[attr-defined]
