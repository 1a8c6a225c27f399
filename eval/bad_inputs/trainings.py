"""Trainings that cannot be begun."""

from __future__ import annotations

from bad_inputs.changes import both, copy, in_json, in_table, remove, write
from common.trials import Case

C = "train-classifier studies.parquet --out new --model small-cnn --image-size 32 --epochs 1"
V = "train-vae studies.parquet --out new --image-size 32 --latent-dim 4 --epochs 1"
M = ("train-contrastive studies.parquet --out new --backbone small-cnn --image-size 32 --view-size 32 "
     "--batch-size 8 --epochs 1")  # fmt: skip
R = "train-report-encoder studies.parquet --out new --epochs 1"
L = "train-lungs masks --out new --epochs 1 --image-size 32 --width 2"
NAME = "studies.parquet"


def cases() -> list[Case]:
    refused = {
        f"{C} --lr nan": "--lr", f"{C} --lr inf": "--lr", f"{C} --lr 0": "--lr", f"{C} --lr -1": "--lr",
        f"{C} --lr x": "--lr", f"{C} --lr 1e30": "lr|loss|diverged", f"{C} --labels ,": "--labels|label",
        f"{C} --labels ''": "--labels|label", f"{C} --labels Nope": "Nope", f"{C} --labels Mass,Mass":
        "Mass", f"{C} --labels Mass,Nope": "Nope", f"{C} --image-size 1": "image.size",
        f"{C} --image-size 0": "--image-size", f"{C} --image-size 100000": "image.size",
        f"{C} --crop center": "crop", f"{C} --crop nope": "--crop", f"{C} --model nope": "--model",
        f"{C} --model alexnet --image-size 8": "image.size", f"{C} --mixup -1": "--mixup",
        f"{C} --mixup nan": "--mixup", f"{C} --mixup inf": "--mixup", f"{C} --average 1": "average",
        f"{C} --average -0.1": "--average", f"{C} --average nan": "average", f"{C} --average 2":
        "average", f"{C} --overlap -1": "--overlap", f"{C} --overlap nan": "--overlap",
        f"{C} --overlap inf": "--overlap", f"{C} --patience -1": "--patience", f"{C} --keep nope":
        "--keep", f"{C} --schedule nope": "--schedule", f"{C} --optimiser nope": "--optimiser",
        f"{C} --augment nope": "--augment", f"{C} --precision nope": "--precision",
        f"{C} --class-weights nope": "--class-weights", f"{C} --device cuda": "cuda",
        f"{C} --batch-size 0": "--batch-size", f"{C} --epochs -1": "--epochs", f"{C} --epochs 1.5":
        "--epochs", f"{C} --seed -1": "--seed", f"{C} --out clf": "clf", f"{C} --out vae": "vae",
        f"{C} --out notes.txt": "notes.txt", f"{V} --latent-dim 0": "--latent-dim",
        f"{V} --latent-dim -1": "--latent-dim", f"{V} --latent-dim 1000000000": "latent.dim",
        f"{V} --image-size 33": "32", f"{V} --image-size 0": "--image-size", f"{V} --image-size 1": "32",
        f"{V} --image-size 32000": "image.size", f"{V} --epochs 0": "--epochs", f"{V} --batch-size 0":
        "--batch-size", f"{V} --aspect nope": "--aspect", f"{V} --metric nope": "--metric",
        f"{V} --lungs clf": "clf", f"{V} --device cuda": "cuda", f"{V} --out idx": "idx",
        "train-vae films --out new": "films", "train-vae nope.parquet --out new": "nope",
        "train-vae studies.parquet nope.parquet --out new": "nope", f"{M} --batch-size 1": "--batch-size",
        f"{M} --batch-size 100000": "batch", f"{M} --view-size 8": "--view-size", f"{M} --dim 0": "--dim",
        f"{M} --dim 1000000": "dim", f"{M} --positives " "nope": "--positives", f"{M} --backbone nope":
        "--backbone", f"{M} --epochs -1": "--epochs", f"{M} --aspect nope": "--aspect",
        f"{R} --base nope": "nope", f"{R} --base ''": "--base", f"{R} --base vae": "vae",
        f"{R} --objective nope": "--objective", f"{R} --lr nan": "--lr", f"{R} --lr 0": "--lr",
        f"{R} --max-tokens 0": "--max-tokens", f"{R} --max-tokens 1000000": "token",
        f"{R} --batch-size 0": "--batch-size", f"{R} --epochs 0": "--epochs", f"{L} --image-size 40":
        "16", f"{L} --image-size 0": "--image-size", f"{L} --width 0": "--width", f"{L} --width 1000000":
        "width", f"{L} --epochs 0": "--epochs", "train-lungs films --out new": "labels.csv",
        "train-lungs nope --out new": "nope", "train-lungs notes.txt --out new": "notes.txt",
    }  # fmt: skip
    return [*(Case(line, said) for line, said in refused.items()), *data(), *unfinished()]


def data() -> list[Case]:
    """Tables of which nothing can be learned."""
    return [
        Case(
            C,
            "label|finding",
            in_table(NAME, lambda t: t.assign(findings=[[]] * len(t))),
            name="classifier: no labels",
        ),
        Case(
            C,
            "patient|split|train",
            in_table(NAME, lambda t: t.assign(split="test")),
            name="classifier: no training films",
        ),
        Case(C, "film|image", in_table(NAME, lambda t: t.assign(path=None)), name="classifier: no films"),
        Case(C, "film|image|read", remove("phantom/images"), name="classifier: films gone"),
        Case(V, "train", in_table(NAME, lambda t: t.assign(split="test")), name="VAE: no training films"),
        Case(V, "film|image", remove("phantom/images"), name="VAE: films gone"),
        Case(V, "film|image|few|train", in_table(NAME, lambda t: t.head(1)), name="VAE: one film"),
        Case(
            M,
            "train",
            in_table(NAME, lambda t: t.assign(split="test")),
            name="contrastive: no training films",
        ),
        Case(M, "train", in_table(NAME, lambda t: t.head(2)), name="contrastive: two films"),
        Case(
            f"{M} --positives patient",
            "patient",
            in_table(NAME, lambda t: t.drop_duplicates("patient_id")),
            name="contrastive: a film a patient",
        ),
        Case(R, "report", in_table(NAME, lambda t: t.assign(report=None, sections=None)), name="no reports"),
        Case(R, "train", in_table(NAME, lambda t: t.head(1)), name="one report"),
        Case(L, "labels.csv", write("masks/labels.csv", ""), name="lungs: an empty table"),
        Case(L, "labels.csv|column", write("masks/labels.csv", "a,b\n1,2\n"), name="lungs: other columns"),
        Case(L, "mask", remove("masks/images"), name="lungs: films gone"),
        Case(
            L, "0.png|0_mask", write("masks/images/0_mask.png", b"x"), "listed", "lungs: a mask that is none"
        ),
        Case(
            L,
            "0.png|0_mask",
            copy("clf/config.json", "masks/images/0_mask.png"),
            "listed",
            "lungs: JSON for a mask",
        ),
    ]


def unfinished() -> list[Case]:
    """Trainings that an earlier run left, with another plan or damage."""

    def begun(kind: str, **more: object) -> object:
        import json

        return write("new/manifest.json", json.dumps({"kind": kind, "format": 3, "complete": False, **more}))

    return [
        Case(C, "new", begun("VAE training"), name="classifier over a VAE's training"),  # type: ignore[arg-type]
        Case(C, "new", begun("classifier training", epochs=9), name="a training of another plan"),  # type: ignore[arg-type]
        Case(V, "new", begun("VAE training", format=99), name="a training of another format"),  # type: ignore[arg-type]
        Case(V, "manifest", write("new/manifest.json", "{"), name="a training's manifest cut"),
        Case(V, "manifest|new", write("new/manifest.json", "[]"), name="a training's manifest a list"),
        Case(V, "new", write("new/mine.txt", "mine"), name="VAE over a folder of one's own"),
        Case(
            C,
            "new",
            both(copy("clf", "new"), in_json("new/config.json", "classifier", to="x")),
            name="classifier over a model without its training",
        ),
    ]
