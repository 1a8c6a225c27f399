"""Tables, vectors and settings that cannot be encoded or indexed."""

from __future__ import annotations

from typing import Any

from bad_inputs.changes import both, copy, cut, flip, in_json, in_table, rehashed, remove, write
from common.trials import Case

E = "encode studies.parquet --out new --image-encoder pixels --report-encoder none"
T = "encode studies.parquet --out new --image-encoder none --report-encoder tfidf"
I = "index emb --studies studies.parquet --out new"  # noqa: E741
PART = "emb/image/part-00000.parquet"


def cases() -> list[Case]:
    return [*calls(), *tables(), *vectors()]


def calls() -> list[Case]:
    refused = {
        "encode nope.parquet --out new": "nope", "encode notes.txt --out new": "notes.txt",
        "encode films/studies.csv --out new": "studies.csv", "encode labels.parquet --out new":
        "labels.parquet", "encode emb --out new": "emb", "encode pred.csv --out new": "pred.csv",
        "encode studies.parquet nope.parquet --out new": "nope",
        "encode studies.parquet studies.parquet --out new --image-encoder pixels --report-encoder none":
        "twice|duplicate|repeat|same", f"{E} --image-encoder nope": "nope", f"{E} --image-encoder none":
        "nothing to encode", f"{E} --image-encoder ''": "--image-encoder", f"{E} --image-encoder +":
        "--image-encoder", f"{E} --image-encoder pixels+": "--image-encoder",
        f"{E} --image-encoder pixels+nope": "nope", f"{E} --image-encoder vae/model.safetensors":
        "vae|config", f"{E} --image-encoder notes.txt": "notes.txt", f"{E} --image-encoder emb": "emb",
        f"{E} --image-encoder lungs": "lungs", f"{E} --image-encoder clf": "classifier",
        f"{E} --image-encoder classifier:": "classifier", f"{E} --image-encoder classifier:vae": "vae",
        f"{E} --image-encoder classifier:clf:nope": "nope", f"{E} --image-encoder torch:": "torch",
        f"{E} --image-encoder torch:notes.txt": "notes.txt", f"{E} --image-encoder torch:film.png":
        "film.png", f"{E} --lungs clf": "clf", f"{E} --lungs nope": "nope", f"{E} --lungs notes.txt":
        "notes.txt", f"{E} --report-encoder nope": "nope", f"{E} --report-encoder ''": "--report-encoder",
        f"{E} --report-encoder vae": "vae", f"{E} --report-encoder notes.txt": "notes.txt",
        f"{E} --adapt": "adapt", f"{E} --mask-labels": "mask|report", f"{E} --mask-sentences":
        "mask|report", f"{T} --adapt": "adapt|tfidf", f"{E} --batch-size 0": "--batch-size",
        f"{E} --shard-size 0": "--shard-size", f"{E} --shard-size -5": "--shard-size",
        f"{E} --engine nope": "--engine", f"{E} --device nope": "--device", f"{E} --device cuda": "cuda",
        f"{E} --device cuda:99": "cuda", f"{E} --device cpu:x": "--device", f"{E} --out emb": "emb",
        f"{E} --out idx": "idx", f"{E} --out vae": "vae", f"{E} --out ''": "is |\\.",
        f"{E} --out studies.parquet": "studies.parquet", "index emb --out new": "--studies",
        "index emb --studies nope --out new": "nope", "index nope --studies studies.parquet --out new":
        "nope", "index idx --studies studies.parquet --out new": "idx",
        "index clf --studies studies.parquet --out new": "clf", f"{I} --studies labels.parquet":
        "labels.parquet", f"{I} --weights foo": "weights", f"{I} --weights image=0,report=0": "weights",
        f"{I} --weights image=-1,report=1": "weights", f"{I} --weights image=nan,report=1": "weights",
        f"{I} --weights image=1e300,report=1": "weights", f"{I} --weights auto,image=1": "weights",
        f"{I} --fusion nope": "--fusion", f"{I} --backend nope": "--backend", f"{I} --out emb": "emb",
        f"{I} --out studies.parquet": "studies.parquet", f"{I} --add": "new|add", f"{I} --add --out emb":
        "emb", f"{I} --add --out clf": "clf", f"{I} --add --out idx --weights image=2,report=1":
        "weights", "export-index nope --share new": "nope", "export-index emb --share new": "emb",
        "export-index idx --share idx": "idx", "export-index idx --share idx/inside": "idx",
        "export-index idx --share notes.txt": "notes.txt", "export-index idx --share clf": "clf",
        "export-index idx --share new --mapping new/whose.csv": "mapping|new",
        "export-index idx --share new " "--mapping whose.txt": "whose.txt",
        "export-index idx --share new --mapping notes.txt": "notes.txt",
        "export-index idx --share new --mapping empty": "empty", "export-index idx": "--share",
        "verify nope": "nope", "verify notes.txt": "notes.txt", "verify empty": "empty", "verify films":
        "films",
    }  # fmt: skip
    return [Case(line, said) for line, said in refused.items()]


def tables() -> list[Case]:
    """A study table that was changed outside."""
    name = "studies.parquet"

    def column(column: str, value: Any) -> Any:
        return in_table(name, lambda table: table.assign(**{column: value}))

    bad = {
        "cut": cut(name), "bytes changed": flip(name, 0.9), "empty": write(name, b""), "mark alone":
        write(name, b"PAR1"), "no rows": in_table(name, lambda table: table.head(0)), "no image_id":
        drop(name, "image_id"), "no patient_id": drop(name, "patient_id"), "no findings": drop(name,
        "findings"), "no path": drop(name, "path"), "one id for all": column("image_id", "a"),
        "ids missing": column("image_id", None), "blank ids": column("image_id", ""), "unknown view":
        column("view", "sideways"), "view as number": column("view", 5), "age in words": column("age",
        "old"), "age below zero": column("age", -5.0), "sex of X": column("sex", "X"),
        "findings as number": column("findings", 3), "path as number": column("path", 3), "split unknown":
        column("split", "later"), "patients missing": column("patient_id", None), "labels by that name":
        copy("labels.parquet", name), "another table by that name": copy("emb/image/part-00000.parquet",
        name),
    }  # fmt: skip
    found = [
        Case(E, "studies.parquet|study table|not one image", act, name=f"table: {title}", keeps="new")
        for title, act in bad.items()
    ]
    found += [
        Case(
            T,
            "report",
            in_table(name, lambda t: t.assign(report=None, sections=None)),
            name="no report in the table",
        ),
        Case(E, "image|film|path", column("path", None), name="no film in the table"),
        Case(
            f"{I} --studies studies.parquet",
            "studies.parquet|ids|other",
            in_table(name, lambda t: t.head(9)),
            name="index: a table of fewer films",
        ),
    ]
    return found


def drop(name: str, column: str) -> Any:
    return in_table(name, lambda table: table.drop(columns=column))


def vectors() -> list[Case]:
    """Embeddings that are not what encode wrote; with hashes as they were, and made to fit."""
    import numpy as np

    def vector(value: float) -> Any:
        return in_table(
            PART, lambda t: t.assign(vector=[np.full(len(v), value, np.float32) for v in t["vector"]])
        )

    fit = rehashed("emb")
    plain = {
        "shard cut": cut(PART), "shard changed": flip(PART), "shard gone": remove(PART), "manifest gone":
        remove("emb/manifest.json"), "manifest cut": cut("emb/manifest.json"), "not complete":
        in_json("emb/manifest.json", "complete", to=False), "another format": in_json("emb/manifest.json",
        "format", to=99), "another kind": in_json("emb/manifest.json", "kind", to="index"),
        "files as list": in_json("emb/manifest.json", "files", to=[]), "image as null":
        in_json("emb/manifest.json", "modalities", "image", to=None),
    }  # fmt: skip
    fitting = {
        "vectors of NaN": vector(np.nan), "vectors of infinity": vector(np.inf), "vectors of 1e38":
        vector(1e38), "shard cut": cut(PART), "shard empty": write(PART,
        b""), "another table": copy("labels.parquet", PART), "an id twice": in_table(PART,
        lambda t: t.assign(image_id=t["image_id"].iloc[0])), "unknown ids": in_table(PART,
        lambda t: t.assign(image_id="x" + t["image_id"])), "vectors of two lengths": in_table(PART,
        lambda t: t.assign(vector=[v[: 1 + n % 2] for n, v in enumerate(t["vector"])])), "no rows":
        in_table(PART, lambda t: t.head(0)), "vectors as text": in_table(PART,
        lambda t: t.assign(vector="x")),
    }  # fmt: skip
    found = [Case(I, "emb", act, name=f"embeddings: {name}") for name, act in plain.items()]
    return found + [
        Case(I, "emb|part|vector|id", both(act, fit), name=f"embeddings, hashes rewritten: {name}")
        for name, act in fitting.items()
    ]
