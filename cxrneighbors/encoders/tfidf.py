"""TF-IDF baseline for reports: word counts weighted by rarity, no meaning."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from cxrneighbors.encoders.base import NOUN, check_fitted, fitting_rows, hash_strings
from cxrneighbors.errors import UserError
from cxrneighbors.files import read_json, write_json_atomic
from cxrneighbors.models import SavedModel, build_model, read_tensors


class TfidfEncoder(SavedModel):
    """L2-normalised TF-IDF vectors, float32 (N, D), D <= `max_features` most frequent words.

    A text without one known word becomes zeros. "no" and other stop words are kept: reports negate.
    """

    noun = NOUN
    name = "tfidf"

    def __init__(self, max_features: int = 2048, sublinear_tf: bool = True) -> None:
        self.max_features = max_features
        self.sublinear_tf = sublinear_tf
        self._words: list[str] = []
        self._idf = np.zeros(0, np.float32)

    @property
    def fitted(self) -> bool:
        """Whether `fit` or `load` has given it a vocabulary."""
        return bool(self._words)

    @property
    def dim(self) -> int:
        """Length of a vector; before fitting, the greatest it can be."""
        return len(self._words) or self.max_features

    def tensors(self) -> dict[str, np.ndarray]:
        """The words' weights; none before fitting."""
        return {"idf": self._idf} if self.fitted else {}

    def weights_hash(self) -> str:
        """SHA-256 of vocabulary and weights; '' before fitting."""
        return hash_strings([hash_strings(self._words), super().weights_hash()]) if self.fitted else ""

    def fit_hash(self, studies: pd.DataFrame) -> str:
        """Hash of what `fit(studies)` would be fitted on."""
        return hash_strings(list(fitting_rows(studies, "report")["report"]))

    def fit(self, data: pd.DataFrame | list[str]) -> TfidfEncoder:
        """Fit on texts, or on column `report` of a study table (its 'train' rows; all if none is)."""
        texts = list(fitting_rows(data, "report")["report"]) if isinstance(data, pd.DataFrame) else list(data)
        from sklearn.feature_extraction.text import TfidfVectorizer

        vectorizer = TfidfVectorizer(max_features=self.max_features, sublinear_tf=self.sublinear_tf)
        try:
            vectorizer.fit(texts)
        except ValueError as error:  # scikit-learn: "empty vocabulary"
            raise UserError(f"encoder 'tfidf': {error}; it needs reports with words to fit on") from None
        self._words = [str(word) for word in vectorizer.get_feature_names_out()]
        self._idf = vectorizer.idf_.astype(np.float32)
        return self

    def encode(self, texts: list[str]) -> np.ndarray:
        """Encode N texts to float32 (N, D), rows of length 1 or 0."""
        check_fitted(self)
        if not texts:
            return np.zeros((0, self.dim), np.float32)
        from sklearn.feature_extraction.text import CountVectorizer

        counts = CountVectorizer(vocabulary=self._words).transform(texts).toarray().astype(np.float32)
        if self.sublinear_tf:
            counts = np.where(counts > 0, 1 + np.log(np.maximum(counts, 1)), 0)
        weighted = counts * self._idf
        length = np.linalg.norm(weighted, axis=1, keepdims=True)
        vectors: np.ndarray = (weighted / np.where(length > 0, length, 1)).astype(np.float32)
        return vectors

    def save(self, folder: str | Path) -> None:
        """Write vocabulary.json, model.safetensors and config.json into `folder`."""
        check_fitted(self)
        write_json_atomic(Path(folder) / "vocabulary.json", self._words)
        super().save(folder)

    @classmethod
    def load(cls, folder: str | Path, device: str = "auto") -> TfidfEncoder:
        """Read an encoder that `save` wrote; it runs on the CPU whatever the device."""
        encoder = build_model(cls, folder, NOUN)
        path = Path(folder) / "vocabulary.json"
        encoder._words = read_json(path, remedy="fit the encoder again")
        encoder._idf = read_tensors(folder, NOUN, ("idf",))["idf"]
        if len(encoder._words) != len(encoder._idf):
            raise UserError(
                f"{path}: {len(encoder._words)} words for {len(encoder._idf)} weights; fit the encoder again"
            )
        return encoder
