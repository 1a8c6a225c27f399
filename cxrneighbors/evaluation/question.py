"""What an evaluation asks of neighbours."""

from __future__ import annotations

from dataclasses import dataclass

from cxrneighbors.arguments import whole
from cxrneighbors.errors import UserError, choose
from cxrneighbors.evaluation.overlap import DEFINITIONS
from cxrneighbors.statistics.patients import ONE_PER


@dataclass(frozen=True)
class Question:
    """What is asked: `k` neighbours a target, the `definition` of overlap, whether its own patient counts.

    one_per: 'patient' or 'study': at most one image of each among a target's neighbours; 'image': any.
    """

    k: int = 5
    definition: str = "any"
    include_same_patient: bool = False
    one_per: str = "patient"

    def __post_init__(self) -> None:
        object.__setattr__(self, "k", whole("k", self.k))
        if self.k < 1:
            raise UserError(f"k={self.k}: the number of neighbours must be at least 1")
        choose("definition", self.definition, DEFINITIONS)
        choose("one_per", self.one_per, ONE_PER)

    def candidates(self) -> str:
        """'5 candidates', with whom they are of where one of each counts."""
        plural = {"image": "", "study": " in different studies", "patient": " of different patients"}
        return f"{self.k} candidates{plural[self.one_per]}"
