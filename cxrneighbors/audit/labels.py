"""Labels and splits that contradict themselves."""

from __future__ import annotations

import pandas as pd

from cxrneighbors.data.schema import NO_FINDING
from cxrneighbors.statistics.patients import PATIENT, STUDY

BESIDE = f"{NO_FINDING} beside a finding"
DISJOINT = "films of one study share no label"
WHO = ("dataset", "patient_id", "study_id", "image_id")


def contradictions(studies: pd.DataFrame) -> pd.DataFrame:
    """Films whose labels contradict themselves or another film of their study: `WHO`, problem, findings.

    Either a film is both normal and not (`BESIDE`), or two labelled films of a study have no label in common
    (`DISJOINT`): then all its labelled films are listed.
    """
    sets = [frozenset(names) for names in studies["findings"]]
    beside = [NO_FINDING in names and len(names) > 1 for names in sets]
    rows = [_row(film, BESIDE) for film in studies[beside].itertuples()]
    labelled = studies.assign(_set=sets)[[bool(names) for names in sets]]
    several = labelled[labelled.duplicated(list(STUDY), keep=False)]
    for _, films in several.groupby(list(STUDY), sort=False):
        found = list(films["_set"])
        if any(first.isdisjoint(second) for place, first in enumerate(found) for second in found[:place]):
            rows += [_row(film, DISJOINT) for film in films.itertuples()]
    return pd.DataFrame(rows, columns=[*WHO, "problem", "findings"])


def torn_patients(studies: pd.DataFrame) -> pd.DataFrame:
    """Patients with films in two splits or more: dataset, patient_id, splits (as 'test|train'), images."""
    grouped = studies.groupby(list(PATIENT), sort=False)
    splits = grouped["split"].agg(lambda values: "|".join(sorted(set(values))))
    table = pd.DataFrame({"splits": splits, "images": grouped.size()}).reset_index()
    return table[table["splits"].str.contains("|", regex=False)].reset_index(drop=True)


def _row(film: tuple, problem: str) -> dict[str, str]:  # type: ignore[type-arg]
    who = {name: getattr(film, name) for name in WHO}
    return {**who, "problem": problem, "findings": "|".join(film.findings)}  # type: ignore[attr-defined]
