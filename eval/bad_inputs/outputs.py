"""Outputs that cannot be written: the disk is full, the folder read-only, the path a file or a folder."""

from __future__ import annotations

from pathlib import Path

from bad_inputs.options import EXPLAIN
from common.trials import Case

# A call of each verb that writes, and whether it goes on with what an unfinished run has left.
JOBS = {
    "import folder films --out {}.parquet": False,
    "import openi xml --out {}.parquet": False,
    "label-reports studies.parquet --out {}.parquet": False,
    "assemble studies.parquet --class A=Effusion --class B=Mass --out {}.parquet": False,
    "relink studies.parquet --root phantom --out {}.parquet": False,
    "predict-views studies.parquet --classifier viewclf --out {}.parquet": False,
    "encode studies.parquet --out {} --image-encoder pixels --report-encoder none": True,
    "index emb --studies studies.parquet --out {}": False,
    "evaluate idx --out {} --baselines none --permutations 9": True,
    "export-index idx --share {}": False,
    "search idx --text effusion --out {}.csv": False,
    "predict clf studies.parquet --out {}.csv": True,
    "audit studies.parquet --out {}": True,
    f"{EXPLAIN.replace('--out new', '--out {}')} --method lime": True,
    "train-classifier studies.parquet --out {} --model small-cnn --image-size 32 --epochs 1": True,
    "train-vae studies.parquet --out {} --image-size 32 --latent-dim 4 --epochs 1": True,
    "train-lungs masks --out {} --epochs 1 --image-size 32 --width 2": True,
}


def cases() -> list[Case]:
    found = []
    for line, goes_on in JOBS.items():
        verb, keeps = (
            " ".join(line.split()[: 2 if line.startswith("import") else 1]),
            "new" if goes_on else "",
        )
        here, read_only = line.format("new"), line.format("shut/new")
        found += [
            Case(here, "new.*make room", name=f"{verb}: no room", room=0, keeps=keeps),
            Case(here, "new.*make room", name=f"{verb}: room of 300 bytes", room=300, keeps=keeps),
            Case(here, "new.*make room", name=f"{verb}: room of 3 KB", room=3000, keeps=keeps)
            if verb.split()[0] not in ("import", "assemble", "search", "predict")
            else None,
            Case(
                read_only, "shut.*read and write", shut, name=f"{verb}: a read-only folder", plain_user=True
            ),
            Case(line.format("notes.txt/new"), "notes.txt", name=f"{verb}: a file for a folder"),
            Case(line.format("a" * 300), "a{200}", name=f"{verb}: a name of 300 letters"),
        ]
    found += [
        Case("import folder films --out /dev/full", "/dev/full"),
        Case("import folder films --out /proc/new.parquet", "/proc"),
        Case("encode studies.parquet --out /sys/new --image-encoder pixels --report-encoder none", "/sys"),
        Case(
            "import folder films --out link/new.parquet",
            "link",
            lambda h: (h / "link").symlink_to("nowhere/at/all/x"),
            name="a link to nowhere",
        ),
        Case(
            "import folder films --out loop/new.parquet",
            "loop",
            lambda h: (h / "loop").symlink_to("loop"),
            name="a link to itself",
        ),
    ]
    return [case for case in found if case is not None]


def shut(here: Path) -> None:
    (here / "shut").mkdir(mode=0o555)
