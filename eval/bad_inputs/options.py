"""Every verb and every option with values that cannot be right: read off the command line itself.

A number is a word, negative, not finite or huge; a name is blank or unknown; a file or folder is missing,
blank, or the other of the two. `TAKEN` lists the values that an option takes all the same.
"""

from __future__ import annotations

import inspect
import re
import shlex
from collections.abc import Iterator
from typing import Any

import typer

from bad_inputs.place import FILM
from common.trials import Case

HUGE = "1000000000000"
MIMIC, VINDR = (
    "import mimic-cxr-jpg mimic/mimic-cxr-jpg --out new.parquet",
    "import vindr-cxr vindr --out new.parquet",
)
FOLDER = "import folder films --out new.parquet"
LIME = "import lime-ray phantom --out new.parquet"
EXPLAIN = f"explain idx --classifier clf --image-id {FILM} --target Mass --out new -p 8 --segmentation slic"
# A call of each verb that would do; of an option that is another data set's, `import` of that.
LINES = {
    "import": "import phantom fresh --patients 3 --image-size 32 --out new.parquet",
    "import images": MIMIC, "import csv": FOLDER, "import column": FOLDER, "import separator": FOLDER,
    "import patient_from_name": FOLDER, "import splits": LIME, "import tables": MIMIC,
    "import reports": MIMIC, "import patients_table": MIMIC, "import labeler": MIMIC,
    "import uncertain": MIMIC, "import radiologists": VINDR,
    "relink": "relink studies.parquet --root phantom --out new.parquet",
    "assemble": "assemble studies.parquet --class A=Effusion --class B=Mass --out new.parquet",
    "audit": "audit studies.parquet --out new",
    "predict-views": "predict-views studies.parquet --classifier viewclf --out new.parquet",
    "label-reports": "label-reports studies.parquet --out new.parquet",
    "train-vae": "train-vae studies.parquet --out new --epochs 1 --image-size 32 --latent-dim 4",
    "train-contrastive": "train-contrastive studies.parquet --out new --epochs 1 --backbone small-cnn "
    "--image-size 32 --view-size 32 --batch-size 8",
    "train-report-encoder": "train-report-encoder studies.parquet --out new --epochs 1",
    "train-lungs": "train-lungs masks --out new --epochs 1 --image-size 32 --width 2",
    "encode": "encode studies.parquet --out new --image-encoder pixels --report-encoder none",
    "encode lungs": "encode studies.parquet --out new --image-encoder pixels --report-encoder none",
    "index": "index emb --studies studies.parquet --out new",
    "search": f"search idx --image-id {FILM}",
    "search image": "search idx", "search text": "search idx", "search image_id": "search idx",
    "search patient_id": "search idx --image film.png",
    "explore": "explore idx --port 0",
    "evaluate": "evaluate idx --out new --baselines none --permutations 9",
    "export-index": "export-index idx --share new",
    "train-classifier": "train-classifier studies.parquet --out new --model small-cnn --epochs 1 "
    "--image-size 32",
    "predict": "predict clf studies.parquet --out new.csv",
    "predict target": "predict clf studies.parquet --out new.csv --heat-map new",
    "predict method": "predict clf studies.parquet --out new.csv --heat-map new --target Mass",
    "explain": EXPLAIN,
    "explain image_id": EXPLAIN.replace(f"--image-id {FILM}", ""),
    "explain image": EXPLAIN.replace(f"--image-id {FILM}", ""),
    "explain patient_id": EXPLAIN.replace(f"--image-id {FILM}", "--image film.png"),
    "explain text": EXPLAIN.replace(f"--image-id {FILM}", "--image film.png"),
    "explain view": EXPLAIN.replace(f"--image-id {FILM}", "--image film.png"),
    "explain limit": EXPLAIN.replace(f"--image-id {FILM}", "--among \"view == 'PA'\""),
    "explain among": EXPLAIN.replace(f"--image-id {FILM}", ""),
    "explain errors": EXPLAIN.replace(f"--image-id {FILM}", ""),
    "explain pool": f"{EXPLAIN} --method alime",
    "explain donors": f"{EXPLAIN} --method contrast-lime",
    "explain registration": f"{EXPLAIN} --method contrast-lime",
    "explain intensity": f"{EXPLAIN} --method contrast-lime",
    "explain feather": f"{EXPLAIN} --method contrast-lime",
    "explain max_rounds": f"{EXPLAIN} --until-stable 0.1",
    "explain top": f"{EXPLAIN} --until-stable 0.1",
    "explain lungs": f"{EXPLAIN} --segmentation lungs",
    "evaluate-explanations": "evaluate-explanations idx --classifier clf --out new --methods lime "
    "--segmentations slic --targets 2 -p 8 --seeds 1 --sanity 0",
    "verify": "verify idx",
    "reproduce": "reproduce ev",
    "demo": "demo --out new --patients 4 --epochs 1 --image-size 32",
}  # fmt: skip
# Options of folders; all other paths are files.
FOLDERS = {
    "index", "embeddings", "classifier", "view_classifier", "lungs", "evaluation", "tables", "root", "folder",
    "heat_map", "share", "model_out", "rules", "folders",
}  # fmt: skip
WRITTEN = {"out", "share", "mapping", "heat_map", "model_out", "folders"}
# What an option takes all the same: verb and parameter -> values.
TAKEN: dict[str, tuple[str, ...]] = {
    "import root": ("nope",),  # where new phantoms are drawn
    "import separator": ("nope",),
    "import patient_from_name": ("nope",),
    "search text": ("nope",),
    "search patient_id": ("nope",),
    "explain text": ("nope",),
    "explain patient_id": ("nope",),
}


def cases() -> list[Case]:
    from cxrneighbors.cli.main import app

    command: Any = typer.main.get_command(app)
    kinds = {
        each.name: inspect.signature(each.callback).parameters
        for each in app.registered_commands
        if each.callback
    }
    found = []
    for verb, line in LINES.items():
        for parameter in command.commands[verb].params if " " not in verb else ():
            name = str(parameter.name)
            if name not in kinds[verb]:  # --help
                continue
            base = LINES.get(f"{verb} {name}", line)
            kind = (
                "Path out" if name in WRITTEN and is_folder(name, base) else str(kinds[verb][name].annotation)
            )
            for value in bad_values(name, kind):
                if value not in TAKEN.get(f"{verb} {name}", ()):
                    found.append(_case(verb, parameter, base, value))
    return found


def bad_values(name: str, kind: str) -> Iterator[str]:
    """Values that a parameter of Python type `kind`, such as 'int | None', cannot have."""
    if "int" in kind:
        yield from ("-1", "x", HUGE)
    elif "float" in kind:
        yield from ("-1", "nan", "x")
    elif kind == "Path out":
        yield from ("notes.txt", "notes.txt/new")
    elif "Path" in kind and name in WRITTEN:
        yield from ("empty", "notes.txt", "notes.txt/new.parquet")
    elif "Path" in kind:
        yield from ("", "nope", "notes.txt" if name in FOLDERS else "empty")
    elif "str" in kind:
        yield from ("", "nope")


def is_folder(name: str, line: str) -> bool:
    """Whether what is written there is a folder."""
    return name in FOLDERS or (name == "out" and not re.search(r"--out new\.", line) and "search" not in line)


def _case(verb: str, parameter: Any, base: str, value: str) -> Case:
    options = [name for name in parameter.opts if name.startswith("-")]
    if not options:  # a positional argument: in place of the first of its kind
        words = shlex.split(base)
        place = _place(verb, str(parameter.name))
        words[place] = value
        line = shlex.join(words)
        says = _named(value)
        return Case(line, says)
    option = max(options, key=len)
    base = re.sub(rf"{option} \S+", "", base) if not parameter.multiple or parameter.required else base
    return Case(f"{base} {option} {shlex.quote(value)}", "|".join([*map(re.escape, options), _named(value)]))


def _place(verb: str, name: str) -> int:
    return 2 if (verb, name) in (("import", "root"), ("predict", "inputs"), ("predict", "films")) else 1


def _named(value: str) -> str:
    if value.startswith("notes.txt/new"):
        return r"notes\.txt"
    return {"": "blank|''", "-1": "-1: ", "x": "'x'"}.get(value) or re.escape(value)
