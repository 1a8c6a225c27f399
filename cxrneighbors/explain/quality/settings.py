"""What all records of a benchmark share."""

from __future__ import annotations

from dataclasses import dataclass

from cxrneighbors.errors import UserError
from cxrneighbors.explain.perturb import FILLS, Fill, check_fill


@dataclass(frozen=True)
class BenchmarkSettings:
    """What all records of a benchmark share.

    `k`: neighbours K; `n_masks`: masked films P of each film; `seeds`: runs of each method, seeds 0, 1, ...
    (a method without a seed runs once); `top`: segments that count as top; `fill`: of masked segments,
    where a method's text gives no other;
    `where`: which images may be neighbours; `n_held_out`: masks for the held-out correlation; `n_sanity`: the
    first so many targets are explained for the randomised classifier too, in the first segmentation;
    `one_per`: see `NeighborIndex.search`; `calls`: how often each method may ask the classifier, in place of
    `n_masks` (equal cost); `n_donors`: films that stand in where the film is taken away, see `donor_films`.
    """

    k: int = 5
    n_masks: int = 100
    seeds: int = 2
    top: int = 3
    fill: Fill = "grey"
    where: str | None = None
    n_held_out: int = 100
    n_sanity: int = 20
    seed: int = 0
    one_per: str = "patient"
    calls: int | None = None
    n_donors: int = 2

    def __post_init__(self) -> None:
        check_fill(self.fill, FILLS[:4], "fill of the benchmark")
        for name in ("k", "n_masks", "seeds", "top", "n_held_out", "calls"):
            if getattr(self, name) is not None and getattr(self, name) < 1:
                raise UserError(f"{name.replace('_', ' ')} {getattr(self, name)}: must be at least 1")
        if self.n_donors < 0:
            raise UserError(f"donors {self.n_donors}: must be at least 0; 0 leaves these measures out")
