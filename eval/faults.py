"""Damaged files: does anything crash, hang, or take more than a gigabyte?

    python eval/faults.py DATA [--files 5000]

Originals: films of DATA (chestxray14-256, lime-ray, dicom), DICOMs in every encoding that is written here,
Open-i's reports, a CSV, predicates and an index of phantoms. Each file is one of them, damaged
(`cxrneighbors.testing.mutate`), and is read in a process with 1 GB to spare. It has to be read or refused in
one line within 5 s of computing; of two reports the whole one has to be read. In the index one file at a time
is damaged and its hash rewritten, as one who means harm would. Writes eval/results/faults.json and .md.
"""

from __future__ import annotations

import json
import tarfile
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from common.broken_files import MEMORY, OUTCOMES, SECONDS, Outcome, judge
from common.markdown import document, table
from common.options import options, run
from common.results import write_results
from cxrneighbors.data.imports import import_dataset
from cxrneighbors.encoders.encode import encode
from cxrneighbors.encoders.pixels import PixelEncoder
from cxrneighbors.index.neighbor_index import NeighborIndex
from cxrneighbors.progress import say
from cxrneighbors.testing.dicom_file import all_encodings, available_syntaxes, write_dicom
from cxrneighbors.testing.mutate import mutate

PREDICATES = (
    "view == 'PA' and age > 60",
    "findings.has('Mass') or not findings.has('Edema')",
    "finding('Mass') in ['present', 'uncertain'] and report.notna()",
    "(sex == 'F' and (age >= 18 and age < 40)) or split != 'test'",
)
REPORT = (
    b"FINDINGS: No pleural effusion. The heart is enlarged.\nIMPRESSION: Possible edema; no pneumothorax.\n"
)
XML = (
    b"<eCitation><uId id='CXR1'/><MedlineCitation><Article><Abstract>"
    b"<AbstractText Label='FINDINGS'>Clear lungs.</AbstractText>"
    b"<AbstractText Label='IMPRESSION'>Normal.</AbstractText></Abstract></Article></MedlineCitation>"
    b"<MeSH><major>normal</major></MeSH></eCitation>"
)
SUFFIX = {"png": ".png", "jpeg": ".jpg", "dicom": ".dcm", "csv": ".csv", "xml": ".xml", "index": ".json"}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = options(__doc__, "data", "--seed", "--results")
    parser.add_argument("--files", type=int, default=5000, help="damaged files, over all kinds")
    given = parser.parse_args(arguments)
    rows, findings = [], []
    with tempfile.TemporaryDirectory() as temporary:
        kinds = originals(given.data, Path(temporary) / "made", given.seed)
        for number, (kind, sources) in enumerate(kinds.items()):
            rng = np.random.default_rng([given.seed, number])
            paths = damaged(kind, sources, Path(temporary) / kind, -(-given.files // len(kinds)), rng)
            found = list(judge(kind, paths))
            rows.append({"kind": kind, "files": len(found), **counted(found)})
            say(f"{kind}: {rows[-1]}")
            bad = [each for each in found if each.outcome not in ("read", "refused")]
            findings += [{"kind": kind, "file": Path(each.path).name} | vars(each) for each in bad]
    for each in findings:
        del each["path"]
    limits = {"seconds": SECONDS, "megabytes": MEMORY >> 20}
    summary = {"seed": given.seed, "limits": limits, "kinds": rows, "findings": findings}
    write_results(given.results, "faults", summary, markdown(rows, findings))


def originals(data: Path, made: Path, seed: int) -> dict[str, list[bytes]]:
    """Whole files of each kind, the first the one that is read to begin with."""
    made.mkdir(parents=True)
    studies = import_dataset("phantom", made / "phantom", n_patients=12, image_size=64, seed=seed).studies
    films = [Path(path).read_bytes() for path in studies["path"][:4]]
    return {
        "png": [*films, *some(data / "chestxray14-256", "*.png")],
        "jpeg": [*drawn_jpeg(made), *some(data / "lime-ray", "*.jpg")],
        "dicom": [*written_dicoms(made, studies["path"][0]), *some(data / "dicom", "*.dcm")],
        "csv": [csv_of(studies["path"].tolist())],
        "xml": [XML, *published_reports(data / "openi")],
        "report": [REPORT, *[text.encode() for text in studies["report"].dropna()[:9]]],
        "predicate": [text.encode() for text in PREDICATES],
        "index": index_files(studies, made),
    }


def some(folder: Path, pattern: str, n: int = 6) -> list[bytes]:
    """Evenly spaced files of a folder; none where there is no such folder."""
    paths = sorted(folder.rglob(pattern))
    return [path.read_bytes() for path in paths[:: max(1, len(paths) // n)][:n]]


def drawn_jpeg(folder: Path) -> list[bytes]:
    pixels = np.random.default_rng(0).integers(0, 256, (48, 64), dtype=np.uint8)
    for mode in ("L", "RGB"):
        Image.fromarray(pixels).convert(mode).save(folder / f"{mode}.jpg")
    return [(folder / f"{mode}.jpg").read_bytes() for mode in ("L", "RGB")]


def written_dicoms(folder: Path, film: str) -> list[bytes]:
    pixels = np.asarray(Image.open(film).convert("L"), dtype=np.float32) / 255
    found = []
    for number, encoding in enumerate(all_encodings(available_syntaxes())):
        path = folder / f"{number}.dcm"
        write_dicom(path, pixels, encoding, f"1.2.{number}", {"PatientID": "p", "ViewPosition": "PA"})
        found.append(path.read_bytes())
    return found


def csv_of(paths: list[str]) -> bytes:
    lines = [f'i{n},{path},p{n},PA,{40 + n},Mass|Edema,"No, none."' for n, path in enumerate(paths)]
    return "\n".join(["image_id,path,patient_id,view,age,findings,report", *lines]).encode()


def published_reports(folder: Path, n: int = 9) -> list[bytes]:
    archives = sorted(folder.glob("*.tgz"))
    if not archives:
        return []
    with tarfile.open(archives[0]) as archive:
        names = [member for member in archive.getmembers() if member.name.endswith(".xml")][:n]
        return [stream.read() for name in names if (stream := archive.extractfile(name))]


def index_files(studies: Any, folder: Path) -> list[bytes]:
    """JSON of each file of an index of phantoms, which lies in `folder`/index."""
    embeddings = encode(studies, image=PixelEncoder(16), report="tfidf", out=folder / "embeddings")
    NeighborIndex.build(embeddings, studies).save(folder / "index")
    files = sorted(path for path in (folder / "index").rglob("*") if path.is_file())
    names = [path.relative_to(folder / "index").as_posix() for path in files]
    return [
        json.dumps(
            {"file": name, "content": path.read_bytes().hex(), "index": str(folder / "index")}
        ).encode()
        for name, path in zip(names, files, strict=True)
    ]


def damaged(kind: str, sources: list[bytes], folder: Path, n: int, rng: np.random.Generator) -> list[Path]:
    """`n` damaged files in `folder`, beside a whole one, good.SUFFIX."""
    folder.mkdir()
    suffix, paths = SUFFIX.get(kind, ".txt"), []
    (folder / f"good{suffix}").write_bytes(sources[0])
    if kind == "index":
        (folder / "index").symlink_to(json.loads(sources[0])["index"])
    for number in range(n):
        content = sources[number % len(sources)]
        paths.append(folder / f"{number:05d}{suffix}")
        if kind == "index":
            record = json.loads(content)
            bad = mutate(bytes.fromhex(record["content"]), rng)
            paths[-1].write_text(json.dumps({"file": record["file"], "content": bad.hex()}))
        else:
            paths[-1].write_bytes(mutate(content, rng))
    return paths


def counted(found: list[Outcome]) -> dict[str, Any]:
    counts = Counter(each.outcome for each in found)
    return {name: counts[name] for name in OUTCOMES} | {"longest": max(each.seconds for each in found)}


def markdown(rows: list[dict[str, Any]], findings: list[dict[str, Any]]) -> str:
    total = sum(row["files"] for row in rows)
    said = f"{total:,} damaged files; {len(findings)} neither read nor refused in one line."
    columns = {"kind": "{kind}", "files:": "{files:,}", **{f"{name}:": f"{{{name}}}" for name in OUTCOMES}}
    parts = [said, table(columns | {"longest, s:": "{longest:.1f}"}, rows)]
    kinds = Counter((each["kind"], each["outcome"], each["said"]) for each in findings).most_common(20)
    if kinds:
        lines = [{"kind": a, "outcome": b, "said": c.replace("|", "/"), "n": n} for (a, b, c), n in kinds]
        columns = {"kind": "{kind}", "outcome": "{outcome}", "said": "{said}", "files:": "{n}"}
        parts.append(table(columns, lines))
    return document(*parts)


if __name__ == "__main__":
    run(main)
