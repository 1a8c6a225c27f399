"""The four-class layout of LIME-RAY: `train|val|test/CLASS/*.jpg|png`, class folders in any spelling."""

from __future__ import annotations

import difflib
import re
from pathlib import Path

import pandas as pd

from cxrneighbors.data.content import link_patients, with_hashes
from cxrneighbors.data.imports import ImportResult, require_root
from cxrneighbors.data.schema import NO_FINDING, SPLITS
from cxrneighbors.data.skipped import Skipped
from cxrneighbors.data.splits import patient_split, split_named
from cxrneighbors.errors import UserError, choose

PATIENTS_FILE = "patients.csv"
CLASSES = ("COVID-19", NO_FINDING, "Pneumonia", "Tuberculosis")
_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".gif", ".webp")
_CLASS_NAMES = {
    "covid19": "COVID-19",
    "covid": "COVID-19",
    "coronavirus": "COVID-19",
    "normal": NO_FINDING,
    "nofinding": NO_FINDING,
    "healthy": NO_FINDING,
    "pneumonia": "Pneumonia",
    "tuberculosis": "Tuberculosis",
    "tb": "Tuberculosis",
}
_LONG_NAMES = ("pneumonia", "tuberculosis", "coronavirus")
_NEGATIONS = {"no", "non", "not", "without"}
# Files of Kermany et al. carry the patient: 'person12_bacteria_46.jpeg', 'NORMAL2-IM-0383-0001.jpeg'.
_PATIENT = re.compile(
    r"^(person\d+_(?:bacteria|virus))_\d+$|^((?:NORMAL\d*-)?IM-\d+)-\d+(?:-\d+)?$", re.IGNORECASE
)


def read(root: Path, splits: str = "folders", seed: int = 0) -> ImportResult:
    """Read the class folders below `root`.

    Split and class folders are found whatever their case and spelling (`class_of`); 'Normal' becomes the
    finding "No Finding". `image_id` is the path below `root`. The patient is what `patients.csv` in `root`
    says (columns file, patient_id, dataset: written by `assemble`), else what the file's name says
    (`patient_of`), else each image is its own patient; images that are the same file twice are one patient.

    `splits`: 'folders' keeps the publisher's train, val and test; 'patients' draws them anew by patient
    (60/10/30), which is the way out where an image or a patient is in two of them.

    Skipped: files that are no images, damaged or animated, and images that are in two classes. Notes name
    class folders that are missing or empty and images or patients that are in two splits. Raises `UserError`
    without split folders, and where only one class has images.
    """
    choose("splits", splits, ("folders", "patients"))
    root = require_root(root, "lime-ray")
    notes: list[str] = []
    files = _find_files(root, notes)
    skipped = Skipped()
    table = _kept(pd.DataFrame(files, columns=["image_id", "path", "split", "class"]), skipped)
    if table["class"].nunique() < 2:
        only = f"only the class {table['class'].iloc[0]!r} has" if len(table) else "no class has"
        raise UserError(f"{root}: {only} usable images; a data set of several classes is needed")
    table = _with_patients(root, table)
    if splits == "patients":
        table["split"] = patient_split(table["dataset"] + "/" + table["patient_id"], seed=seed)
    else:
        notes += leaks(table)
    findings = pd.Series([[name] for name in table["class"]], index=table.index, dtype=object)
    studies = table.assign(findings=findings).drop(columns=["class", "sha256"])
    return ImportResult(studies, skipped=skipped, notes=notes)


def class_of(folder: str) -> str | None:
    """The finding that a class folder stands for, None for none of the four.

    >>> class_of("TURBERCULOSIS"), class_of("COVID19"), class_of("Viral Pneumonia"), class_of("Effusion")
    ('Tuberculosis', 'COVID-19', 'Pneumonia', None)
    """
    whole = re.sub(r"[^a-z0-9]", "", folder.lower())
    words = [word for word in re.split(r"[^a-z0-9]+", folder.lower()) if word]
    if whole in _CLASS_NAMES:
        return _CLASS_NAMES[whole]
    if _NEGATIONS & set(words):
        return None
    for text in words:
        if text in _CLASS_NAMES:
            return _CLASS_NAMES[text]
    # Long names of a disease only: 'abnormal' is near to 'normal'.
    for text in (whole, *words):
        close = difflib.get_close_matches(text, _LONG_NAMES, 1, cutoff=0.8)
        if close:
            return _CLASS_NAMES[close[0]]
    return None


def patient_of(stem: str) -> str | None:
    """The patient that a file name states, None where it states none.

    >>> patient_of("person12_bacteria_46"), patient_of("NORMAL2-IM-0383-0001"), patient_of("COVID-19 (7)")
    ('person12_bacteria', 'NORMAL2-IM-0383', None)
    """
    found = _PATIENT.match(stem)
    return None if found is None else found.group(1) or found.group(2)


def leaks(table: pd.DataFrame) -> list[str]:
    """A line on the images, and one on the patients, that are in two splits; none where there are none."""
    lines = []
    remedy = "training will refuse them; import again with --splits patients, or delete one copy"
    for what, columns in (("image", ["sha256"]), ("patient", ["dataset", "patient_id"])):
        groups = table.groupby(columns)["split"].transform("nunique") > 1
        if groups.any():
            first = table[groups].sort_values([*columns, "split"]).iloc[0]
            same = table.loc[
                (table[columns] == first[columns]).all(axis=1) & (table["split"] != first["split"])
            ]
            count = table[groups].groupby(columns).ngroups
            lines.append(
                f"{count} {what}{'s are' if count > 1 else ' is'} in two splits, "
                f"such as {first['image_id']} and {same['image_id'].iloc[0]}: {remedy}"
            )
    return lines


def _find_files(root: Path, notes: list[str]) -> list[dict[str, str]]:
    """Image files by split and class; missing and empty class folders go to `notes`."""
    folders = {split: _split_folder(root, split) for split in SPLITS}
    if folders["train"] is None:
        raise UserError(f"{root}: has no folder 'train'; give the folder that holds train, val and test")
    files: list[dict[str, str]] = []
    seen: dict[str, set[str]] = {}
    for split, folder in folders.items():
        if folder is None:
            notes.append(f"{root}: has no folder {split!r}; training holds out patients of the others for it")
            continue
        seen[split] = set()
        for below in sorted(path for path in folder.iterdir() if path.is_dir()):
            name = class_of(below.name) or below.name
            if class_of(below.name) is None:
                notes.append(f"{split}/{below.name}: none of the four classes; kept under its own name")
            images = _images(below)
            if not images:
                notes.append(f"{split}/{below.name}: no images in it; fill it, or leave the class out")
            seen[split].add(name)
            files += [
                {
                    "image_id": image.relative_to(root).as_posix(),
                    "path": str(image),
                    "split": split,
                    "class": name,
                }
                for image in images
            ]
    _note_missing(seen, notes)
    return files


def _note_missing(seen: dict[str, set[str]], notes: list[str]) -> None:
    """Classes that no split has, then those that single splits lack."""
    remedy = "add it, or train without the class"
    every = set[str]().union(*seen.values())
    nowhere = [_shown(name) for name in CLASSES if name not in every]
    if nowhere:
        notes.append(f"no folder for the class {', '.join(nowhere)}; {remedy}")
    for split, names in seen.items():
        notes += [
            f"{split}: no folder for the class {_shown(name)}; {remedy}" for name in sorted(every - names)
        ]


def _split_folder(root: Path, split: str) -> Path | None:
    found = [path for path in sorted(root.iterdir()) if path.is_dir() and split_named(path.name) == split]
    if len(found) > 1:
        raise UserError(
            f"{root}: both {found[0].name!r} and {found[1].name!r} are a {split} folder; keep one"
        )
    return found[0] if found else None


def _images(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and path.suffix.lower() in _SUFFIXES and not path.name.startswith(".")
    )


def _kept(table: pd.DataFrame, skipped: Skipped) -> pd.DataFrame:
    """Rows with a readable image that is in one class only; adds `sha256`."""
    table = with_hashes(table, skipped)
    contradicted = table.groupby("sha256")["class"].transform("nunique") > 1
    for image_id in table.loc[contradicted, "image_id"]:
        skipped.add(image_id, "the same image is in another class too; keep it in the right one")
    return table[~contradicted].reset_index(drop=True)


def _with_patients(root: Path, table: pd.DataFrame) -> pd.DataFrame:
    """Adds `patient_id` and `dataset`."""
    given = _read_patients(root)
    stems = [Path(image_id).stem for image_id in table["image_id"]]
    own = [patient_of(stem) or f"{name}/{stem}" for stem, name in zip(stems, table["class"], strict=True)]
    pairs = [
        given.get(image_id, (patient, "lime-ray"))
        for image_id, patient in zip(table["image_id"], own, strict=True)
    ]
    patients, datasets = zip(*pairs, strict=True)
    return link_patients(table.assign(patient_id=patients, dataset=datasets), "sha256")


def _read_patients(root: Path) -> dict[str, tuple[str, str]]:
    path = root / PATIENTS_FILE
    if not path.is_file():
        return {}
    rows = pd.read_csv(path, dtype=str, keep_default_na=False)
    missing = [column for column in ("file", "patient_id", "dataset") if column not in rows]
    if missing:
        raise UserError(f"{path}: has no column {missing[0]!r}; it needs file, patient_id and dataset")
    pairs = zip(rows["patient_id"], rows["dataset"], strict=True)
    return dict(zip(rows["file"], pairs, strict=True))


def _shown(name: str) -> str:
    return "Normal" if name == NO_FINDING else name
