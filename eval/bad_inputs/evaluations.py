"""Evaluations that cannot be made, verified or made again."""

from __future__ import annotations

from bad_inputs.changes import both, copy, cut, flip, in_json, rehashed, remove, write
from common.trials import Case

V = "evaluate idx --out new --baselines none --permutations 9"
R = "reproduce ev"


def cases() -> list[Case]:
    return [*calls(), *folders()]


def calls() -> list[Case]:
    refused = {
        "evaluate nope --out new": "nope", "evaluate emb --out new": "emb", "evaluate ev --out new": "ev",
        "evaluate notes.txt --out new": "notes.txt", "evaluate idx": "--out", f"{V} -k 0": "-k",
        f"{V} -k -3": "-k", f"{V} -k 45": "exist|only|candidates|k", f"{V} -k 1000000": "k",
        f"{V} -k 1000000000": "k", f"{V} -k 99999999999999999999": "k", f"{V} -k 25": "patient",
        f"{V} --definition nope": "--definition", f"{V} --definition ''": "--definition",
        f"{V} --one-per nope": "--one-per", f"{V} --baselines nope": "--baselines", f"{V} --baselines ,":
        "--baselines", f"{V} --baselines ''": "--baselines", f"{V} --baselines pca,none": "--baselines",
        f"{V} --permutations 0": "--permutations", f"{V} --permutations -1": "--permutations",
        f"{V} --permutations x": "--permutations", f"{V} --permutations 1000000000000": "permutations",
        f"{V} --seed -1": "--seed", f"{V} --seed x": "--seed", f"{V} --targets \"view == 'NOPE'\"":
        "--targets", f"{V} --targets \"split == 'later'\"": "--targets",
        f"{V} --targets \"findings.has('Nope')\"": "Nope", f"{V} --where \"view == 'LATERAL'\" -k 40":
        "k|exist|only", f"{V} --where 'age > 500'": "--where",
        f"{V} --where \"view == 'PA'\" --targets \"view == 'AP'\"": "target|--targets|no",
        f"{V} --out idx": "idx", f"{V} --out emb": "emb", f"{V} --out notes.txt": "notes.txt",
        f"{V} --out ev -k 3": "ev", "reproduce nope": "nope", "reproduce idx": "idx",
        "reproduce notes.txt": "notes.txt", f"{R} --index nope": "nope", f"{R} --index emb": "emb",
        f"{R} --index notes.txt": "notes.txt", "reproduce": "DIR|Missing", "verify": "DIR|Missing",
        f"{R} more": "more",
    }  # fmt: skip
    return [Case(line, said) for line, said in refused.items()]


def folders() -> list[Case]:
    found = [
        Case(R, "overlap.json", cut("ev/overlap.json"), name="reproduce: overlap.json cut"),
        Case(R, "overlap.json", remove("ev/overlap.json"), name="reproduce: no overlap.json"),
        Case(R, "overlap.json", write("ev/overlap.json", "[]"), name="reproduce: overlap.json a list"),
        Case(R, "overlap.json", write("ev/overlap.json", "{}"), name="reproduce: overlap.json of nothing"),
        Case(
            R,
            "k",
            both(in_json("ev/overlap.json", "k", to="five"), rehashed("ev")),
            name="reproduce: k in words",
        ),
        Case(
            R,
            "k",
            both(in_json("ev/overlap.json", "k", to=10**9), rehashed("ev")),
            name="reproduce: k of 10**9",
        ),
        Case(
            R,
            "definition",
            both(in_json("ev/overlap.json", "definition", to="x"), rehashed("ev")),
            name="reproduce: a definition",
        ),
        Case(
            R,
            "does not describe",
            both(in_json("ev/overlap.json", "methods", to=None), rehashed("ev")),
            name="reproduce: no methods",
        ),
        Case(
            R,
            "lift",
            both(in_json("ev/overlap.json", "methods", "image", "lift", to=0.9), rehashed("ev")),
            name="another lift",
        ),
        Case(
            R,
            "lift",
            both(in_json("ev/overlap.json", "methods", "image", "lift", to="x"), rehashed("ev")),
            name="a lift in words",
        ),
        Case(R, "manifest", remove("ev/manifest.json"), name="reproduce: no manifest"),
        Case(R, "manifest", write("ev/manifest.json", "{"), name="reproduce: manifest cut"),
        Case(R, "index", in_json("ev/manifest.json", "index", to=...), name="reproduce: no index named"),
        Case(R, "index", in_json("ev/manifest.json", "index", to=5), name="reproduce: index as number"),
        Case(R, "idx", remove("idx"), name="reproduce: index gone"),
        Case(R, "idx", in_json("idx/manifest.json", "fusion", to="ranks"), name="reproduce: index changed"),
        Case("verify ev", "overlap.json", flip("ev/overlap.json"), name="verify: overlap.json changed"),
        Case("verify ev", "figure5.png", remove("ev/figure5.png"), name="verify: a figure gone"),
        Case("verify idx", "image.npy", cut("idx/vectors/image.npy"), name="verify: vectors cut"),
        Case(
            "verify idx",
            "report.npy|image.npy",
            copy("idx/vectors/report.npy", "idx/vectors/image.npy"),
            name="verify: vectors swapped",
        ),
        Case(
            "verify emb", "part-00001", flip("emb/image/part-00001.parquet"), name="verify: a shard changed"
        ),
        Case("verify clf", "safetensors", cut("clf/model.safetensors"), name="verify: weights cut"),
        Case(
            "verify ex", "explanation.npz", flip("ex/explanation.npz"), name="verify: an explanation changed"
        ),
        Case(
            "verify idx", "files", in_json("idx/manifest.json", "files", to="x"), name="verify: files as text"
        ),
        Case(
            "verify idx",
            r"\.\.",
            in_json("idx/manifest.json", "files", to={"../notes.txt": {"bytes": 5, "sha256": "0" * 64}}),
            name="verify: a file outside",
        ),
        Case(
            "verify idx",
            "graphs|bytes",
            in_json("idx/manifest.json", "files", "graphs/image-PA.bin", to=7),
            name="verify: a hash that is a number",
        ),
        Case("verify idx", "manifest", write("idx/manifest.json", "[1]"), name="verify: manifest a list"),
        Case("verify emb", "manifest", write("emb/manifest.json", "{}"), name="verify: manifest of nothing"),
        Case(
            "verify emb",
            "unfinished",
            in_json("emb/manifest.json", "complete", to=False),
            name="verify: unfinished",
        ),
        Case(V, "report.npy", both(flip("idx/vectors/report.npy")), name="evaluate: vectors changed"),
        Case("explore idx --port 0 --evaluation emb", "emb"),
        Case("explore idx --port 0 --evaluation nope", "nope"),
        Case("explore idx --port 99999", "--port"),
        Case("explore idx --port 0 --host 0.0.0.0", "password"),
        Case("explore idx --port 0 --host nope.invalid", "nope.invalid|password"),
        Case("explore idx --port 0 --host 0.0.0.0 --password-file nope", "nope"),
        Case("explore idx --port 0 --host 0.0.0.0 --password-file empty", "empty"),
        Case(
            "explore idx --port 0 --host 0.0.0.0 --password-file pw",
            "pw",
            write("pw", "\n"),
            name="no password",
        ),
        Case("explore idx --port 0 --classifier vae", "vae"),
    ]
    return found
