"""What a report states, as a vector: a dimension a finding, read by the labeler's rules."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cxrneighbors.encoders.base import NOUN, hash_strings
from cxrneighbors.errors import UserError
from cxrneighbors.models import SavedModel, build_model, read_config, save_config
from cxrneighbors.reports.labeler.labels import label_report
from cxrneighbors.reports.labeler.rules import RULES_FOLDER, Rules, load_rules
from cxrneighbors.reports.labeler.vocabulary import NO_FINDING

VALUES = {"present": 1.0, "uncertain": 0.5, "absent": -0.2}
SIDES = ("any", "left", "right")
SHARES = {"left": {1: 1.0}, "right": {2: 1.0}, "bilateral": {1: 0.5**0.5, 2: 0.5**0.5}}


class FindingsEncoder(SavedModel):
    """Vectors of length 1 over all findings and devices that the labeler knows, 'No Finding' first.

    Present counts 1, uncertain 1/2, absent -1/5, not spoken of 0: "no effusion" is near a report that does
    not speak of effusions and far from "effusion", however alike the words are. Where the text names a side,
    a finding counts `side` times as much once more, in a dimension for the left or for the right; for both,
    shared between them. A text that states nothing becomes zeros. Rules, not training: no label of any data
    set is used (`reports.labeler`).
    """

    noun = NOUN
    name = "findings"

    def __init__(self, side: float = 0.5) -> None:
        if side < 0:
            raise UserError(f"encoder 'findings': side {side}: must be at least 0")
        self.side = side

    @property
    def dim(self) -> int:
        """Length of a vector: three times the number of findings."""
        return len(SIDES) * len(self.findings)

    @property
    def findings(self) -> list[str]:
        """The finding of each of the first dimensions; those for left and for right follow."""
        return [NO_FINDING, *(name for name in _rules().groups if name != NO_FINDING)]

    def weights_hash(self) -> str:
        """SHA-256 of the labeler's rule files."""
        files = sorted(RULES_FOLDER.glob("*.toml"))
        return hash_strings([text for path in files for text in (path.name, path.read_text("utf-8"))])

    def encode(self, texts: list[str]) -> np.ndarray:
        """Encode N texts to float32 (N, D), rows of length 1 or 0."""
        column = {name: number for number, name in enumerate(self.findings)}
        vectors = np.zeros((len(texts), len(SIDES), len(column)), np.float32)
        for row, text in enumerate(texts):
            for label in label_report(text, _rules()):
                value, place = VALUES[label.status], column[label.finding]
                vectors[row, 0, place] = value
                for side, share in SHARES.get(label.side or "", {}).items():
                    vectors[row, side, place] = self.side * share * value
        flat = vectors.reshape(len(texts), self.dim)
        length = np.linalg.norm(flat, axis=1, keepdims=True)
        return np.asarray(flat / np.where(length > 0, length, 1))

    def save(self, folder: str | Path) -> None:
        """Write config.json with the hash of the rules."""
        Path(folder).mkdir(parents=True, exist_ok=True)
        save_config(folder, NOUN, self.kind, self.config(), self.weights_hash())

    @classmethod
    def load(cls, folder: str | Path, device: str = "auto") -> FindingsEncoder:
        """Read what `save` wrote; refuse other rules than it was saved with."""
        encoder = build_model(cls, folder, NOUN)
        if encoder.weights_hash() != read_config(folder, NOUN)["weights_hash"]:
            raise UserError(
                f"{folder}: report encoder 'findings' was saved with other rules of the labeler; encode again"
            )
        return encoder


def _rules() -> Rules:
    return load_rules()
