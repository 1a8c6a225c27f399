"""An index that was damaged, with its hashes as they were, and with hashes made to fit."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np

from bad_inputs.changes import Act, both, copy, cut, flip, in_json, in_table, rehashed, remove, write
from bad_inputs.place import FILM
from common.trials import Case

S = f"search idx --image-id {FILM}"
M = "idx/manifest.json"
FILES = ("studies.parquet", "vectors/image.npy", "vectors/image.rows.npy", "graphs/image-PA.bin",
         "graphs/fused-PA.bin", "encoders/image/model.safetensors", "encoders/image/config.json")  # fmt: skip
GRAPH = "idx/graphs/fused-PA.bin"


def cases() -> list[Case]:
    return [*by_accident(), *graphs(), *arrays(), *manifest(), *content()]


def by_accident() -> list[Case]:
    found = []
    for name in FILES:
        path = f"idx/{name}"
        for title, act in (("cut", cut(path)), ("changed", flip(path)), ("gone", remove(path))):
            # Films are searched by id without the encoder.
            line = S if "encoders" not in name else "search idx --image film.png"
            found.append(Case(line, Path(name).name, act, name=f"{name}: {title}"))
    found.append(Case(S, "image-PA", copy(GRAPH, "idx/graphs/image-PA.bin"), name="graphs swapped"))
    found.append(
        Case(S, "image.npy", copy("idx/vectors/report.npy", "idx/vectors/image.npy"), name="vectors swapped")
    )
    return found


def graphs() -> list[Case]:
    """hnswlib's file: offset_level0, max_elements, cur_element_count, ... as little-endian numbers."""
    acts: dict[str, Act] = {
        "empty": write(GRAPH, b""), "text": write(GRAPH, b"hello"), "zeros": write(GRAPH, bytes(5000)),
        "ones": write(GRAPH, b"\xff" * 5000), "cut": cut(GRAPH, 0.7), "head alone": cut(GRAPH, 0.01),
        "tail changed": flip(GRAPH, 0.95), "middle changed": flip(GRAPH, 0.5), "of another view":
        copy("idx/graphs/fused-AP.bin", GRAPH), "of another modality": copy("idx/graphs/image-PA.bin", GRAPH),
    }  # fmt: skip
    for field, place in (("count", 16), ("size per element", 24), ("label offset", 32),
                         ("level", 48), ("entry point", 52), ("maxM", 56), ("maxM0", 64)):  # fmt: skip
        acts[f"{field} of all ones"] = number_at(
            GRAPH, place, 2**64 - 1 if field not in ("level", "entry point") else 2**31 - 1
        )
    found = [
        Case(S, "fused-PA", both(act, rehashed("idx")), name=f"graph, hash rewritten: {name}")
        for name, act in acts.items()
    ]
    return found


def number_at(name: str, place: int, value: int) -> Act:
    def act(here: Path) -> None:
        content = bytearray((here / name).read_bytes())
        code = "<Q" if value >= 2**32 else "<I"
        content[place : place + struct.calcsize(code)] = struct.pack(code, value)
        (here / name).write_bytes(bytes(content))

    return act


def arrays() -> list[Case]:
    name = "idx/vectors/image.npy"

    def array(value: np.ndarray) -> Act:
        stream = io.BytesIO()
        np.save(stream, value, allow_pickle=True)
        return write(name, stream.getvalue())

    rows = "idx/vectors/image.rows.npy"
    acts: dict[str, Act] = {
        "NaN": changed(name, lambda v: v * np.nan), "infinite": changed(name, lambda v: v + np.inf),
        "fewer rows": changed(name, lambda v: v[:5]), "fewer dims": changed(name, lambda v: v[:, :2]),
        "float64": changed(name, lambda v: v.astype(np.float64)), "one axis": changed(name,
        lambda v: v.ravel()), "texts": array(np.array(["a", "b"])), "objects": array(np.array([{"a": 1}],
        dtype=object)), "empty file": write(name, b""), "no array": write(name, b"hello"), "head alone":
        cut(name, 0.05), "a shape of 10**12": npy_head(name, "(1000000000000, 6)"), "a shape below zero":
        npy_head(name, "(-5, 6)"), "code as shape": npy_head(name,
        "__import__('os').system('touch evil')"), "rows beyond the table": changed(rows,
        lambda v: v + 1000), "rows below zero": changed(rows, lambda v: v - 9), "rows twice":
        changed(rows, lambda v: v * 0), "rows as float": changed(rows, lambda v: v.astype(np.float32)),
    }  # fmt: skip
    return [
        Case(S, "image", both(act, rehashed("idx")), name=f"vectors, hash rewritten: {title}")
        for title, act in acts.items()
    ]


def changed(name: str, change: Callable[[np.ndarray], np.ndarray]) -> Act:
    def act(here: Path) -> None:
        np.save(here / name, change(np.load(here / name)))

    return act


def npy_head(name: str, shape: str) -> Act:
    head = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return write(name, b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode() + bytes(400))


def manifest() -> list[Case]:
    values = {
        "format": 99, "kind": "embeddings", "complete": False, "backend": "nope", "weights":
        {"image": -1}, "fusion": "nope", "modalities": ["nope"], "dim": {"image": 10**12}, "partitions":
        "x", "scale": {"image": 0},
    }  # fmt: skip
    found = [
        Case(S, "", in_json(M, name, to=value), name=f"manifest: {name} {value!r}")
        for name, value in values.items()
    ]
    found += [Case(S, "", in_json(M, name, to=...), name=f"manifest: no {name}") for name in values]
    partition = {
        "file": "../../notes.txt", "modality": "nope", "view": "nope", "count": 10**12,
    }  # fmt: skip
    found += [
        Case(S, "", in_json(M, "partitions", 0, name, to=value), name=f"partition: {name} {value!r}")
        for name, value in partition.items()
    ]
    settings = {"space": "cosine", "dim": 7, "count": 5, "ef": 10**12, "M": -1}
    found += [
        Case(
            S,
            "",
            in_json(M, "partitions", 6, "settings", name, to=value),
            name=f"graph settings: {name} {value!r}",
        )
        for name, value in settings.items()
    ]
    found += [
        Case(S, "", in_json(M, "weights", "image", to=1e300), name="manifest: a weight of 1e300"),
        Case(S, "", in_json(M, "weights", "image", to="x"), name="manifest: a weight in words"),
        Case(S, "", in_json(M, "scale", "image", to=-1), name="manifest: a scale below zero"),
        Case(
            S,
            "elsewhere",
            in_json(M, "partitions", 0, "file", to="/etc/passwd"),
            name="partition: an absolute path",
        ),
    ]
    return found


def content() -> list[Case]:
    """Tables and encoders in the index that are others, hashes made to fit."""
    table = "idx/studies.parquet"
    acts: dict[str, tuple[str, Act]] = {
        "table cut": (S, cut(table)), "table of fewer rows": (S, in_table(table, lambda t: t.head(9))),
        "table of another order": (S, in_table(table, lambda t: t.iloc[::-1])), "ids twice": (S,
        in_table(table, lambda t: t.assign(image_id=FILM))), "no patients": (S, in_table(table,
        lambda t: t.drop(columns="patient_id"))), "views changed": (S, in_table(table,
        lambda t: t.assign(view="AP"))), "labels by its name": (S, copy("labels.parquet", table)),
        "encoder's config cut": ("search idx --image film.png", cut("idx/encoders/image/config.json")),
        "encoder's config of a size": ("search idx --image film.png",
        in_json("idx/encoders/image/config.json", "config", "image_size", to=10**6)), "encoder unknown":
        ("search idx --image film.png", in_json("idx/encoders/image/config.json", "encoder", to="nope")),
        "encoder of a hub": ("search idx --image film.png", in_json("idx/encoders/image/config.json",
        "encoder", to="evil/model")), "encoder's weights cut": ("search idx --image film.png",
        cut("idx/encoders/image/model.safetensors")), "encoder's weights of another":
        ("search idx --image film.png", copy("clf/model.safetensors",
        "idx/encoders/image/model.safetensors")), "vocabulary cut": ("search idx --text a",
        cut("idx/encoders/report/vocabulary.json")), "vocabulary of numbers": ("search idx --text a",
        write("idx/encoders/report/vocabulary.json", "[1, 2]")),
    }  # fmt: skip
    return [
        Case(line, "", both(act, rehashed("idx")), name=f"content, hash rewritten: {name}")
        for name, (line, act) in acts.items()
    ]
