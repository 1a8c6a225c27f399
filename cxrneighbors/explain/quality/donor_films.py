"""Donors: films without the finding that stand for the film where it is taken away, when methods are judged.

Deletion with grey favours methods that mask with grey, as both ask about the same films that are no films.
Here what is taken away shows real tissue, of films that no explanation has used.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cxrneighbors.explain.explanation import Explanation
from cxrneighbors.explain.films import FilmReader
from cxrneighbors.index.neighbor_index import NeighborIndex
from cxrneighbors.statistics.patients import patient_names

POOL = 50  # nearest films among which the donors are drawn


@dataclass(frozen=True)
class DonorPool:
    """Films that may stand in, in the order in which they are taken: `image_ids` and whose they are."""

    image_ids: tuple[str, ...]
    patients: tuple[str, ...]
    patient_of: dict[str, str]

    @classmethod
    def of(
        cls,
        index: NeighborIndex,
        image_id: str,
        finding: str,
        seed: int = 0,
        among: np.ndarray | None = None,
    ) -> DonorPool:
        """The `POOL` nearest labelled films of other patients and the same view without `finding`, shuffled.

        One film a patient. Shuffled, because the nearest ones are what methods take: whoever is denied these
        would be judged on farther films. The order is the same for all methods. `among`: bool (N,), rows of
        the index that may be donors.
        """
        studies = index.studies
        row = int(np.flatnonzero(studies["image_id"] == image_id)[0])
        lacks = np.array([len(found) > 0 and finding not in found for found in studies["findings"]])
        allowed = lacks & studies["path"].notna().to_numpy()
        allowed &= True if among is None else among
        view = studies["view"].iloc[row] if "view" in studies else None
        if view not in (None, "UNKNOWN"):
            allowed &= (studies["view"] == view).fillna(False).to_numpy(dtype=bool)
        rows, _ = index.neighbors(np.array([row]), POOL, modality="image", allowed=allowed, one_per="patient")
        rng = np.random.default_rng([seed, row])
        found = rng.permutation(rows[0][rows[0] >= 0])
        names = patient_names(studies)
        ids = studies["image_id"].tolist()
        return cls(
            tuple(ids[i] for i in found), tuple(names[i] for i in found), dict(zip(ids, names, strict=True))
        )

    def unused(self, explanation: Explanation, n: int) -> list[str]:
        """The first `n` image_ids whose patients the explanation's neighbours are not; fewer if need be."""
        used = {self.patient_of.get(str(i)) for i in explanation.neighbours["neighbor_id"]}
        pairs = zip(self.image_ids, self.patients, strict=True)
        return [image_id for image_id, patient in pairs if patient not in used][:n]


def donor_pixels(image_ids: list[str], reader: FilmReader, shape: tuple[int, ...]) -> np.ndarray:
    """Films float32 (D, C, H, W) of the target's `shape` (C, H, W)."""
    films = [reader.read(image_id).pixels for image_id in image_ids]
    return np.stack([np.broadcast_to(film, shape) for film in films])
