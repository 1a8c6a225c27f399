"""An index with exact search in thirty lines, and small study tables with known answers."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cxrneighbors.data.schema import validate_studies
from cxrneighbors.statistics.patients import patient_codes, unit_codes

NAMES = ("Atelectasis", "Edema", "Effusion", "Mass", "Nodule")


class FakeIndex:
    """Exact nearest neighbours by full distance matrices; a row of NaN lacks the modality."""

    def __init__(self, studies, image=None, report=None):
        self.studies = studies.reset_index(drop=True)
        given = {"image": image, "report": report}
        self.vectors = {name: np.asarray(v, np.float32) for name, v in given.items() if v is not None}
        self.has = {name: ~np.isnan(v).any(axis=1) for name, v in self.vectors.items()}
        self.scale = dict.fromkeys(self.vectors, 1.0)
        self.weights = {"image": 1.0, "report": 1.0}
        self.modalities = (*self.vectors, "fused") if len(self.vectors) == 2 else tuple(self.vectors)
        self.manifest = {"modalities": {name: {"encoder": "arrays"} for name in self.vectors}}

    @classmethod
    def build(cls, embeddings, studies, weights=None, backend="exact"):
        rows = {name: i for i, name in enumerate(studies["image_id"])}
        vectors = {}
        for modality, ids in embeddings.ids.items():
            full = np.full((len(studies), embeddings.vectors[modality].shape[1]), np.nan, np.float32)
            full[[rows[name] for name in ids]] = embeddings.vectors[modality]
            vectors[modality] = full
        return cls(studies, **vectors)

    def rows_where(self, expr):
        if expr is None:
            return np.ones(len(self.studies), dtype=bool)
        return self.studies.eval(expr).to_numpy(dtype=bool)

    def _matrix(self, modality, rows):
        parts = ("image", "report") if modality == "fused" else (modality,)
        squared = [((self.vectors[p][rows, None] - self.vectors[p][None]) ** 2).sum(-1) for p in parts]
        return np.sqrt(sum(squared))

    def neighbors(self, rows, k, *, modality, allowed=None, include_same_patient=False, one_per="image", **_):
        apart = self._matrix(modality, rows)
        patient = patient_codes(self.studies)
        if allowed is not None:
            apart[:, ~allowed] = np.nan
        if not include_same_patient:
            apart[patient[rows][:, None] == patient[None]] = np.nan
        apart[np.arange(len(rows)), rows] = np.nan
        units = unit_codes(self.studies, one_per)
        for line in apart if one_per != "image" else ():
            order = np.argsort(line, kind="stable")
            nearest = order[np.unique(units[order], return_index=True)[1]]
            line[np.setdiff1d(order, nearest)] = np.nan
        order = np.argsort(apart, axis=1, kind="stable")[:, :k]
        found = np.full((len(rows), k), -1)
        found[:, : order.shape[1]] = order
        distance = np.full((len(rows), k), np.nan, np.float32)
        distance[:, : order.shape[1]] = np.take_along_axis(apart, order, axis=1)
        return np.where(np.isnan(distance), -1, found), distance

    def distances(self, rows, neighbor_rows):
        out = {}
        for part in ("image", "report"):
            if part in self.vectors:
                apart = self._matrix(part, rows)
                out[part] = np.take_along_axis(apart, neighbor_rows, axis=1).astype(np.float32)
        return out


def make_studies(findings, patients=None, views=None, **columns):
    """A study table of N images; patients: one each unless given."""
    n = len(findings)
    frame = {
        "image_id": [f"i{row:04d}" for row in range(n)],
        "patient_id": [str(p) for p in (range(n) if patients is None else patients)],
        "findings": list(findings),
        "view": ["PA"] * n if views is None else list(views),
        **columns,
    }
    return validate_studies(pd.DataFrame(frame))


def random_findings(rng, n, rate=0.25):
    """Findings of n images, each name with probability `rate`, else "No Finding"."""
    drawn = rng.random((n, len(NAMES))) < rate
    return [[name for name, has in zip(NAMES, row, strict=True) if has] or ["No Finding"] for row in drawn]


def uneven_patients(rng, n):
    """Patient of each of n images: runs of 1 to 4 images."""
    sizes = []
    while sum(sizes) < n:
        sizes.append(int(rng.choice([1, 1, 2, 3, 4])))
    return np.repeat(np.arange(len(sizes)), sizes)[:n]


def sick_patients(rng, patients):
    """Findings that stay alike within a patient: what makes image-level tests overconfident."""
    per_patient = random_findings(rng, int(patients.max()) + 1)
    return [per_patient[patient] for patient in patients]
