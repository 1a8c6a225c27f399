"""Explanations that cannot be made."""

from __future__ import annotations

from bad_inputs.changes import copy, remove, write
from bad_inputs.options import EXPLAIN as X
from bad_inputs.place import FILM
from common.trials import Case

F = X.replace(f"--image-id {FILM}", "--image film.png")
N = X.replace(f"--image-id {FILM} ", "")
B = ("evaluate-explanations idx --classifier clf --out new --methods lime --segmentations slic "
     "--targets 1 -p 8 --seeds 1 --sanity 0")  # fmt: skip
H = "predict clf studies.parquet --out new.csv --heat-map new"


def cases() -> list[Case]:
    refused = {
        N: "image|film", f"{N} --image-id nope": "nope", f"{F} --image nope.png": "nope.png",
        f"{N} --image notes.txt": "notes.txt", f"{X} --target Nope": "Nope", f"{X} --target ''":
        "--target", f"{X} --classifier nope": "nope", f"{X} --classifier vae": "vae",
        f"{X} --classifier notes.txt": "notes.txt", f"{X} --classifier viewclf": "Mass",
        f"{X} --method nope": "--method", f"{X} --method lime:nope=1": "nope",
        f"{X} --method rise:grid=0": "grid", f"{X} --method rise:grid=x": "grid",
        f"{X} --method rise:keep=2": "keep", f"{X} --method rise:keep=nan": "keep",
        f"{X} --method lime:fill=nope": "fill", f"{X} --method lime:": "lime", f"{X} --method :":
        "--method", f"{X} --method lime,k-lime": "--method", f"{X} -k 0": "-k", f"{X} -k 45":
        "exist|only|k|films", f"{X} -k 1000000000": "k", f"{X} -p 0": "--masks", f"{X} -p -1": "--masks",
        f"{X} -p 1000000000000": "mask", f"{X} --segmentation nope": "--segmentation",
        f"{X} --segmentation lungs --lungs clf": "clf", f"{X} --lungs lungs": "--lungs|lungs",
        f"{X} --fill nope": "--fill", f"{X} --fill 2": "--fill", f"{X} --fill -1": "--fill",
        f"{X} --fill nan": "--fill", f"{X} --method lime --fill neighbour": "fill",
        f"{X} --num-features 0": "--num-features", f"{X} --feature-selection nope": "--feature-selection",
        f"{X} --pool 5": "pool|alime", f"{X} --method alime " "--pool 1": "pool", f"{X} --policy nope":
        "--policy", f"{X} --modality nope": "--modality", f"{X} --where 'view ='": "--where",
        f"{X} --where \"view == 'LATERAL'\" -k 9": "exist|only|LATERAL|k", f"{X} --one-per nope":
        "--one-per", f"{X} --donors label": "donors|contrast",
        f"{X} --method contrast-lime --donors nope": "--donors", f"{X} --mirror": "mirror|contrast",
        f"{X} --any-view": "view|contrast", f"{X} --registration lungs": "registration|contrast",
        f"{X} --intensity mean-std": "intensity|contrast", f"{X} --feather 3": "feather|contrast",
        f"{X} --method contrast-lime --feather -1": "--feather",
        f"{X} --method contrast-lime --feather nan": "--feather",
        f"{X} --method contrast-lime --feather " "1e9": "feather", f"{X} --until-stable 2":
        "--until-stable", f"{X} --until-stable nan": "--until-stable",
        f"{X} --until-stable 0.1 --max-rounds 0": "--max-rounds", f"{X} --until-stable 0.1 --top 0":
        "--top", f"{X} --threshold 2": "--threshold", f"{X} --threshold nan": "--threshold",
        f"{X} --as-published nope": "--as-published", f"{X} --method lime --as-published nope":
        "--as-published", f"{X} --method rise --as-published paper": "as.published|rise",
        f"{X} --errors nope": "--errors", f"{X} --limit 3": "--limit|limit", f"{N} --among 'age >'":
        "--among", f"{N} --among \"view == 'NOPE'\"": "--among|NOPE",
        f"{N} --limit 0 --among \"view == 'PA'\"": "--limit", f"{X} --patient-id P1": "patient",
        f"{X} --text a": "text", f"{X} --view PA": "view", f"{F} --view " "nope": "view",
        f"{F} --view PA --view AP": "view", f"{F} --patient-id a --patient-id b": "patient",
        f"{F} --text a --text b": "text", f"{X} --batch-size 0": "--batch-size", f"{X} --device nope":
        "--device", f"{X} --seed -1": "--seed", f"{X} --out idx": "idx", f"{X} --out clf": "clf",
        f"{X} --out notes.txt": "notes.txt", f"{X} --out ex": "ex", f"{X} --method vae-infill -k 0": "-k",
        f"{B} --methods nope": "--methods", f"{B} --methods ,": "--methods", f"{B} --methods ''":
        "--methods", f"{B} --methods lime:nope=1": "nope", f"{B} --segmentations nope": "--segmentations",
        f"{B} --segmentations ''": "--segmentations", f"{B} --targets -1": "--targets",
        f"{B} --min-score 2": "--min-score", f"{B} --min-score nan": "--min-score", f"{B} --min-score 1":
        "score", f"{B} -k 0": "-k",  f"{B} --calls 0": "--calls",
        f"{B} --methods kp-lime -k 5 --calls 5": "calls", f"{B} --donors -1": "--donors",
        f"{B} --seeds 0": "--seeds",
        f"{B} --top 0": "--top", f"{B} --fill nope": "--fill", f"{B} --sanity -1": "--sanity",
        f"{B} --regions nope": "nope", f"{B} --regions notes.txt": "notes.txt",
        f"{B} --regions labels.parquet": "labels.parquet", f"{B} --among \"view == 'NOPE'\"": "NOPE",
        f"{B} --out ev": "ev", f"{H} --target Nope": "Nope", H: "--target",
        f"{H} --target Mass --method nope": "--method",
        f"{H.replace('--heat-map new', '')} --target Mass": "--heat-map|target",
        f"{H} --target Mass --heat-map notes.txt": "notes.txt", f"{H} --target Mass --heat-map idx":
        "idx", "predict nope studies.parquet --out new.csv": "nope",
        "predict vae studies.parquet --out new.csv": "vae", "predict clf nope --out new.csv": "nope",
        "predict clf --out new.csv": "FILES|Missing", "predict clf studies.parquet --out new.txt":
        "new.txt", "predict clf studies.parquet --out notes.txt": "notes.txt",
        "predict clf labels.parquet --out new.csv": "labels.parquet",
        "predict clf studies.parquet " "--out new.csv --batch-size 0": "--batch-size",
        "predict clf studies.parquet --out new.csv --precision nope": "--precision",
        "predict clf studies.parquet film.png --out new.csv": "film.png|studies.parquet",
        "predict clf emb --out new.csv": "emb|image",
    }  # fmt: skip
    return [*(Case(line, said) for line, said in refused.items()), *damaged()]


def damaged() -> list[Case]:
    film = f"phantom/images/{FILM}.png"
    return [
        Case(X, FILM, remove(film), name="the film is gone"),
        Case(X, FILM, write(film, b"x"), name="the film is a text"),
        Case(X, "film|image|read", remove("phantom/images"), name="all films are gone"),
        Case(
            f"{X} --out ex",
            "ex",
            copy("ev/manifest.json", "ex/manifest.json"),
            name="another folder's manifest",
        ),
        Case(
            f"{X} --out ex", "manifest", write("ex/manifest.json", "{"), name="the explanation's manifest cut"
        ),
        Case(B, "film|image|read", remove("phantom/images"), name="benchmark: all films are gone"),
    ]
