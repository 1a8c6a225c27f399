"""Views that cannot be predicted; tables that cannot be assembled or relinked."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from bad_inputs.changes import in_table, remove, write
from common.trials import Case

P = "predict-views studies.parquet --classifier viewclf --out new.parquet"
T = "predict-views studies.parquet --out new.parquet --image-size 32 --epochs 1"
A = "assemble studies.parquet --class A=Effusion --class B=Mass --out new.parquet"
R = "relink studies.parquet --root phantom --out new.parquet"
NAME = "studies.parquet"


def cases() -> list[Case]:
    refused = {
        "predict-views nope --out new.parquet": "nope", "predict-views films --out new.parquet": "films",
        "predict-views labels.parquet --classifier viewclf --out new.parquet": "labels.parquet",
        f"{P} --classifier nope": "nope", f"{P} --classifier clf": "clf|view", f"{P} --classifier vae":
        "vae", f"{P} --classifier notes.txt": "notes.txt", f"{P} --least-probability 2":
        "--least-probability", f"{P} --least-probability nan": "--least-probability",
        f"{P} --least-probability -1": "--least-probability", f"{P} --model-out new": "model.out",
        f"{T} --model-out idx": "idx", f"{T} --model-out notes.txt": "notes.txt", f"{T} --model-out clf":
        "clf", f"{T} --per-view 1": "--per-view", f"{T} --image-size 8": "--image-size",
        f"{T} --epochs 0": "--epochs", f"{T} --image-size 100000": "image.size", f"{P} --out {NAME}":
        NAME, f"{P} --out idx": "idx", f"{P} --out notes.txt": "notes.txt", f"{P} --out labels.parquet":
        "labels.parquet", f"{P} --restart": "restart", "assemble nope --out new.parquet": "nope",
        "assemble films --out new.parquet": "films",
        "assemble studies.parquet studies.parquet --class A=Mass --class B=Edema --out new.parquet":
        "twice|duplicate|same|repeat", f"{A} --class C": "--class", f"{A} --class C=": "--class",
        f"{A} --class =Mass": "--class", f"{A} --class A=Nope": "A|Nope",
        "assemble studies.parquet --class A=Nope --class B=Mass --out new.parquet": "Nope",
        "assemble studies.parquet --class A=nope:Mass --class B=Edema --out new.parquet": "class 'A'",
        f"{A} --views nope": "views", f"{A} --views ''": "views", f"{A} --views ,": "views",
        f"{A} --limit 0": "--limit", f"{A} --limit x": "--limit", f"{A} --seed -1": "--seed",
        f"{A} --folders notes.txt": "notes.txt", f"{A} --folders films": "films", f"{A} --folders idx":
        "idx", f"{A} --out {NAME}": NAME, f"{A} --out idx": "idx", f"{A} --out idx/studies.parquet":
        "idx", f"{A} --class a/=Edema --folders new": "both go to folder A",
        f"{A} --class .=Edema --folders new": "\\.", "relink nope --root phantom --out new.parquet":
        "nope", "relink studies.parquet --root nope --out new.parquet": "nope",
        "relink studies.parquet --root notes.txt --out new.parquet": "notes.txt", f"{R} --out {NAME}":
        NAME, f"{R} --out idx": "idx", "relink studies.parquet --root empty --out new.parquet":
        "empty|none|film", "relink labels.parquet --root phantom --out new.parquet": "labels.parquet",
        "audit nope --out new": "nope", "audit films --out new": "films",
        "audit studies.parquet --out idx": "idx", "audit studies.parquet --out notes.txt": "notes.txt",
        "audit studies.parquet --out new --view-classifier clf": "clf|view",
        "audit studies.parquet --out new --view-classifier nope": "nope",
        "audit studies.parquet " "studies.parquet --out new": "twice|duplicate|same|repeat",
        "audit studies.parquet --out new --device nope": "--device", "audit labels.parquet --out new":
        "labels.parquet",
    }  # fmt: skip
    return [*(Case(line, said) for line, said in refused.items()), *data()]


def data() -> list[Case]:
    return [
        Case(T, "view", in_table(NAME, lambda t: t.assign(view="PA")), name="one view alone"),
        Case(T, "view", in_table(NAME, lambda t: t.assign(view="UNKNOWN")), name="no view known"),
        Case(T, "film|image", remove("phantom/images"), name="train on views: films gone"),
        Case(
            P,
            "46 left UNKNOWN",
            in_table(NAME, lambda t: t.assign(path=None, view="UNKNOWN")),
            "listed",
            "no films",
        ),
        Case(P, "not read|cannot|skipped", unknown_texts, "listed", "films of unknown view that are texts"),
        Case(
            A,
            "class|finding|Effusion",
            in_table(NAME, lambda t: t.assign(findings=[[]] * len(t))),
            name="assemble: no labels",
        ),
        Case(
            "audit studies.parquet --out new",
            "film|image",
            remove("phantom/images"),
            name="audit: films gone",
        ),
        Case(R, "45 of 46 images", remove("phantom/images/P0001_S1_PA.png"), "listed", "relink: a film gone"),
    ]


def unknown_texts(here: Path) -> None:
    """Two films are texts, and their views unknown."""
    unknown = ("P0001_S1_PA", "P0002_S1_AP")

    def change(table: pd.DataFrame) -> pd.DataFrame:
        return table.assign(view=table["view"].mask(table["image_id"].isin(unknown), "UNKNOWN"))

    for name in unknown:
        write(f"phantom/images/{name}.png", b"x")(here)
    in_table(NAME, change)(here)
