"""The folder in which every case is tried: the main job has run once on phantoms, data sets lie beside it.

phantom/ studies.parquet skipped.csv     24 patients' films of 48 pixels, with reports
emb/ idx/ ev/ vae/ clf/ viewclf/ lungs/  encoded, indexed, evaluated; models of random weights
ex/ labels.parquet pred.csv hits.csv     an explanation, labels, predictions, hits
films/ csvs/ xml/ xml.tgz mimic/ chexpert/ padchest/ vindr/   data sets in their published layouts
film.png film.dcm notes.txt empty/       a film, a text and a folder of the user's own
"""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from cxrneighbors.cli.main import run
from cxrneighbors.data.tables import read_regions, read_table
from cxrneighbors.testing import published_trees
from cxrneighbors.testing.dicom_file import Encoding, write_dicom
from cxrneighbors.testing.mimic_tree import write_mimic_tree

FILM = "P0001_S1_PA"  # the first of them
LABELS = ("Effusion", "Mass")
XML = (
    "<eCitation><uId id='CXR{0}'/><MedlineCitation><Article><Abstract>"
    "<AbstractText Label='FINDINGS'>Clear lungs, film {0}.</AbstractText>"
    "<AbstractText Label='IMPRESSION'>Normal.</AbstractText></Abstract></Article></MedlineCitation>"
    "<MeSH><major>normal</major></MeSH></eCitation>"
)
JOB = (
    "import phantom phantom --patients 24 --image-size 48 --seed 1 --out studies.parquet",
    "encode studies.parquet --out emb --image-encoder vae --report-encoder tfidf --shard-size 20",
    "index emb --studies studies.parquet --out idx",
    "evaluate idx --out ev --baselines random --permutations 9",
    "label-reports studies.parquet --out labels.parquet",
    "explain idx --classifier clf --image-id {film} --target Mass --method lime --segmentation slic -p 8 "
    "--out ex",
    "predict clf studies.parquet --out pred.csv",
    "search idx --image-id {film} --out hits.csv",
)


def make_place(folder: Path) -> None:
    """Make it; call it in a process of its own where cases are run in forks of this one."""
    folder.mkdir(parents=True)
    (folder / "tmp").mkdir()
    (folder / "empty").mkdir()
    (folder / "notes.txt").write_text("mine\n")
    save_models(folder)
    _run(JOB[0], folder)
    table = read_table(folder / "studies.parquet")
    for line in JOB[1:]:
        _run(line.format(film=table["image_id"].iloc[0]), folder)
    write_data_sets(folder, table.head(10).reset_index(drop=True))


def save_models(folder: Path) -> None:
    from cxrneighbors.classifiers.registry import build
    from cxrneighbors.encoders.vae import VAE
    from cxrneighbors.lungs.segmenter import LungSegmenter

    VAE(latent_dim=6, image_size=32, width=4).save(folder / "vae")
    build("small-cnn", labels=list(LABELS), image_size=32, width=4).save(folder / "clf")
    views = build("small-cnn", labels=["PA", "AP", "LATERAL"], image_size=32, width=4, multi_label=False)
    views.save(folder / "viewclf")
    LungSegmenter(image_size=32, width=2, device="cpu").save(folder / "lungs")


def write_data_sets(folder: Path, table: pd.DataFrame) -> None:
    (folder / "films").mkdir()
    rows = ["image_id,path,patient_id,view,sex,age,findings,report"]
    for number, source in enumerate(table["path"].head(4)):
        shutil.copy(source, folder / "films" / f"{number}.png")
        rows.append(f"i{number},{number}.png,p{number},PA,F,{40 + number},Mass|Edema,A mass.")
    (folder / "films" / "studies.csv").write_text("\n".join(rows) + "\n")
    shutil.copy(folder / "films" / "0.png", folder / "film.png")
    pixels = np.asarray(Image.open(folder / "film.png").convert("L"), dtype=np.float32) / 255
    encoding = Encoding("uncompressed", "MONOCHROME2", 12, "none")
    about = {"PatientID": "p", "ViewPosition": "PA", "StudyInstanceUID": "1.2.3"}
    write_dicom(folder / "film.dcm", pixels, encoding, "1.2.840.1", about)
    (folder / "dicoms").mkdir()
    shutil.copy(folder / "film.dcm", folder / "dicoms" / "0.dcm")
    (folder / "xml").mkdir()
    for number in range(3):
        (folder / "xml" / f"{number}.xml").write_text(XML.format(number))
    with tarfile.open(folder / "xml.tgz", "w:gz") as archive:
        archive.add(folder / "xml", "xml")
    write_mimic_tree(table, folder / "mimic", syntaxes=("uncompressed",))
    published_trees.write_chexpert(table, folder / "chexpert")
    published_trees.write_padchest(table, folder / "padchest")
    published_trees.write_vindr(table, _no_regions(folder), folder / "vindr")
    masks = folder / "masks"
    (masks / "images").mkdir(parents=True)
    lines = ["image,source,finding,file,mask"]
    for number, source in enumerate(table["path"]):
        shutil.copy(source, masks / "images" / f"{number}.png")
        shutil.copy(source, masks / "images" / f"{number}_mask.png")
        lines.append(f"{number}.png,A,No Finding,images/{number}.png,images/{number}_mask.png")
    (masks / "labels.csv").write_text("\n".join(lines) + "\n")


def _no_regions(folder: Path) -> pd.DataFrame:
    return read_regions(folder / "studies.regions.parquet").head(0)


def _run(line: str, folder: Path) -> None:
    import os
    import shlex

    before = Path.cwd()
    os.chdir(folder)
    try:
        run(["-q", *shlex.split(line)])
    except SystemExit as stop:
        if stop.code:
            raise RuntimeError(f"{line}: exit code {stop.code}") from None
    finally:
        os.chdir(before)
