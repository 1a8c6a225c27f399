"""What every method returns: a weight for each segment of the target, and how it came about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from cxrneighbors.artifact import Kind
from cxrneighbors.explain.neighbours import neighbour_table
from cxrneighbors.files import plain, read_json, write_json_atomic
from cxrneighbors.notebook import Shown, card, facts, line, png_tag, table

EXPLANATION = Kind("explanation", version=2, made_by="explain")
JSON_FILE, ARRAYS_FILE = "explanation.json", "explanation.npz"
_ARRAYS = (
    "image",
    "segments",
    "weights",
    "pixel_map",
    "neighbour_images",
    "donor_weights",
    "counterfactual",
)


@dataclass(repr=False)
class Explanation:
    """Why a classifier scores one film as it does for one target.

    `target`: the label explained, `target_index` its place among the outputs; `prediction`: the unmasked
    film's score. `image`: float32 (C, H, W); `segments`: int32 (H, W) in 0..S-1; `weights`: float64 (S,),
    positive where the segment's presence supports the target, whatever convention the method's paper has;
    `intercept` + the sum of weights is the surrogate's score of the unmasked film. `fidelity`: weighted R²
    of the surrogate. `neighbours`: rank, neighbor_id, distance, image_distance, report_distance, findings;
    `neighbour_images`: float32 (K, C, H, W). `pixel_map`: (H, W), where a method's result is a map that does
    not follow the target's segments (Σ-LIME: integers), or lays weights out inside them (Contrast-LIME).
    `parts`: the neighbours' own explanations (K*LIME). `donor_weights`: float64 (K, S), weights by each
    neighbour alone, and `counterfactual`: float32 (C, H, W), the film at which the decision turns, where a
    method (Contrast-LIME) has them.
    """

    method: str
    target: str
    image: np.ndarray
    prediction: float
    segments: np.ndarray
    weights: np.ndarray
    intercept: float
    fidelity: float
    image_id: str | None = None
    target_index: int = 0
    findings: list[str] = field(default_factory=list)
    neighbours: pd.DataFrame = field(default_factory=lambda: neighbour_table([]))
    settings: dict[str, Any] = field(default_factory=dict)
    seed: int | None = None
    pixel_map: np.ndarray | None = None
    neighbour_images: np.ndarray | None = None
    parts: tuple[Explanation, ...] = ()
    donor_weights: np.ndarray | None = None
    counterfactual: np.ndarray | None = None

    def __repr__(self) -> str:
        """Short: method, film, score and sizes, no arrays."""
        film = "" if self.image_id is None else f" of {self.image_id}"
        sizes = f"{len(self.weights)} segments, {len(self.neighbours)} neighbours"
        return (
            f"<{self.method}: {self.target}{film} scores {self.prediction:.3f}; {sizes}, "
            f"fidelity {self.fidelity:.2f}>"
        )

    def _repr_html_(self) -> str:
        from cxrneighbors.explain.answer import donor_words, evidence

        settings = self.settings
        about = {
            "film": self.image_id,
            "its findings": ", ".join(self.findings),
            "method": self.method,
            "neighbours": "; ".join(donor_words(self)),
            "classifier calls": settings.get("classifier_calls"),
            "fidelity": "" if np.isnan(self.fidelity) else f"{self.fidelity:.2f}",
        }
        rows = [[f"{row['name']}, {row['place']}", f"{row['weight']:+.3f}"] for row in evidence(self)]
        strongest = table(("strongest segments", "weight"), rows)
        return card(
            f"Why {self.target}? Score {self.prediction:.2f}", line(self.answer()), facts(about), strongest
        )

    def show(self, top: int = 6) -> Shown:
        """The panel, to be looked at: film, segments for and against, heat map, neighbours.

        `top`: segments marked, by absolute weight.
        """
        from cxrneighbors.explain.pictures import panel_png

        return Shown(self.answer(), png_tag(panel_png(self, top), f"{self.method} explains {self.target}"))

    def answer(self) -> str:
        """What it says, in one sentence (`answer.answer`)."""
        from cxrneighbors.explain.answer import answer

        return answer(self)

    def order(self) -> np.ndarray:
        """Segments by absolute weight, largest first, ties in segment order: int64 (S,)."""
        return np.argsort(-np.abs(self.weights), kind="stable")

    def zero_segments(self) -> np.ndarray:
        """Segments that weigh exactly 0, such as those that were not selected: int64 (n,), ascending."""
        return np.flatnonzero(self.weights == 0)

    def mask(self, top: int = 5, positive_only: bool = True) -> np.ndarray:
        """Where the `top` segments lie: int8 (H, W), 1 for the target, -1 against it, 0 elsewhere.

        `positive_only`: the top segments among those with positive weight; otherwise by absolute weight. The
        same as `get_image_and_mask` of the `lime` package, but for segments that weigh exactly 0: they are
        never marked here, while the package marks them 1 where `positive_only` is off.
        """
        order = self.order()
        chosen = order[self.weights[order] > 0] if positive_only else order[self.weights[order] != 0]
        signs = np.zeros(len(self.weights), dtype=np.int8)
        signs[chosen[:top]] = np.sign(self.weights[chosen[:top]])
        return np.asarray(signs[self.segments])

    def heatmap(self) -> np.ndarray:
        """Evidence for (> 0) and against (< 0) the target, pixel by pixel: float32 (H, W).

        Each segment's weight, or `pixel_map` where there is one.
        """
        values = self.weights[self.segments] if self.pixel_map is None else self.pixel_map
        return np.asarray(values, dtype=np.float32)

    def standard_error(self) -> np.ndarray:
        """Of each weight as a mean over donors: float64 (S,), sd / √K of `donor_weights`.

        NaN with one donor, and where there are no donors' weights.
        """
        if self.donor_weights is None or len(self.donor_weights) < 2:
            return np.full(len(self.weights), np.nan)
        return np.asarray(self.donor_weights.std(axis=0, ddof=1) / np.sqrt(len(self.donor_weights)))

    def agreement(self) -> np.ndarray:
        """Share of donors whose weight has the sign of the segment's: float64 (S,); NaN without donors."""
        if self.donor_weights is None:
            return np.full(len(self.weights), np.nan)
        return np.asarray((np.sign(self.donor_weights) == np.sign(self.weights)).mean(axis=0))

    def to_lime(self) -> Any:
        """As `lime.lime_image.ImageExplanation` with label `target_index`; image float (H, W, 3).

        Where segments were selected it lists these alone, as the package does.
        """
        from lime.lime_image import ImageExplanation

        channels = self.image if len(self.image) == 3 else np.repeat(self.image[:1], 3, axis=0)
        result = ImageExplanation(np.moveaxis(channels, 0, -1).astype(np.float64), self.segments.copy())
        label = self.target_index
        result.top_labels = [label]
        result.intercept[label] = self.intercept
        selected = self.settings.get("selected_segments", range(len(self.weights)))
        listed = [int(segment) for segment in self.order() if segment in selected]
        result.local_exp[label] = [(segment, float(self.weights[segment])) for segment in listed]
        result.score = self.fidelity
        result.local_pred = np.array([self.intercept + self.weights.sum()])
        return result

    def save(self, folder: str | Path, beside: Mapping[str, bytes] = MappingProxyType({})) -> None:
        """Write explanation.json, explanation.npz and a manifest as `folder`, in one step, without pickle.

        explanation.json also says what follows from the arrays: `answer`, the sentence, and `top_segments`,
        the five strongest with place, weight and, over donors, standard error and agreement.
        `beside`: further files by name, such as a panel. An older explanation there goes; `UserError` where
        the folder holds anything else.
        """
        from cxrneighbors.explain.answer import evidence

        arrays: dict[str, np.ndarray] = {}
        record = self._record("", arrays)
        record |= {"answer": self.answer(), "top_segments": evidence(self)}
        plan = {name: record[name] for name in ("method", "target", "image_id")}
        with EXPLANATION.replacing(folder, plan) as work:
            np.savez_compressed(work / ARRAYS_FILE, **arrays)  # type: ignore[arg-type]
            write_json_atomic(work / JSON_FILE, plain(record))
            for name, content in beside.items():
                (work / name).write_bytes(content)

    @classmethod
    def load(cls, folder: str | Path) -> Explanation:
        """Read what `save` wrote; `UserError` when a file is missing or was changed."""
        EXPLANATION.read(folder)
        record = read_json(Path(folder) / JSON_FILE, "explain the image again")
        with np.load(Path(folder) / ARRAYS_FILE, allow_pickle=False) as arrays:
            return cls._from_record(record, "", dict(arrays))

    def _record(self, prefix: str, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
        """The JSON part; arrays go to `arrays` under names that begin with `prefix`."""
        record = {each.name: getattr(self, each.name) for each in fields(self)}
        found = {name: record.pop(name) for name in _ARRAYS}
        arrays |= {prefix + name: array for name, array in found.items() if array is not None}
        record["neighbours"] = self.neighbours.to_dict(orient="records")
        record["parts"] = [part._record(f"{prefix}part{i}.", arrays) for i, part in enumerate(self.parts)]
        return record

    @classmethod
    def _from_record(cls, record: dict[str, Any], prefix: str, arrays: dict[str, np.ndarray]) -> Explanation:
        parts = [
            cls._from_record(part, f"{prefix}part{i}.", arrays) for i, part in enumerate(record["parts"])
        ]
        known = {each.name for each in fields(cls)}
        given = {name: value for name, value in record.items() if name in known}
        given |= {name: arrays.get(prefix + name) for name in _ARRAYS}
        given["fidelity"] = float("nan") if record["fidelity"] is None else record["fidelity"]
        return cls(**given | {"neighbours": neighbour_table(record["neighbours"]), "parts": tuple(parts)})
