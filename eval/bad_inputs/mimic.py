"""Trees of MIMIC-CXR's shape with parts missing or damaged."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

from bad_inputs.changes import cut, flip, remove, write
from common.trials import Case

JPG, CXR = "mimic/mimic-cxr-jpg", "mimic/mimic-cxr"
TABLES = ("metadata", "split", "chexpert")
J = f"import mimic-cxr-jpg {JPG} --reports {CXR}/mimic-cxr-reports.zip --out new.parquet"
D = f"import mimic-cxr {CXR} --tables {JPG} --out new.parquet"
ZIP = f"{CXR}/mimic-cxr-reports.zip"


def cases() -> list[Case]:
    return [*missing(), *tables(), *reports(), *films(), *calls()]


def name_of(table: str) -> str:
    return f"{JPG}/mimic-cxr-2.0.0-{table}.csv.gz"


def missing() -> list[Case]:
    return [
        Case("import mimic-cxr nope --out new.parquet", "nope"),
        Case("import mimic-cxr films --out new.parquet", "films"),
        Case("import mimic-cxr-jpg films --out new.parquet", "films"),
        Case("import mimic-cxr notes.txt --out new.parquet", "notes.txt"),
        Case("import mimic-cxr-jpg empty --out new.parquet", "empty"),
        Case(J, "no metadata table", remove(name_of("metadata")), "listed", "jpg: no metadata"),
        Case(D, "10 images", remove(f"{CXR}/cxr-record-list.csv.gz"), "listed", "dicom: no list of records"),
        Case(J, "no .jpg image", remove(f"{JPG}/files"), name="jpg: no films"),
        Case(D, "no .dcm image", remove(f"{CXR}/files"), name="dicom: no films"),
        Case(f"{J} --patients-table nope", "nope"),
        Case(f"{J} --tables nope", "nope"),
        Case(f"{J} --tables films", "films|metadata"),
        Case(J.replace(ZIP, "nope.zip"), "nope.zip"),
        Case(J.replace(ZIP, "notes.txt"), "notes.txt"),
    ]


def tables() -> list[Case]:
    found = []
    for table in TABLES:
        path = name_of(table)
        found += [
            Case(J, table, cut(path), name=f"{table}: cut"),
            Case(J, table, write(path, b""), name=f"{table}: empty"),
            Case(J, table, write(path, b"no gzip"), name=f"{table}: no gzip"),
            Case(J, table, write(path, gzip.compress(b"a,b\n1,2\n")), name=f"{table}: other columns"),
            Case(J, table, write(path, gzip.compress(b"")), name=f"{table}: gzip of nothing"),
        ]
    patients = "mimic/mimic-iv/hosp/patients.csv.gz"
    line = f"{J} --patients-table {patients}"
    found += [
        Case(line, "patients", cut(patients), name="patients: cut"),
        Case(line, "patients", write(patients, gzip.compress(b"a\n1\n")), name="patients: other columns"),
        Case(
            J,
            "[1-9] rows skipped",
            edit(name_of("metadata"), lambda t: t + t.splitlines()[1] + "\n"),
            "listed",
            "metadata: a row twice",
        ),
        Case(
            J,
            "1 images are not in",
            edit(name_of("split"), lambda t: t.replace("train", "later", 1)),
            "listed",
            "split: an unknown one",
        ),
        Case(
            J,
            "not understood",
            edit(name_of("chexpert"), lambda t: t.replace("1.0", "9.0", 1)),
            "listed",
            "chexpert: a label of 9",
        ),
        Case(
            D,
            "10 images",
            edit(f"{CXR}/cxr-record-list.csv.gz", lambda t: t.replace("files/", "../", 1)),
            "listed",
            "records: a path that climbs",
        ),
        Case(
            D,
            "record",
            write(f"{CXR}/cxr-record-list.csv.gz", gzip.compress(b"x\n1\n")),
            name="records: other columns",
        ),
    ]
    return found


def reports() -> list[Case]:
    stray = {"files/p10/p1/s1.txt": b"\xff\xfe\x00", "../../evil.txt": b"x", "files/no.txt": b"FINDINGS: x"}
    return [
        Case(J, "zip", cut(ZIP), name="zip: cut"),
        Case(J, "zip", write(ZIP, b""), name="zip: empty"),
        Case(J, "zip", write(ZIP, b"PK\x03\x04" + bytes(300)), name="zip: a head alone"),
        Case(J, "10 studies have no report", write(ZIP, zipped({})), "listed", "zip: of nothing"),
        Case(J, "zip|report", write(ZIP, zipped(stray)), "listed", "zip: of strange names", stays_inside),
        Case(J, "1 of 10 studies have no report", flip(ZIP, 0.2), "listed", "zip: bytes changed"),
        Case(f"label-reports {ZIP} --out new.parquet", "zip", cut(ZIP), name="label-reports: zip cut"),
        Case(f"label-reports {ZIP} --out new.parquet", "zip", write(ZIP, b"x"), name="label-reports: no zip"),
        Case(
            f"label-reports {ZIP} --out new.parquet",
            "zip",
            write(ZIP, zipped({})),
            name="label-reports: zip of nothing",
        ),
        Case(J.replace(ZIP, "folder"), "report", write("folder/a.txt", "x"), name="a folder of other texts"),
    ]


def films() -> list[Case]:
    first = "mimic/mimic-cxr-jpg/files"
    return [
        Case(J, "0 bytes", on_first(first, ".jpg", b""), "listed", "jpg: a film of no bytes"),
        Case(J, "no image file", on_first(first, ".jpg", None), "listed", "jpg: a film missing"),
        Case(D, "0 bytes", on_first(f"{CXR}/files", ".dcm", b""), "listed", "dicom: a film of no bytes"),
        Case(D, "no image file", on_first(f"{CXR}/files", ".dcm", None), "listed", "dicom: a film missing"),
        Case(
            f"{D} --headers",
            "cannot be read|image",
            on_first(f"{CXR}/files", ".dcm", b"no film"),
            "listed",
            "dicom: a text for a film",
        ),
    ]


def calls() -> list[Case]:
    return [
        Case(f"{J} --labeler nope", "--labeler"),
        Case(
            f"{J} --labeler negbio", "no negbio table", remove(name_of("negbio")), "listed", "no negbio table"
        ),
        Case(f"{J} --uncertain nope", "--uncertain"),
        Case(f"{J} --images nope", "--images"),
        Case(f"{J} --csv x", "csv"),
        Case(f"{J} --radiologists 2", "radiologists"),
    ]


def edit(name: str, change: Callable[[str], str]) -> Callable[[Path], None]:
    def act(here: Path) -> None:
        text = gzip.decompress((here / name).read_bytes()).decode()
        assert change(text) != text, name
        (here / name).write_bytes(gzip.compress(change(text).encode()))

    return act


def on_first(folder: str, suffix: str, content: bytes | None) -> Callable[[Path], None]:
    def act(here: Path) -> None:
        film = min((here / folder).rglob(f"*{suffix}"))
        film.unlink() if content is None else film.write_bytes(content)

    return act


def zipped(members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


def stays_inside(here: Path, out: str) -> None:
    assert not list(here.rglob("evil.txt")) and not (here.parent / "evil.txt").exists()
