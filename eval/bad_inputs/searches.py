"""Searches that ask for what there is not."""

from __future__ import annotations

from bad_inputs.changes import remove, write
from bad_inputs.place import FILM
from common.trials import Case

S = f"search idx --image-id {FILM}"


def cases() -> list[Case]:
    refused = {
        "search idx": "no query", "search": "IDX|Missing", "search nope --text x": "nope",
        "search emb --text x": "emb", "search notes.txt --text x": "notes.txt", "search empty --text x":
        "empty", "search studies.parquet --text x": "studies.parquet", "search clf --text x": "clf",
        "search idx --image-id nope": "nope", "search idx --image-id ''": "image|id|blank",
        f"search idx --image-id {FILM} --image-id nope": "nope", f"{S} --image film.png": "--image",
        f"{S} --patient-id P1": "--patient-id", "search idx --text ''": "--text", "search idx --text ' '":
        "--text", "search idx --text a --text ''": "text", f"{S} -k 0": "-k", f"{S} -k -1": "-k",
        f"{S} -k 1.5": "-k", f"{S} -k x": "-k", f"{S} -k nan": "-k", f"{S} -k ''": "-k", f"{S} -k 46":
        "40|exist|only|candidates", f"{S} -k 1000000": "k|exist", f"{S} -k 1000000000": "k|exist",
        f"{S} -k 99999999999999999999": "k", f"{S} -k 9 --where \"view == 'LATERAL'\"":
        "exist|only|LATERAL", f"{S} -k 30 --one-per patient": "patient", f"{S} --policy nope": "--policy",
        f"{S} --policy ''": "--policy", f"{S} --policy diverse -k 1000000": "k|exist",
        f"{S} --policy cluster -k 1000000": "k|exist", f"{S} --policy random -k 1000000": "k|exist",
        f"{S} --modality nope": "--modality", f"{S} --modality image-to-report":
        "shared|space|image-to-report", f"{S} --modality ''": "--modality",
        "search idx --image film.png --modality report": "report|text",
        "search idx --text a --modality image": "image", "search idx --text a --modality fused":
        "image|fused", f"{S} --weights image=x": "--weights", f"{S} --weights image=-1": "weights",
        f"{S} --weights image=nan": "weights", f"{S} --weights image=inf": "weights",
        f"{S} --weights image=0,report=0": "weights", f"{S} --weights foo=1": "weights",
        f"{S} --weights ''": "weights", f"{S} --weights ,": "weights", f"{S} --weights image=1,image=2":
        "image", f"{S} --weights image=1e300": "weights", f"{S} --weights image=1e-300": "weights",
        f"{S} --weights auto": "weights", f"{S} --fusion nope": "--fusion", f"{S} --seed -1": "--seed",
        f"{S} --seed 4294967296": "--seed", f"{S} --one-per nope": "--one-per", f"{S} --out hits.txt":
        "hits.txt", f"{S} --out empty": "empty", f"{S} --out notes.txt": "notes.txt",

        f"{S} --out nope/notes.txt/x.csv --json --fusion distance --out film.png": "film.png",
        f"{S} --out studies.parquet": "studies.parquet", f"{S} --out labels.parquet": "labels.parquet",
        f"{S} --out pred.csv": "pred.csv", f"{S} --nope": "--nope", f"{S} -k": "-k", f"{S} more": "more",
        "search idx --image film.png --text a --text b": "text",
        "search idx --image film.png --patient-id a " "--patient-id b": "patient",
        "search idx --image film.png --patient-id a:b:c": "patient",
        "search idx --image film.png --patient-id nope:1": "nope|patient",
    }  # fmt: skip
    found = [Case(line, said) for line, said in refused.items()]
    found += [
        Case(
            "search idx --image film.png", "encoder", remove("idx/encoders"), name="an index without encoders"
        ),
        Case(S, "studies.parquet", remove("idx/studies.parquet"), name="an index without its table"),
        Case(S, "manifest", remove("idx/manifest.json"), name="an index without manifest"),
        Case(S, "manifest", write("idx/manifest.json", ""), name="an empty manifest"),
        Case(S, "manifest", write("idx/manifest.json", "[]"), name="a manifest that is a list"),
        Case(S, "manifest", write("idx/manifest.json", "\xff" * 9), name="a manifest that is no UTF-8"),
        Case(S, "manifest", write("idx/manifest.json", '{"kind": "index"}'), name="a manifest of one key"),
        Case(S, "manifest", write("idx/manifest.json", "[" * 100000), name="a manifest nested deeply"),
        Case(
            "search idx --text 'zzzz qqqq'",
            "know|vocabulary|word",
            None,
            "listed",
            "words that no report has",
        ),
    ]
    return found
