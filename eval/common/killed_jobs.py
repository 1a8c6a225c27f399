"""Jobs at a size of seconds that are killed and resumed: their command lines, and what they read."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import cxrneighbors
from common.killing import run_forked
from cxrneighbors.cli.main import run as command_line
from cxrneighbors.errors import UserError
from cxrneighbors.progress import say

LIBRARIES = (
    "hnswlib",
    "lime.lime_image",
    "sentence_transformers",
    "skimage.segmentation",
    "sklearn.linear_model",
)
# What jobs read, by the names that stand behind {here}, the work folder.
INPUTS = {
    "studies": "import phantom {here}/phantom --out {here}/studies.parquet --patients 30 --image-size 64",
    "films": "encode {here}/studies.parquet --out {here}/films --image-encoder pca --report-encoder none",
    "index": "index {here}/films --studies {here}/studies.parquet --out {here}/index",
    "classifier": "train-classifier {here}/studies.parquet --out {here}/classifier --model small-cnn "
    "--epochs 1 --image-size 32 --device cpu",
    "both": "encode {here}/studies.parquet --out {here}/both --image-encoder pca --report-encoder tfidf",
}
JOBS = {
    "encode": "encode {here}/studies.parquet --out {out} --image-encoder pca --report-encoder tfidf "
    "--shard-size 8 --batch-size 4",
    "index": "index {here}/both --studies {here}/studies.parquet --out {out}",
    "train-vae": "train-vae {here}/studies.parquet --out {out} --latent-dim 4 --epochs 3 --image-size 32 "
    "--batch-size 8 --device cpu",
    "train-classifier": "train-classifier {here}/studies.parquet --out {out} --model small-cnn --epochs 3 "
    "--image-size 32 --batch-size 8 --device cpu",
    "train-report-encoder": "train-report-encoder {here}/studies.parquet --base {here}/language --out {out} "
    "--epochs 3 --batch-size 8 --max-tokens 24 --device cpu",
    "evaluate": "evaluate {here}/index --out {out} -k 3 --permutations 199 --baselines pixels",
    "explain": "explain {here}/index --out {out} --classifier {here}/classifier --among split=='test' "
    "--limit 4 --target Effusion -k 2 -p 20 --segmentation slic --device cpu",
}


def import_everything() -> None:
    """All modules of the package but the explorer's, and what they import late."""
    names = [each.name for each in pkgutil.walk_packages(cxrneighbors.__path__, "cxrneighbors.")]
    for name in (*names, *LIBRARIES):
        if not name.startswith("cxrneighbors.app") and not name.endswith("__main__"):
            try:
                importlib.import_module(name)
            except ImportError:
                say(f"{name}: not here")


def make_inputs(here: Path, jobs: Sequence[str]) -> None:
    """Make what `jobs` read, and what that is made of."""
    names = {name for job in jobs for name in read_by(JOBS[job])}
    works = {name: command(text, here) for name, text in INPUTS.items() if name in names}
    if "language" in names:
        works["language"] = partial(tiny_language_model, here / "language")
    for work in works.values():
        ended = run_forked(work, here / "scratch")
        if ended.code:
            raise UserError(f"the inputs cannot be made: {ended.said[-300:]}")


def read_by(text: str) -> set[str]:
    """Names of all inputs of a command, and of theirs."""
    names = set(re.findall(r"(?<!--out )\{here\}/(\w+)", text)) - {"phantom"}
    return names.union(*(read_by(INPUTS[name]) for name in names if name in INPUTS))


def command(text: str, here: Path) -> Callable[[], None]:
    words = [word.format(here=here, out=here / "job" / "out") for word in text.split()]
    return partial(command_line, words)


def tiny_language_model(folder: Path) -> None:
    """A random BERT of 2 layers and 16 dimensions that knows the letters."""
    from transformers import BertConfig, BertModel, BertTokenizer

    letters = [chr(number) for number in range(33, 127)]
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{each}" for each in letters)]
    folder.mkdir()
    (folder / "vocab.txt").write_text("\n".join(words), encoding="utf-8")
    config = BertConfig(
        vocab_size=len(words), hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=32, max_position_embeddings=32,
    )  # fmt: skip
    BertModel(config).save_pretrained(folder)
    BertTokenizer.from_pretrained(str(folder), model_max_length=32).save_pretrained(folder)
