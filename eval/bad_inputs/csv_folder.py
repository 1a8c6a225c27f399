"""Tables and folders of films of one's own."""

from __future__ import annotations

import gzip
from pathlib import Path

from bad_inputs.changes import Act, both, copy, cut, remove, replace, write
from common.trials import Case

HEADER = "image_id,path,patient_id,view,sex,age,findings,report\n"
ROW = "i{0},{0}.png,p{0},PA,F,4{0},Mass|Edema,A mass.\n"
TABLE = "films/studies.csv"
IMPORT = "import folder films --out new.parquet"


def rows(*lines: str, header: str = HEADER) -> str:
    return header + ROW.format(0) + "".join(f"{line}\n" for line in lines)


def cases() -> list[Case]:
    return [*tables(), *listed(), *calls(), *folders()]


def tables() -> list[Case]:
    """Tables that cannot be read at all."""
    damaged: dict[str, tuple[str | bytes, str]] = {
        "empty": ("", "empty"),
        "header alone": (HEADER, "no row|nothing|no usable|no image|0 "),
        "blank lines alone": ("\n\n\n", "empty"),
        "no patient": (HEADER.replace("patient_id", "who") + ROW.format(0), "patient_id"),
        "no image": (HEADER.replace("image_id,path", "a,b") + ROW.format(0), "image_id"),
        "column nearly right": (HEADER.replace("patient_id", "patient_idd") + ROW.format(0), "patient_idd"),
        "findngs": (HEADER.replace("findings", "findngs") + ROW.format(0), "findngs"),
        "open quote in the header": ('"' + HEADER + ROW.format(0), "quote|header"),
        "zeros": (b"\x00" * 4000, "empty|NUL|cannot|image_id|column"),
        "binary": (bytes(range(256)) * 20, "image_id|column|quote"),
        "every film missing": (HEADER + "a,a.png,p,PA,F,4,,\n", "no image file|skipped"),
        "a PNG for a table": (b"\x89PNG\r\n\x1a\n" + bytes(300), "image_id|column|quote|CSV"),
        "a Parquet for a table": (b"PAR1" + bytes(300) + b"PAR1", "image_id|column|Parquet|quote"),
    }
    found = [
        Case(IMPORT, said, write(TABLE, content), name=f"table: {name}")
        for name, (content, said) in damaged.items()
    ]
    gz = gzip.compress(rows().encode())
    csv = "import folder films --csv studies.csv.gz --out new.parquet"
    found += [
        Case(csv, "gz", write("films/studies.csv.gz", content), name=f"gzip: {name}")
        for name, content in {
            "cut": gz[:40],
            "no gzip": b"image_id\n",
            "empty": b"",
            "wrong sum": gz[:-8] + bytes(8),
        }.items()
    ]
    return found


def listed() -> list[Case]:
    """Rows that are left out with their reason, or cells that are not understood and said so."""
    bad: dict[str, tuple[str | bytes, str]] = {
        "no file": ("x,nope.png,p,PA,F,4,,", "no image file"),
        "file of no bytes": ("x,empty.png,p,PA,F,4,,", "0 bytes"),
        "a folder as file": ("x,../empty,p,PA,F,4,,", "no image file"),
        "no patient": ("x,1.png,,PA,F,4,,", "no patient"),
        "no id and no file": (",,p,PA,F,4,,", "no image id"),
        "id twice": ("i0,1.png,p,PA,F,4,,", "duplicate"),
        "too many cells": ("x,1.png,p,PA,F,4,,,,more", "more cells"),
        "quote left open": ('x,1.png,p,PA,F,4,,"open', "quote"),
        "age in words": ("x,1.png,p,PA,F,old,,", "old"),
        "age below zero": ("x,1.png,p,PA,F,-5,,", "-5"),
        "age of thousand": ("x,1.png,p,PA,F,1000,,", "1000"),
        "age not a number": ("x,1.png,p,PA,F,nan,,", "nan|1 rows|2 images"),
        "age infinite": ("x,1.png,p,PA,F,inf,,", "inf"),
        "unknown view": ("x,1.png,p,sideways,F,4,,", "2 images"),
        "unknown sex": ("x,1.png,p,PA,X,4,,", "2 images"),
        "path out of the folder": ("x,../../../../etc/passwd,p,PA,F,4,,", "2 images|skipped"),
        "path of NUL": ("x,a\x00b.png,p,PA,F,4,,", "skipped|no image file|NUL"),
        "path of 5000 letters": ("x," + "a" * 5000 + ".png,p,PA,F,4,,", "no image file"),
        "name of newline": ('"x\ny",1.png,p,PA,F,4,,', "2 images"),
        "cell of a megabyte": ("x,1.png,p,PA,F,4,," + "a" * 2**20, "2 images|1 rows skipped"),
        "Windows-1252": (b"x,1.png,p,PA,F,4,,caf\xe9", "Windows-1252"),
    }
    found = []
    for name, (line, said) in bad.items():
        text = rows().encode() + (line if isinstance(line, bytes) else line.encode()) + b"\n"
        does = both(write(TABLE, text), write("films/empty.png", b""))
        found.append(Case(IMPORT, said, does, "listed", f"row: {name}", two_at_most))
    split = HEADER.replace("report", "split")
    found += [
        Case(
            IMPORT,
            "unknown split",
            write(TABLE, rows("x,1.png,p,PA,F,4,,later", header=split).replace("A mass.", "train")),
            "listed",
            "row: unknown split",
            two_at_most,
        ),
        Case(
            IMPORT,
            "more than one split",
            write(TABLE, split + "a,0.png,p,PA,F,4,,train\nb,1.png,p,PA,F,4,,test\n"),
            "listed",
            "patient in two splits",
            two_at_most,
        ),
        Case(IMPORT, "UTF-16", write(TABLE, rows().encode("utf-16")), "listed", "UTF-16"),
        Case(IMPORT, "semicolons", write(TABLE, rows().replace(",", ";")), "listed", "semicolons"),
        Case(
            IMPORT,
            "image_id",
            write(TABLE, rows(header=HEADER.replace("view", "image_id"))),
            "listed",
            "a column twice",
        ),
    ]
    return found


def two_at_most(here: Path, out: str) -> None:
    from cxrneighbors.data.tables import read_table

    assert 1 <= len(read_table(here / "new.parquet")) <= 2


def calls() -> list[Case]:
    folder = "import folder"
    return [
        Case("import folder nope --out new.parquet", "nope"),
        Case("import folder notes.txt --out new.parquet", "notes.txt"),
        Case("import folder film.png --out new.parquet", "film.png"),
        Case("import folder empty --out new.parquet", "no CSV and no PNG"),
        Case(f"{folder} films --csv nope.csv --out new.parquet", "nope.csv"),
        Case(f"{folder} films --csv ../empty --out new.parquet", "empty"),
        Case(f"{folder} films --csv /etc --out new.parquet", "/etc"),
        Case(f"{folder} films --csv 0.png --out new.parquet", "0.png"),
        Case(f"{folder} films --column patient_id --out new.parquet", "--column"),
        Case(f"{folder} films --column patient_id= --out new.parquet", "--column"),
        Case(f"{folder} films --column =Pat --out new.parquet", "--column"),
        Case(f"{folder} films --column patient_id=Pat --out new.parquet", "Pat"),
        Case(f"{folder} films --column patient_id=a --column patient_id=b --out new.parquet", "patient_id"),
        Case(f"{folder} films --separator '' --out new.parquet", "--separator"),
        Case(f"{folder} films --separator '  ' --out new.parquet", "--separator"),
        Case(f"{folder} films --patient-from-name '(' --out new.parquet", "--patient-from-name"),
        Case(f"{folder} films --patient-from-name '[z-a]' --out new.parquet", "--patient-from-name"),
        Case(f"{folder} films --patient-from-name 'zzz(.)' --out new.parquet", "patient"),
        Case(f"{folder} films --images optional --out new.parquet", "--images|images"),
        Case(f"{folder} films --labeler negbio --out new.parquet", "--labeler|labeler"),
        Case(f"{folder} films --patients 3 --out new.parquet", "--patients|patients"),
        Case(f"{folder} films --drop-paths --out new.parquet", "--pseudonymise"),
        Case(f"{folder} films --pseudonymise nope --out new.parquet", "nope"),
        Case(f"{folder} films --pseudonymise empty --out new.parquet", "empty"),
        Case(f"{folder} films --pseudonymise key --out new.parquet", "key", write("key", "")),
        Case(
            f"{folder} films --pseudonymise key --out new.parquet",
            "key",
            write("key", "short"),
            name="a key of five letters",
        ),
        Case(f"{folder} films --out new.parquet --nope", "--nope"),
        Case(f"{folder} films", "--out"),
        Case("import folder", "ROOT|Missing"),
        Case("import", "DATASET|Missing"),
        Case("nope", "nope"),
        Case(f"{folder} films more --out new.parquet", "more"),
        Case("import chestxray14 films --out new.parquet", "Data_Entry|csv"),
        Case("import covid-chestxray films --out new.parquet", "metadata.csv"),
        Case("import lime-ray films --out new.parquet", "train|class"),
        Case("import chexpert films --out new.parquet", "csv"),
        Case("import padchest films --out new.parquet", "csv"),
        Case("import vindr-cxr films --out new.parquet", "csv|annotations"),
        Case(
            "import phantom films --out new.parquet",
            "films",
            copy("studies.parquet", "films/studies.parquet"),
            name="phantoms beside a table of one's own",
        ),
    ]


def folders() -> list[Case]:
    """Published data sets with damage."""
    small = "chexpert/CheXpert-v1.0-small"
    found = [
        Case(
            "import chexpert chexpert/CheXpert-v1.0-small --out new.parquet",
            "train.csv",
            cut(f"{small}/train.csv", 0.001),
        ),
        Case(
            "import chexpert chexpert/CheXpert-v1.0-small --out new.parquet",
            "Path",
            replace(f"{small}/train.csv", "Path", "P"),
            name="chexpert: no column Path",
        ),
        Case(
            "import chexpert chexpert/CheXpert-v1.0-small --out new.parquet",
            "not understood",
            replace(f"{small}/train.csv", ",1.0", ",7.0"),
            "listed",
            "chexpert: a label of 7",
        ),
        Case(
            "import chexpert chexpert/CheXpert-v1.0-small --out new.parquet",
            "none of the",
            remove(f"{small}/train"),
            name="chexpert: no films of train",
        ),
        Case("import padchest padchest --out new.parquet", "csv", _first("padchest", ".csv", b"")),
        Case(
            "import padchest padchest --out new.parquet",
            "Labels",
            _first("padchest", ".csv", b"ImageID,PatientID\na.png,1\n"),
            name="padchest: no labels",
        ),
        Case("import vindr-cxr vindr --out new.parquet", "annotations|csv", remove("vindr/annotations")),
        Case("import vindr-cxr vindr --radiologists 4 --out new.parquet", "radiologists"),
        Case("import vindr-cxr vindr --radiologists 0 --out new.parquet", "radiologists"),
        Case(
            "import vindr-cxr vindr --out new.parquet",
            "no image file",
            remove("vindr/train"),
            "listed",
            "vindr: no films of train",
        ),
        Case(
            "import chestxray14 made --out new.parquet",
            "Finding Labels",
            write("made/Data_Entry_2017_v2020.csv", "Image Index\na.png\n"),
            name="chestxray14: one column",
        ),
        Case(
            "import covid-chestxray made --out new.parquet",
            "metadata.csv",
            write("made/metadata.csv", ""),
            name="covid: an empty table",
        ),
        Case(
            "import lime-ray made --out new.parquet",
            "class|image|film",
            write("made/train/COVID19/a.txt", "no film"),
            name="lime-ray: no films",
        ),
        Case("import lime-ray films --splits nope --out new.parquet", "--splits"),
        Case(
            "import phantom phantom --out new.parquet",
            "manifest",
            write("phantom/manifest.json", "{"),
            name="phantoms: manifest cut",
        ),
        Case(
            "import phantom phantom --out new.parquet",
            "studies.parquet",
            cut("phantom/studies.parquet"),
            name="phantoms: table cut",
        ),
        Case("import phantom phantom --patients 9 --out new.parquet", "patients"),
        Case(
            "import folder dicoms --out new.parquet",
            "holds no image",
            copy("notes.txt", "dicoms/1.dcm"),
            "listed",
            "a text called .dcm",
        ),
        Case(
            "import folder dicoms --out new.parquet",
            "holds no image",
            cut("dicoms/0.dcm", 0.01),
            name="the only DICOM cut",
        ),
        Case(
            "import folder films --csv none --out new.parquet",
            "0 bytes",
            write("films/5.png", b""),
            "listed",
            "a film of no bytes",
        ),
    ]
    return found


def _first(folder: str, suffix: str, content: bytes) -> Act:
    def act(here: Path) -> None:
        sorted((here / folder).rglob(f"*{suffix}"))[0].write_bytes(content)

    return act
