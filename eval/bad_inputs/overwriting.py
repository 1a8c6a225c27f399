"""No verb writes over its own input, or over a file or folder of another kind or another question."""

from __future__ import annotations

import shlex

from bad_inputs.options import EXPLAIN
from common.trials import Case

TABLES = (
    "import folder films", "import openi xml", "label-reports studies.parquet",
    "relink studies.parquet --root phantom", "assemble studies.parquet --class A=Effusion --class B=Mass",
    "predict-views studies.parquet --classifier viewclf",
)  # fmt: skip
IN_THE_WAY = ("notes.txt", "film.png", "idx", "idx/studies.parquet", "emb/image/part-00000.parquet",
              "pred.csv", "studies.regions.parquet", "clf/model.safetensors")  # fmt: skip
FOLDERS = {
    "encode studies.parquet --image-encoder pixels --report-encoder none": (
        "idx",
        "ev",
        "vae",
        "clf",
        "ex",
        "phantom",
        "notes.txt",
    ),
    "index emb --studies studies.parquet": (
        "emb",
        "ev",
        "vae",
        "clf",
        "ex",
        "films",
        "phantom",
        "studies.parquet",
    ),
    "evaluate idx --baselines none --permutations 9": ("emb", "idx", "vae", "ex", "notes.txt"),
    "train-classifier studies.parquet --model small-cnn --image-size 32": (
        "emb",
        "idx",
        "vae",
        "clf",
        "ev",
        "lungs",
    ),
    "train-vae studies.parquet --image-size 32 --latent-dim 4": ("emb", "idx", "vae", "clf", "ev", "films"),
    "train-lungs masks --image-size 32 --width 2": ("lungs", "masks", "idx", "vae"),
    "train-contrastive studies.parquet --backbone small-cnn --image-size 32 --view-size 32 --batch-size 8": (
        "vae",
        "clf",
        "idx",
        "films",
    ),
    "train-report-encoder studies.parquet": ("vae", "emb/encoders/report", "idx", "films"),
    EXPLAIN.replace(" --out new", ""): ("ex", "ev", "idx", "clf", "films"),
    "evaluate-explanations idx --classifier clf --methods lime --segmentations slic --targets 1 -p 8": (
        "ev",
        "ex",
        "idx",
        "clf",
        "films",
    ),
    "audit studies.parquet": ("ev", "idx", "films", "phantom"),
    "demo --patients 4 --epochs 1 --image-size 32": ("idx", "notes.txt"),
}
OTHERS = {
    "label-reports studies.parquet --out ./phantom/../studies.parquet": "studies.parquet",
    "search idx --text effusion --out studies.parquet": "studies.parquet",
    "search idx --text effusion --out pred.csv": "pred.csv",
    "search idx --text effusion --out idx/studies.parquet": "idx",
    "predict clf studies.parquet --out hits.csv": "hits.csv",
    "predict clf studies.parquet --out films/studies.csv": "studies.csv",
    "predict clf studies.parquet --out skipped.csv": "skipped.csv",
    "predict clf studies.parquet --out studies.parquet": "studies.parquet",
    "predict clf studies.parquet --out clf/config.json": "config.json",
    "predict clf films/0.png --out films/0.png": "0.png",
    "export-index idx --share emb": "emb",
    "export-index idx --share ev": "ev",
    "export-index idx --share new --mapping studies.parquet": "studies.parquet",
    "export-index idx --share new --mapping pred.csv": "pred.csv",
    "import folder films --out films/studies.csv": "studies.csv",
    "import folder films --csv studies.csv --out films/0.png": "0.png",
    "import phantom phantom --out phantom/manifest.json": "manifest",
    "evaluate idx --out ev --baselines random --permutations 9 -k 3": "ev",
    "evaluate idx --out ev --baselines random --permutations 9 --seed 3": "ev",
    "encode studies.parquet --out emb --image-encoder pixels --report-encoder tfidf --shard-size 20": "emb",
}


def cases() -> list[Case]:
    found = []
    for call in TABLES:
        for name in IN_THE_WAY:
            found.append(Case(f"{call} --out {name}", name.split("/")[0]))
    for call, names in FOLDERS.items():
        for name in names:
            found.append(Case(f"{call} --out {shlex.quote(name)}", name.split("/")[0]))
    return found + [Case(line, said) for line, said in OTHERS.items()]
