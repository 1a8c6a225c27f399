"""What a search finds for one target, as the page shows it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from cxrneighbors.app.film import Film
from cxrneighbors.data.schema import NO_FINDING
from cxrneighbors.evaluation.wording import NBSP, percent


@dataclass(frozen=True)
class Target:
    """What was searched by. film: of the index, also where an uploaded film is a copy of it; upload: token of
    an uploaded film; text: words."""

    film: Film | None = None
    upload: str | None = None
    text: str | None = None

    @property
    def findings(self) -> tuple[str, ...]:
        """The target's findings, where they are known."""
        return self.film.findings if self.film else ()


@dataclass(frozen=True)
class Hit:
    """One neighbour: distance as ranked, ‖a - b‖/σ by image and by report (NaN where one of both has none),
    and the image's share of the squared distance, None in a search by one of them."""

    film: Film
    distance: float
    image_distance: float
    report_distance: float
    image_share: float | None


@dataclass(frozen=True)
class Overlap:
    """How many of the labelled neighbours share a label with the target, and the share of random films that
    do, exactly (`target_expectation`). normal: the target is 'No Finding'; filtered: random films pass the
    filters, too."""

    shared: int
    labelled: int
    expected: float
    normal: bool = False
    filtered: bool = False

    def sentence(self) -> str:
        """For a reader who knows no statistics.

        >>> Overlap(4, 6, 0.351).sentence().replace(NBSP, " ")
        '4 of 6 neighbours share a finding with this film; of 6 random films 2.1 would (35 %).'
        """
        n, one = self.labelled, self.shared == 1
        what = f"{'shares' if one else 'share'} a finding with this film"
        if self.normal:
            what = f"{'is' if one else 'are'} labelled {NO_FINDING}, as this film is"
        films = f"random film{'' if n == 1 else 's'}" + (" that pass the filters" if self.filtered else "")
        return (
            f"{self.shared} of {n} neighbour{'' if n == 1 else 's'} {what}; of {n} {films} "
            f"{n * self.expected:.1f} would{NBSP}({percent(self.expected, 0)})."
        )


@dataclass(frozen=True)
class Answer:
    """A target with its neighbours, nearest first. modality: what was searched by, 'image', 'report' or
    'fused'. wanted: how many were asked for. error: in place of neighbours, a line."""

    target: Target
    hits: tuple[Hit, ...] = ()
    modality: str = ""
    wanted: int = 0
    overlap: Overlap | None = None
    error: str | None = None

    def counts(self) -> dict[str, int]:
        """How many neighbours have each finding, the commonest first, the target's own before others."""
        counted = Counter(name for hit in self.hits for name in hit.film.findings)
        own = {name: counted.get(name, 0) for name in self.target.findings}
        return own | {name: n for name, n in counted.most_common() if name not in own}
