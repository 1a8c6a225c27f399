"""Several report encoders as one: what a report says beside how it is worded."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cxrneighbors.encoders.base import Encoder, fitting_rows, is_image_encoder
from cxrneighbors.encoders.joint import SAMPLE, JointEncoder


class ReportsSideBySide(JointEncoder):
    """Vectors of several report encoders, concatenated; see `JointEncoder` for weights and distances.

    Such as 'minilm+findings': reports are near that are worded alike and state the same findings.
    """

    kind, column = "side-by-side-reports", "report"

    @classmethod
    def takes(cls, encoder: Encoder) -> bool:
        """Report encoders."""
        return not is_image_encoder(encoder)

    def _encode_each(self, inputs: list[str]) -> list[np.ndarray]:
        return [encoder.encode(list(inputs)) for encoder in self.encoders]

    def _sample(self, studies: pd.DataFrame) -> list[np.ndarray]:
        texts = fitting_rows(studies, self.column)[self.column].drop_duplicates()
        if len(texts) > SAMPLE:
            texts = texts.sample(SAMPLE, random_state=self.seed)
        return self._encode_each(texts.tolist())
