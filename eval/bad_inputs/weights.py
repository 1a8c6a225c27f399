"""Weights, pickles, checkpoints and programs from strangers."""

from __future__ import annotations

import json
import os
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bad_inputs.changes import Act, both, copy, cut, flip, in_json, remove, write
from common.trials import Case

P = "predict clf studies.parquet --out new.csv"
V = "encode studies.parquet --out new --image-encoder vae --report-encoder none"
T = "train-classifier studies.parquet --out new --model {} --epochs 0 --weights w.pth"
SAFE = "clf/model.safetensors"
CONFIG = "clf/config.json"


class Evil:
    """Unpickled, it makes a file."""

    def __reduce__(self) -> Any:
        return os.system, ("touch evil",)


def cases() -> list[Case]:
    return [*models(), *configs(), *checkpoints(), *programs()]


def models() -> list[Case]:
    """A model's safetensors."""
    huge = json.dumps({"a": {"dtype": "F32", "shape": [10**9, 10**9], "data_offsets": [0, 4 * 10**18]}})
    below = json.dumps({"a": {"dtype": "F32", "shape": [2], "data_offsets": [8, 0]}})
    other = json.dumps({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}})
    acts: dict[str, Act] = {
        "empty": write(SAFE, b""), "text": write(SAFE, b"hello"), "zeros": write(SAFE, bytes(4000)),
        "cut": cut(SAFE), "head cut": cut(SAFE, 0.01), "bytes changed in the head": flip(SAFE, 0.005),
        "gone": remove(SAFE), "head of 2**63": write(SAFE, struct.pack("<Q", 2**63) + b"{}"),
        "head of 2**32": write(SAFE, struct.pack("<Q", 2**32) + b"{}"), "tensors of 4 EB": write(SAFE,
        safe(huge)), "offsets below zero": write(SAFE, safe(below)), "other tensors": write(SAFE,
        safe(other, bytes(4))), "of another model": copy("vae/model.safetensors", SAFE), "a pickle":
        pickled(SAFE), "a zip": write(SAFE, b"PK\x03\x04" + bytes(99)), "weights of NaN": filled(SAFE,
        float("nan")), "weights of infinity": filled(SAFE, float("inf")), "weights of 1e38": filled(SAFE,
        1e38), "a folder": both(remove(SAFE), write(f"{SAFE}/a", b"")),
    }  # fmt: skip
    found = [Case(P, "clf|weights|score", act, name=f"weights: {name}") for name, act in acts.items()]
    vae = "vae/model.safetensors"
    found += [
        Case(V, "vae", act, name=f"VAE: {name}")
        for name, act in {
            "cut": cut(vae),
            "gone": remove(vae),
            "of another": copy(SAFE, vae),
            "pickle": pickled(vae),
            "NaN": filled(vae, float("nan")),
        }.items()
    ]
    return found


def safe(head: str, body: bytes = b"") -> bytes:
    return struct.pack("<Q", len(head)) + head.encode() + body


def filled(name: str, value: float) -> Act:
    def act(here: Path) -> None:
        import torch
        from safetensors.torch import load_file, save_file

        found = load_file(here / name)
        full = {key: torch.full_like(t, value) if t.is_floating_point() else t for key, t in found.items()}
        save_file(full, here / name)

    return act


def pickled(name: str) -> Act:
    return write(name, pickle.dumps(Evil()))


def configs() -> list[Case]:
    values: dict[str, Any] = {
        "image_size": 10**6, "labels": [], "width": 10**9, "nope": 1,
    }  # fmt: skip
    acts: dict[str, Act] = {
        f"config {name} {value!r}": in_json(CONFIG, "config", name, to=value)
        for name, value in values.items()
    }
    acts |= {
        "config image_size -1": in_json(CONFIG, "config", "image_size", to=-1), "config image_size 'x'":
        in_json(CONFIG, "config", "image_size", to="x"), "config labels 5": in_json(CONFIG, "config",
        "labels", to=5), "config labels twice": in_json(CONFIG, "config", "labels", to=["a", "a"]),
         "config of nothing":
        write(CONFIG, "{}"), "config cut": cut(CONFIG), "config empty": write(CONFIG, b""),
        "config a list": write(CONFIG, "[]"), "config gone": remove(CONFIG), "unknown classifier":
        in_json(CONFIG, "classifier", to="nope"), "classifier as list": in_json(CONFIG, "classifier",
        to=["small-cnn"]), "classifier of a module": in_json(CONFIG, "classifier", to="os.system"),
        "config as null": in_json(CONFIG, "config", to=None), "three labels for two": in_json(CONFIG,
        "config", "labels", to=["a", "b", "c"]),
    }  # fmt: skip
    found = [Case(P, "clf", act, name=f"classifier: {name}") for name, act in acts.items()]
    vae = {
        "latent_dim": 10**9,
        "image_size": 10**6,
        "width": 10**9,
        "stride": 0,
        "metric": "nope",
        "aspect": 7,
    }
    found += [
        Case(
            V,
            "vae|not one image",
            in_json("vae/config.json", "config", name, to=value),
            name=f"VAE: config {name} {value!r}",
            keeps="new",
        )
        for name, value in vae.items()
    ]
    found += [
        Case(
            "encode studies.parquet --out new --image-encoder pixels --report-encoder none --lungs lungs",
            "lungs",
            in_json("lungs/config.json", "config", name, to=value),
            name=f"lungs: config {name} {value!r}",
        )
        for name, value in {"image_size": 10**6, "width": 10**9}.items()
    ]
    return found


def checkpoints() -> list[Case]:
    """Published checkpoints given as --weights."""
    contents: dict[str, bytes | Act] = {
        "empty": b"", "text": b"hello", "zeros": bytes(3000), "a pickle that runs code": pickled("w.pth"),
        "a zip of a pickle that runs code": zipped_pickle, "a zip of nothing": zip_of_nothing, "a PNG":
        copy("film.png", "w.pth"), "other tensors": torch_saved({"a": 1}), "a number": torch_saved(5),
        "a list": torch_saved([1, 2]), "keys that are numbers": torch_saved({1: 2}), "state_dict of text":
        torch_saved({"state_dict": "x"}), "cut": both(torch_saved({"a": 1}), cut("w.pth")),
    }  # fmt: skip
    found = [
        Case(
            T.format(model),
            "w.pth",
            act if callable(act) else write("w.pth", act),
            name=f"{model} from {name}",
        )
        for model in ("chexnet", "mobilenetv2")
        for name, act in contents.items()
    ]
    found += [
        Case("train-classifier studies.parquet --out new --model small-cnn --weights nope", "nope"),
        Case("train-classifier studies.parquet --out new --model small-cnn --weights imagenet", "imagenet"),
        Case("train-classifier studies.parquet --out new --model small-cnn --weights vae", "vae"),
        Case("train-classifier studies.parquet --out new --model small-cnn --weights emb", "emb"),
        Case("train-classifier studies.parquet --out new --model small-cnn --weights notes.txt", "notes.txt"),
        Case(
            "train-classifier studies.parquet --out new --model small-cnn --image-size 32 --weights clf "
            "--labels A,B",
            "label",
        ),
        Case(
            "train-classifier studies.parquet --out new --model resnet101v2 --weights w.h5 --epochs 0",
            "w.h5",
            write("w.h5", b"\x89HDF\r\n\x1a\n" + bytes(300)),
            name="resnet101v2 from a head of HDF5",
        ),
        Case(
            "train-classifier studies.parquet --out new --model resnet101v2 --weights w.h5 --epochs 0",
            "w.h5",
            write("w.h5", b"hello"),
            name="resnet101v2 from a text",
        ),
        Case("train-classifier studies.parquet --out new --model small-cnn --new-head", "--weights|new.head"),
    ]
    return found


def zipped_pickle(here: Path) -> None:
    with zipfile.ZipFile(here / "w.pth", "w") as archive:
        archive.writestr("w/data.pkl", pickle.dumps(Evil()))
        archive.writestr("w/version", "3")


def zip_of_nothing(here: Path) -> None:
    with zipfile.ZipFile(here / "w.pth", "w"):
        pass


def torch_saved(value: Any) -> Act:
    def act(here: Path) -> None:
        import torch

        torch.save(value, here / "w.pth")

    return act


def programs() -> list[Case]:
    line = "encode studies.parquet --out new --report-encoder none --image-encoder torch:net.pt"
    contents: dict[str, bytes | Callable[[Path], None]] = {
        "empty": b"", "text": b"hello", "a pickle": pickled("net.pt"), "a zip of nothing":
        b"PK\x05\x06" + bytes(18), "a zip of a pickle": both(zipped_pickle, copy("w.pth", "net.pt"),
        remove("w.pth")), "a state dict": both(torch_saved({"a": 1}), copy("w.pth", "net.pt"),
        remove("w.pth")), "zeros": bytes(5000),
    }  # fmt: skip
    return [
        Case(line, r"net\.pt", act if callable(act) else write("net.pt", act), name=f"program: {name}")
        for name, act in contents.items()
    ]
