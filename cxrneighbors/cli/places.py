"""Files and folders that a verb was given: there, and of the kind that it reads; and outputs that can be."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cxrneighbors.errors import UserError

# Folders with a manifest: parameter -> what it describes, the verb that writes it.
MADE_BY = {
    "index": ("index", "index"),
    "embeddings": ("embeddings", "encode"),
    "evaluation": ("evaluation", "evaluate"),
}
# Folders with a model: parameter -> its noun in config.json, the verb that writes it.
MODELS = {"classifier": ("classifier", "train-classifier"), "lungs": ("segmenter", "train-lungs")}
MODELS |= {"view_classifier": ("classifier", "predict-views")}
FILES = (
    "image",
    "regions",
    "tables",
    "reports",
    "patients_table",
    "rules",
    "films",
    "password_file",
    "pseudonymise",
)
# What may lie in a verb's --out, by the kind in its manifest.
WRITES = {
    "encode": ("embeddings",),
    "index": ("index",),
    "evaluate": ("evaluation",),
    "train-vae": ("VAE training", "training in lung frames"),
    "train-contrastive": ("contrastive training", "training in lung frames"),
    "train-report-encoder": ("report encoder training",),
    "train-classifier": ("classifier training",),
    "train-lungs": ("lung segmenter training",),
    "explain": ("explanation", "explanations"),
    "evaluate-explanations": ("benchmark records",),
    "audit": ("audit",),
    "demo": (),
}
HUB_OR_FILE = ("train-classifier weights", "image_encoder", "report_encoder", "base")
WORDS = ("imagenet", "none")
LAYERS = ("features", "logits", "probabilities")  # of classifier:DIR:LAYER
CONFIGS = ("config.json", "modules.json")  # a folder of sentence-transformers may hold the second alone
PARQUET = b"PAR1"


def check_places(verb: str, given: Mapping[str, Any], spelled: Mapping[str, str]) -> None:
    """Raise `UserError` for a file or folder that is not there or of another kind; see `checks.check`."""
    for name, value in given.items():
        for path in value if isinstance(value, list) else [value]:
            if isinstance(path, Path) and name != "out":
                _check_input(verb, name, path, spelled[name])
            elif isinstance(path, str) and name in HUB_OR_FILE:
                _check_model_name(verb, name, str(path), spelled[name])
    if given.get("target") is not None and isinstance(given.get("classifier"), Path):
        _check_target(given["classifier"], given["target"], spelled["target"])
    if isinstance(given.get("out"), Path) and verb in WRITES:
        _check_out(verb, given["out"])


def _check_input(verb: str, name: str, path: Path, option: str) -> None:
    if f"{verb} {name}" in HUB_OR_FILE:
        _check_model_name(verb, name, str(path), option)
    elif name in MADE_BY:
        _check_made(path, *MADE_BY[name])
    elif name in MODELS:
        _check_model(path, *MODELS[name])
    elif name == "studies" and not (verb == "label-reports" and _is_zip(path)):
        _check_studies(path)
    elif name == "image" and path.is_dir():
        raise UserError(f"{option} {path}: is a folder; give an image file")
    elif (name in FILES or (verb == "train-lungs" and name == "root")) and not path.exists():
        raise UserError(f"{option} {path}: no such file or folder; check the path")


def _check_studies(path: Path) -> None:
    if path.is_dir():
        raise UserError(f"{path}: is a folder; give a study table that `cxrneighbors import` wrote")
    if not path.is_file():
        raise UserError(f"{path}: no such file; make a study table with `cxrneighbors import`")
    if path.name.lower().endswith((".csv", ".csv.gz", ".tsv")):
        remedy = f"`cxrneighbors import folder {path} --out TABLE.parquet`"
        raise UserError(f"{path}: a CSV; make a study table of it with {remedy}")
    with open(path, "rb") as stream:
        if stream.read(len(PARQUET)) != PARQUET:
            raise UserError(f"{path}: is no study table (Parquet); make one with `cxrneighbors import`")


def _is_zip(path: Path) -> bool:
    return path.suffix.lower() == ".zip" and path.is_file()


def _check_made(folder: Path, kind: str, made_by: str) -> None:
    from cxrneighbors.artifact import MANIFEST

    remedy = f"give a folder that `cxrneighbors {made_by}` wrote"
    found = _json(folder, MANIFEST, remedy)
    if found and found.get("kind") != kind:
        raise UserError(f"{folder}: holds {found.get('kind')}, not {kind}; {remedy}")


def _check_model(folder: Path, noun: str, made_by: str) -> None:
    from cxrneighbors.models import CONFIG

    remedy = f"give a folder that `cxrneighbors {made_by}` wrote"
    found = _json(folder, CONFIG, remedy)
    if found and noun not in found:
        held = next((f"a model of kind {kind!r}" for kind in ("encoder", "classifier") if kind in found), "")
        raise UserError(f"{folder}: holds {held or 'something else'}, no {noun}; {remedy}")


def _check_target(classifier: Path, target: str, option: str) -> None:
    config = _json(classifier, "config.json", "").get("config", {})
    labels = config.get("labels") if isinstance(config, dict) else None
    if isinstance(labels, list) and target not in labels:
        raise UserError(f"{option} {target!r}: no label of {classifier}; choose one of: {', '.join(labels)}")


def _json(folder: Path, name: str, remedy: str) -> dict[str, Any]:
    """The content of a folder's JSON file; nothing of an older form, which the reader itself tells of."""
    from cxrneighbors.files import read_json

    if not folder.exists():
        raise UserError(f"{folder}: no such folder; {remedy}")
    if not folder.is_dir():
        raise UserError(f"{folder}: is a file; {remedy}")
    if not (folder / name).is_file():
        if (folder / "index.json").is_file():
            return {}
        raise UserError(f"{folder}: holds no {name}; {remedy}")
    found = read_json(folder / name, remedy=remedy)
    return found if isinstance(found, dict) else {}


def _check_model_name(verb: str, name: str, text: str, option: str) -> None:
    """A hub name, a known word, or a file or folder that is there."""
    from cxrneighbors.cli.known import IMAGE_ENCODERS, REPORT_ENCODERS
    from cxrneighbors.hub import is_hub_name, is_sentence_model_name, looks_like_path

    if name in ("image_encoder", "report_encoder") and "+" in text and not Path(text).exists():
        for part in text.split("+"):
            _check_model_name(verb, name, part, option)
        return
    known = (*IMAGE_ENCODERS, *WORDS) if name in ("image_encoder", "weights") else REPORT_ENCODERS
    is_name = is_hub_name if name in ("image_encoder", "weights") else is_sentence_model_name
    kind, _, rest = text.partition(":")
    if text in known:
        return
    if Path(text).exists():
        if (
            name != "weights"
            and Path(text).is_dir()
            and not any((Path(text) / each).is_file() for each in CONFIGS)
        ):
            raise UserError(
                f"{option} {text}: holds no {CONFIGS[0]}; give a folder that a model was saved to"
            )
    elif name == "image_encoder" and kind == "torch" and rest:
        if not Path(rest).is_file():
            raise UserError(f"{option} {text!r}: no such file")
    elif name == "image_encoder" and kind == "classifier" and rest:
        folder, _, layer = (rest, "", LAYERS[0]) if Path(rest).exists() else rest.rpartition(":")
        if folder and layer not in LAYERS:
            raise UserError(f"{option} {text!r}: no layer {layer!r}; choose one of: {', '.join(LAYERS)}")
        _check_model(Path(folder or rest), *MODELS["classifier"])
    elif looks_like_path(text) or not is_name(text):
        raise UserError(f"{option} {text!r}: no such file or folder{_instead(name)}")


def _instead(name: str) -> str:
    from cxrneighbors.cli.known import IMAGE_ENCODERS, REPORT_ENCODERS

    if name == "report_encoder":
        return f", and none of: {', '.join(REPORT_ENCODERS)}; OWNER/MODEL"
    if name == "image_encoder":
        return f", and none of: {', '.join(IMAGE_ENCODERS)}; classifier:DIR, torch:FILE, OWNER/MODEL"
    return "; check the path, or give a model's name"


def _check_out(verb: str, folder: Path) -> None:
    from cxrneighbors.artifact import MANIFEST
    from cxrneighbors.files import read_json
    from cxrneighbors.models import CONFIG

    if folder.exists() and not folder.is_dir():
        raise UserError(f"--out {folder}: is a file; give a folder")
    if (folder / MANIFEST).is_file():
        found = read_json(folder / MANIFEST, remedy="give another folder, or delete this one")
        kind = found.get("kind") if isinstance(found, dict) else None
        if kind not in WRITES[verb]:
            raise UserError(f"--out {folder}: holds {kind}; give a new or empty folder")
    elif (folder / CONFIG).is_file():
        raise UserError(f"--out {folder}: holds a model; give a new or empty folder")
