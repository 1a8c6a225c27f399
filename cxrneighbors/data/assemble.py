"""One table of exclusive classes from other study tables, by their findings; splits share no patient."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from cxrneighbors.csv_text import csv_text
from cxrneighbors.data.combine import combine_studies
from cxrneighbors.data.content import link_patients, with_hashes
from cxrneighbors.data.dicom import is_dicom
from cxrneighbors.data.pixels import read_pixels
from cxrneighbors.data.readers.lime_ray import PATIENTS_FILE
from cxrneighbors.data.schema import NO_FINDING, has_text, validate_studies
from cxrneighbors.data.skipped import Skipped
from cxrneighbors.data.splits import uniform_hash
from cxrneighbors.errors import UserError
from cxrneighbors.files import atomic_dir, write_text_atomic

# The first class that fits an image is its class: in covid-chestxray COVID-19 is a pneumonia too.
DEFAULT_CLASSES: dict[str, tuple[str, ...]] = {
    "COVID-19": ("COVID-19",),
    "Tuberculosis": ("Tuberculosis",),
    "Pneumonia": ("Pneumonia",),
    NO_FINDING: (NO_FINDING,),
}
FRONTAL = ("PA", "AP", "UNKNOWN")


@dataclass(frozen=True)
class Assembled:
    """`studies`: one class in `findings` of each row. `skipped`: rows left out. `notes`: what to know."""

    studies: pd.DataFrame
    skipped: Skipped
    notes: list[str]


def assemble(
    tables: Sequence[pd.DataFrame],
    classes: Mapping[str, Sequence[str]] | None = None,
    *,
    views: Sequence[str] = FRONTAL,
    limit: int | None = None,
    fractions: tuple[float, float, float] = (0.6, 0.1, 0.3),
    seed: int = 0,
) -> Assembled:
    """Choose images by their findings, give each one class, and split anew by patient.

    `classes`: for each class the findings that make it, as 'FINDING' or 'DATASET:FINDING' to take it from
    one source only; an image belongs to the first class that fits. `views`: which views are used. `limit`:
    images at most of one class from one data set, whole patients in a random order that `seed` fixes.
    `fractions`: shares of the patients of each class and data set in train, val and test (`class_split`).

    Left out are images of no class, of other views, without a readable file, and copies of an image by its
    pixels: the first copy stays, none if the copies are in different classes. Patients who share an image
    count as one. Raises `UserError` for a class without images and where fewer than two classes are named.
    """
    wanted = dict(classes or DEFAULT_CLASSES)
    if len(wanted) < 2:
        raise UserError("classes: one class only; name two or more, each with its findings")
    studies = combine_studies(list(tables), source="assembled tables")
    skipped, notes = Skipped("assemble"), list[str]()
    fits = class_membership(studies, wanted)
    _check_found(fits, wanted, studies)
    usable = fits.any(axis=1) & studies["view"].isin(views).to_numpy() & has_text(studies["path"])
    several = int((fits[usable].sum(axis=1) > 1).sum())
    if several:
        notes.append(f"{several} images have findings of several classes and count for the first that fits")
    names = np.array(list(wanted), dtype=object)
    table = studies.assign(**{"class": names[fits.argmax(axis=1)]})[usable].reset_index(drop=True)
    table = _without_copies(table, skipped)
    if limit is not None:
        table = _limited(table, limit, seed)
    for name in wanted:
        if not (table["class"] == name).any():
            raise UserError(
                f"class {name!r}: no usable image is left; look at --views, --limit and skipped.csv"
            )
    table = table.assign(split=class_split(table, fractions, seed))
    table["findings"] = pd.Series([[name] for name in table["class"]], index=table.index, dtype=object)
    warning = source_warning(table["class"], table["dataset"])
    if warning:
        notes.append(warning)
    return Assembled(validate_studies(table.drop(columns=["class", "sha256"])), skipped, notes)


def class_membership(studies: pd.DataFrame, classes: Mapping[str, Sequence[str]]) -> np.ndarray:
    """Whether an image has a finding that makes a class: bool (N, C)."""
    fits = np.zeros((len(studies), len(classes)), dtype=bool)
    pairs = zip(studies["dataset"], studies["findings"], strict=True)
    has = [{*findings, *(f"{dataset}:{finding}" for finding in findings)} for dataset, findings in pairs]
    for column, findings in enumerate(classes.values()):
        fits[:, column] = [not own.isdisjoint(findings) for own in has]
    return fits


def class_split(
    table: pd.DataFrame, fractions: tuple[float, float, float] = (0.6, 0.1, 0.3), seed: int = 0
) -> np.ndarray:
    """Split by patient with the shares met within each class and data set: object (N,).

    `table` has class, dataset, patient_id; a patient with several classes counts for the rarest. Patients
    stand in an order hashed from `seed`; from three patients on, each of the three parts gets one at least.
    Other than `splits.patient_split`, a new patient may move others: with few patients of a class,
    shares that are met only on average could leave a part without the class.
    """
    units = (table["dataset"] + "\x1f" + table["patient_id"]).to_numpy(dtype=object)
    counts = table["class"].value_counts()
    rarity = table["class"].map(counts).to_numpy()
    order = np.argsort(rarity, kind="stable")
    stratum: dict[str, tuple[str, str]] = {}
    for row in order:
        stratum.setdefault(units[row], (table["class"].iloc[row], table["dataset"].iloc[row]))
    members: dict[tuple[str, str], list[str]] = {}
    for unit in sorted(stratum, key=lambda unit: uniform_hash(unit, seed)):
        members.setdefault(stratum[unit], []).append(unit)
    part: dict[str, str] = {}
    for patients in members.values():
        least = int(len(patients) >= 3)
        test = max(least * (fractions[2] > 0), round(fractions[2] * len(patients)))
        val = max(least * (fractions[1] > 0), round(fractions[1] * len(patients)))
        names = ["test"] * test + ["val"] * val
        part.update(zip(patients, names + ["train"] * max(0, len(patients) - len(names)), strict=False))
    return np.array([part[unit] for unit in units], dtype=object)


def source_counts(classes: pd.Series, datasets: pd.Series) -> pd.DataFrame:
    """Images of each class (rows) from each data set (columns)."""
    return pd.crosstab(classes.to_numpy(), datasets.to_numpy(), rownames=["class"], colnames=["dataset"])


def source_accuracy(classes: pd.Series, datasets: pd.Series) -> tuple[float, float]:
    """Accuracy of always guessing each data set's commonest class, and of the commonest class of all."""
    counts = source_counts(classes, datasets).to_numpy()
    total = max(1, counts.sum())
    return float(counts.max(axis=0).sum() / total), float(counts.sum(axis=1).max() / total)


def source_warning(classes: pd.Series, datasets: pd.Series) -> str | None:
    """One line where the data set tells something of the class; None where it tells nothing."""
    by_source, blind = source_accuracy(classes, datasets)
    if by_source <= blind + 1e-9:
        return None
    return (
        f"warning: the classes come from different sources; who knows the data set alone is right in "
        f"{by_source:.0%} of the images ({blind:.0%} without), so a network can learn the source instead of "
        "the disease: mix sources within classes, and look at the accuracy with the lungs masked out"
    )


def write_layout(studies: pd.DataFrame, root: str | Path) -> None:
    """Write an assembled table as `root/SPLIT/CLASS/*`, the layout that reader `lime-ray` reads.

    Files are copied (DICOM as 8-bit PNG); `patients.csv` keeps patients and data sets. `root` appears only
    when it is whole. Raises `UserError` where `root` is there already.
    """
    root = Path(root)
    if root.exists():
        raise UserError(f"{root}: is there already; give a new folder")
    _check_folders(studies["findings"].str[0].unique().tolist())
    taken: set[str] = set()
    files = [_layout_name(study, taken) for _, study in studies.iterrows()]
    patients = studies[["patient_id", "dataset"]].assign(file=files)[["file", "patient_id", "dataset"]]
    with atomic_dir(root) as folder:
        for source, file in zip(studies["path"], files, strict=True):
            _copy_image(Path(source), folder / file)
        write_text_atomic(folder / PATIENTS_FILE, csv_text(patients))


def class_folder(name: str) -> str:
    """The folder of a class.

    >>> class_folder("COVID-19"), class_folder("No Finding")
    ('COVID19', 'NORMAL')
    """
    return "NORMAL" if name == NO_FINDING else re.sub(r"[^A-Z0-9_]", "", name.upper())


def _check_folders(names: list[str]) -> None:
    folders: dict[str, str] = {}
    for name in names:
        folder = class_folder(name)
        if not folder:
            raise UserError(f"class {name!r}: has no letter or digit to call a folder by; name it otherwise")
        if (other := folders.setdefault(folder, name)) != name:
            raise UserError(f"classes {other!r} and {name!r}: both go to folder {folder}; name one otherwise")


def _check_found(fits: np.ndarray, wanted: Mapping[str, Sequence[str]], studies: pd.DataFrame) -> None:
    empty = [list(wanted)[column] for column in np.flatnonzero(fits.sum(axis=0) == 0)]
    if empty:
        known = sorted({str(finding) for findings in studies["findings"] for finding in findings})
        raise UserError(
            f"class {empty[0]!r}: no image has {', '.join(wanted[empty[0]])}; the tables have "
            f"{', '.join(known)}: add a table, say which findings make the class (--class NAME=FINDING), "
            "or leave it out"
        )


def _without_copies(table: pd.DataFrame, skipped: Skipped) -> pd.DataFrame:
    """Readable images, each once; adds `sha256`; patients who share an image become one."""
    table = link_patients(with_hashes(table, skipped), "sha256")
    contradicted = table.groupby("sha256")["class"].transform("nunique") > 1
    repeated = table["sha256"].duplicated() & ~contradicted
    for image_id in table["image_id"][contradicted]:
        skipped.add(image_id, "the same image is in another class too")
    for image_id in table["image_id"][repeated]:
        skipped.add(image_id, "a copy of another image")
    return table[~contradicted & ~repeated].reset_index(drop=True)


def _limited(table: pd.DataFrame, limit: int, seed: int) -> pd.DataFrame:
    """At most `limit` images of a class and data set, whole patients."""
    keys = [uniform_hash(patient, seed) for patient in table["patient_id"]]
    ordered = table.assign(key=keys).sort_values(["key", "image_id"])
    sizes = ordered.groupby(["class", "dataset", "patient_id"], sort=False)["key"].transform("size")
    first = ~ordered.duplicated(["class", "dataset", "patient_id"])
    running = (sizes * first).groupby([ordered["class"], ordered["dataset"]]).cumsum()
    # A patient's images all carry the count that includes the whole patient.
    total = running.groupby([ordered["class"], ordered["dataset"], ordered["patient_id"]]).transform("max")
    return table.loc[ordered.index[(total <= limit).to_numpy()].sort_values()].reset_index(drop=True)


def _layout_name(study: pd.Series, taken: set[str]) -> str:
    stem = re.sub(r"[^\w.-]+", "_", Path(str(study["image_id"])).with_suffix("").as_posix())
    suffix = ".png" if is_dicom(study["path"]) else Path(study["path"]).suffix.lower()
    folder = f"{study['split']}/{class_folder(study['findings'][0])}"
    name, number = f"{folder}/{stem}{suffix}", 1
    while name in taken:
        number += 1
        name = f"{folder}/{stem}_{number}{suffix}"
    taken.add(name)
    return name


def _copy_image(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if is_dicom(source):
        from PIL import Image

        Image.fromarray(np.rint(read_pixels(source) * 255).astype(np.uint8)).save(target)
    else:
        shutil.copyfile(source, target)
