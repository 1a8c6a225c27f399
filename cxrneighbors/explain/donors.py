"""Donors: films whose pixels stand in masked segments, chosen for not having the target, or for having it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from cxrneighbors.data.schema import NO_FINDING
from cxrneighbors.errors import UserError, choose
from cxrneighbors.explain.films import Film, FilmReader
from cxrneighbors.explain.neighbours import Neighbourhood, NeighbourSet
from cxrneighbors.explain.perturb import MaskedFilms
from cxrneighbors.explain.predictor import Predictor

DONORS = ("label", "no-finding", "classifier", "report")
UNKNOWN_VIEW = "UNKNOWN"


@dataclass(frozen=True)
class DonorRule:
    """Who may be a donor for a target label.

    `donors`, who is without the finding:

    - 'label': films that are labelled, and not with the target;
    - 'no-finding': films labelled 'No Finding';
    - 'classifier': films whose own score for the target is at most half of the film's that is explained;
    - 'report': films whose report does not say that it is or may be there; a silent report says so.

    `with_finding`: donors have it instead, by the same source: the label, a score whose distance to 1 is at
    most half of the film's, a report that says 'present'. `same_view`: only films of the target's own view,
    where the index knows it. Other patients only, one film of each, and near films: as the `Neighbourhood`
    says, whose `where` holds too. Raises `UserError` for another name, and 'no-finding' with the finding.
    """

    donors: str = "label"
    with_finding: bool = False
    same_view: bool = True

    def __post_init__(self) -> None:
        choose("donors", self.donors, DONORS)
        if self.with_finding and self.donors == "no-finding":
            raise UserError(
                "donors 'no-finding': they cannot have the finding; choose label, classifier or report"
            )

    def where(self, target: str, view: str | None = None, where: str | None = None) -> str | None:
        """The expression that donors pass, a user's `where` included; None where all films do.

        >>> DonorRule().where("Mass", "PA", "age > 40")
        "(age > 40) and view == 'PA' and findings.notna() and not findings.has('Mass')"
        >>> DonorRule("report", with_finding=True).where("Mass")
        "finding('Mass') == 'present'"
        """
        parts = [] if where is None else [f"({where})"]
        if self.same_view and view is not None and view != UNKNOWN_VIEW:
            parts.append(f"view == {view!r}")
        parts += self._about(target)
        return " and ".join(parts) or None

    def _about(self, target: str) -> list[str]:
        """Conditions on what is known of the film without the classifier."""
        if self.donors == "classifier":
            return []
        if self.donors == "no-finding":
            return [f"findings.has({NO_FINDING!r})"]
        if self.donors == "label":
            has = f"findings.has({target!r})"
            return [has] if self.with_finding else ["findings.notna()", f"not {has}"]
        if self.with_finding:
            return [f"finding({target!r}) == 'present'"]
        return ["report.notna()", f"not finding({target!r}) in ['present', 'uncertain']"]

    def admits(self, scores: np.ndarray, prediction: float) -> np.ndarray:
        """Which films rule 'classifier' takes by their scores (N,), the target film's `prediction` given."""
        if self.with_finding:
            return np.asarray(1 - scores <= (1 - prediction) / 2)
        return np.asarray(scores <= prediction / 2)


@dataclass(frozen=True)
class FoundDonors:
    """`films`: the K donors, nearest first; `where`: what they pass; `calls`: films scored to find them."""

    films: NeighbourSet
    where: str | None
    calls: int = 0


def find_donors(
    rule: DonorRule,
    neighbourhood: Neighbourhood,
    film: Film,
    target: str,
    reader: FilmReader,
    predictor: Predictor,
    seed: int = 0,
) -> FoundDonors:
    """The K donors of `neighbourhood` for a film, as the rule has them.

    Rule 'classifier' scores the film and near films in the order of the policy, K more at a time and twice as
    many after each, until K are admitted. Raises `UserError` that says how many there are when there are
    fewer than K.
    """
    where = rule.where(target, view_of(neighbourhood.index.studies, film), neighbourhood.where)
    admitted = replace(neighbourhood, where=where)
    try:
        if rule.donors != "classifier":
            return FoundDonors(admitted.find(film, reader, seed), where)
        return _by_score(rule, admitted, film, target, reader, predictor, seed)
    except UserError as error:
        kind = "with" if rule.with_finding else "without"
        raise UserError(f"donors {kind} {target!r} by {rule.donors}: {error}") from None


def view_of(studies: pd.DataFrame, film: Film) -> str | None:
    """The film's view in the table; of one from outside what is said of it, None where nothing is."""
    if film.image_id is None:
        return film.view
    return str(studies.loc[studies["image_id"] == film.image_id, "view"].iloc[0])


def _by_score(
    rule: DonorRule,
    neighbourhood: Neighbourhood,
    film: Film,
    target: str,
    reader: FilmReader,
    predictor: Predictor,
    seed: int,
) -> FoundDonors:
    prediction = float(predictor.scores(MaskedFilms.unmasked(film.pixels), target)[0])
    k, size = neighbourhood.k, neighbourhood.k
    known: dict[str | None, float] = {}
    while True:
        size, last = _reachable(neighbourhood, film, size, seed)
        pool = replace(neighbourhood, k=size).find(film, reader, seed)
        fresh = [each for each in pool.films if each.image_id not in known]
        known |= zip((each.image_id for each in fresh), _scores_of(fresh, target, predictor), strict=True)
        scores = np.array([known[each.image_id] for each in pool.films])
        rows = np.flatnonzero(rule.admits(scores, prediction))[:k]
        if len(rows) == k:
            table = pool.table.iloc[rows].assign(rank=np.arange(1, k + 1)).reset_index(drop=True)
            films = NeighbourSet(table, tuple(pool.films[row] for row in rows))
            return FoundDonors(films, neighbourhood.where, 1 + len(known))
        if last:
            raise UserError(
                f"only {len(rows)} of {size} films that may be neighbours are scored so, k is {k}; ask for "
                f"{f'k={len(rows)}' if len(rows) else 'other donors'} or loosen where"
            )
        size *= 2


def _reachable(neighbourhood: Neighbourhood, film: Film, size: int, seed: int) -> tuple[int, bool]:
    """The largest number up to `size` of neighbours that exist, and whether there are no more."""
    if _exist(neighbourhood, film, size, seed):
        return size, False
    low, high = 0, size  # `low` exist, `high` do not
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _exist(neighbourhood, film, middle, seed) else (low, middle)
    if low < neighbourhood.k:
        neighbourhood.search(film, seed)  # says how many there are
    return low, True


def _exist(neighbourhood: Neighbourhood, film: Film, size: int, seed: int) -> bool:
    try:
        replace(neighbourhood, k=size).search(film, seed)
    except UserError:
        return False
    return True


def _scores_of(films: list[Film], target: str, predictor: Predictor) -> list[float]:
    """The classifier's scores of whole films."""
    if not films:
        return []
    pixels = np.stack([film.pixels for film in films])
    segments, masks = np.zeros(pixels.shape[2:], np.int64), np.ones((len(pixels), 1), np.uint8)
    whole = MaskedFilms(pixels, segments, masks, np.arange(len(pixels)))
    return [float(score) for score in predictor.scores(whole, target)]
