"""The command line of a script: options that several share, and mistakes answered in one line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cxrneighbors.errors import UserError

RESULTS = Path(__file__).parents[1] / "results"
_SHARED: dict[str, dict[str, Any]] = {
    "dataset": {"help": "name of a reader: chestxray14, covid-chestxray, openi, ..."},
    "root": {"type": Path, "help": "the data set in its published layout"},
    "data": {"type": Path, "help": "folder of several data sets in their published layouts"},
    "--train": {
        "nargs": 2,
        "action": "append",
        "default": [],
        "metavar": ("DATASET", "ROOT"),
        "help": "learn from this data set instead of the scored one; may be given again",
    },
    "--image-encoder": {"default": "vae", "help": "vae (trained here), pca, pixels, none, a folder"},
    "--report-encoder": {"default": "minilm", "help": "minilm, tfidf, none, a model's name or folder"},
    "--definition": {"default": "any", "choices": ["any", "any-disease", "jaccard", "exact"]},
    "--one-per": {"default": "patient", "choices": ["image", "study", "patient"], "help": "see evaluate"},
    "-k": {"type": int, "default": 5, "help": "neighbours of a target"},
    "--epochs": {"type": int, "default": 30},
    "--image-size": {"type": int, "default": 224, "help": "pixels a side"},
    "--batch-size": {"type": int},
    "--data-sets": {"type": int, "help": "made data sets of each kind"},
    "--jobs": {"type": int, "default": 2, "help": "processes"},
    "--seed": {"type": int, "default": 0},
    "--device": {"default": "auto", "help": "auto, cpu, cuda or cuda:N"},
    "--name": {"help": "of the result files; made of data set and folder where not given"},
    "--work": {"type": Path, "default": Path("build/eval"), "help": "folder for all that is no result"},
    "--results": {"type": Path, "default": RESULTS, "help": "folder for the result files"},
}


def options(description: str | None, *names: str, **defaults: Any) -> argparse.ArgumentParser:
    """Parser with the shared options `names`; `defaults` that are not the usual ones, as `image_size=96`."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in names:
        parser.add_argument(name, **_SHARED[name])
    parser.set_defaults(**defaults)
    return parser


def sample_name(given: argparse.Namespace) -> str:
    """--name, or DATASET-FOLDER."""
    return given.name or f"{given.dataset}-{given.root.name}"


def run(main: Callable[[], None]) -> None:
    """Run a script; a user's mistake is one line and exit code 2."""
    try:
        main()
    except UserError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
