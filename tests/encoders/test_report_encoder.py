from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from cxrneighbors.encoders.registry import load_report_encoder
from cxrneighbors.encoders.report_encoder import ALIASES, ReportEncoder
from cxrneighbors.errors import UserError

LETTERS = "abcdefghijklmnopqrstuvwxyz"
WORDS = ["the", "lungs", "are", "clear", "no", "effusion", "heart", "size", "is", "normal", ".", ","]
WORDS += ["left", "right", "large", "small"]
LIMIT = 24  # tokens, two of them special
LONG = " ".join(["The lungs are clear.", "No effusion.", "Heart size is normal."] * 6)


def save_bert(folder: Path, seed: int = 0) -> Path:
    """A random BERT of 2 layers and 16 dimensions with a WordPiece vocabulary."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizer

    pieces = [*LETTERS, *(f"##{letter}" for letter in LETTERS)]
    vocabulary = list(dict.fromkeys(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS, *pieces]))
    folder.mkdir(parents=True)
    (folder / "vocab.txt").write_text("\n".join(vocabulary))
    tokenizer = BertTokenizer.from_pretrained(str(folder), model_max_length=LIMIT)
    config = BertConfig(
        vocab_size=len(vocabulary), hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=32, max_position_embeddings=LIMIT,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        BertModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A transformers folder: no pooling defined."""
    return save_bert(tmp_path_factory.mktemp("models") / "plain")


@pytest.fixture(scope="module")
def normalising(plain: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sentence-transformers folder with CLS pooling and normalisation."""
    from sentence_transformers import SentenceTransformer, models

    folder = tmp_path_factory.mktemp("models") / "sentences"
    transformer = models.Transformer(str(plain), max_seq_length=LIMIT)
    pooling = models.Pooling(16, pooling_mode="cls")
    SentenceTransformer(modules=[transformer, pooling, models.Normalize()], device="cpu").save(str(folder))
    return folder


@pytest.fixture(scope="module")
def encoder(plain: Path) -> ReportEncoder:
    return ReportEncoder(str(plain), device="cpu")


def hidden(folder: Path, text: str) -> np.ndarray:
    """Last hidden states of one text, straight from transformers: float32 (tokens, 16)."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    tokens = AutoTokenizer.from_pretrained(str(folder))(text, return_tensors="pt")
    with torch.inference_mode():
        return AutoModel.from_pretrained(str(folder)).eval()(**tokens).last_hidden_state[0].numpy()


def test_plain_model_is_mean_pooled(encoder: ReportEncoder, plain: Path):
    text = "The heart is large."
    found = encoder.encode([text])
    assert found.shape == (1, 16) and found.dtype == np.float32 and encoder.dim == 16
    np.testing.assert_allclose(found[0], hidden(plain, text).mean(0), atol=1e-5)


def test_a_models_own_pooling_and_normalisation_are_kept(plain: Path, normalising: Path):
    text = "The heart is large."
    cls = hidden(plain, text)[0]
    found = ReportEncoder(str(normalising), device="cpu").encode([text])
    np.testing.assert_allclose(found[0], cls / np.linalg.norm(cls), atol=1e-5)


def test_last_sentence_of_a_long_report_counts(encoder: ReportEncoder):
    a, b = encoder.encode([LONG + " Small left effusion.", LONG + " Large right effusion."])
    assert np.abs(a - b).max() > 1e-4


@pytest.mark.parametrize("normalise", [False, True])
def test_long_report_is_the_token_weighted_mean_of_its_chunks(
    plain: Path, normalising: Path, normalise: bool
):
    encoder = ReportEncoder(str(normalising if normalise else plain), device="cpu")
    # 5 + 3 + 5 tokens a round, 22 fit beside the special ones: 5 + 3 + 5 + 5 + 3 | 5.
    text = "The lungs are clear. No effusion. Heart size is normal. " * 2
    first = "The lungs are clear. No effusion. Heart size is normal. The lungs are clear. No effusion."
    second = "Heart size is normal."
    parts = encoder.encode([first, second])
    expected = (21 * parts[0] + 5 * parts[1]) / 26
    if normalise:
        expected = expected / np.linalg.norm(expected)
    np.testing.assert_allclose(encoder.encode([text.strip()])[0], expected, atol=1e-5)


def test_one_long_sentence_is_not_cut_off(encoder: ReportEncoder):
    base = "the lungs are clear no effusion " * 8
    a, b = encoder.encode([base + "left", base + "right"])
    assert np.abs(a - b).max() > 1e-4


def test_equal_texts_are_encoded_once(encoder: ReportEncoder, monkeypatch: pytest.MonkeyPatch):
    seen: list[str] = []
    inner = encoder._encode_chunks
    monkeypatch.setattr(encoder, "_encode_chunks", lambda chunks: seen.extend(chunks) or inner(chunks))
    found = encoder.encode(["No effusion.", "Heart size is normal.", "No effusion."])
    assert seen == ["No effusion.", "Heart size is normal."]
    assert np.array_equal(found[0], found[2]) and not np.array_equal(found[0], found[1])


def test_no_texts(encoder: ReportEncoder):
    assert encoder.encode([]).shape == (0, 16)


def test_reference_is_saved_and_checked_by_hash(plain: Path, tmp_path: Path):
    model = shutil.copytree(plain, tmp_path / "model")
    encoder = ReportEncoder(str(model), device="cpu")
    encoder.save(tmp_path / "saved")
    assert not list((tmp_path / "saved").glob("*.safetensors"))
    back = load_report_encoder(tmp_path / "saved")
    assert back.name == "model" and back.config() == encoder.config()
    assert np.array_equal(back.encode([LONG]), encoder.encode([LONG]))
    other = save_bert(tmp_path / "other", seed=1)
    shutil.copy(other / "model.safetensors", model / "model.safetensors")
    with pytest.raises(UserError, match=r"its weights are not those.*encode again"):
        load_report_encoder(tmp_path / "saved")


def test_hash_needs_weights(plain: Path, tmp_path: Path):
    model = shutil.copytree(plain, tmp_path / "model")
    (model / "model.safetensors").unlink()
    with pytest.raises(UserError, match="no weights"):
        ReportEncoder(str(model)).weights_hash()
    with pytest.raises(UserError, match="cannot be loaded"):
        ReportEncoder(str(model), device="cpu").encode(["text"])


@pytest.mark.parametrize("name", ["./models/none", "nope"])
def test_missing_folder_is_no_hub_name(name: str):
    with pytest.raises(UserError, match=r"no such folder; give .* OWNER/MODEL"):
        ReportEncoder(name)


def test_unknown_model_without_network_is_one_line(monkeypatch: pytest.MonkeyPatch):
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(UserError, match="cannot be loaded") as caught:
        ReportEncoder("no-such-organisation/no-such-model", device="cpu").encode(["text"])
    assert "\n" not in str(caught.value) and "minilm" in str(caught.value)


def test_default_is_the_packaged_model():
    encoder = ReportEncoder(device="cpu")
    assert encoder.name == "minilm" and encoder.dim == 384
    a, b, c = encoder.encode(["Large pleural effusion.", "There is a big pleural effusion.", "Normal heart."])
    assert np.linalg.norm(a - b) < np.linalg.norm(a - c)
    assert ALIASES["clinicalbert"] == "emilyalsentzer/Bio_ClinicalBERT"
