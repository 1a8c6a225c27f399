"""Names in, names nowhere: the whole pipeline over DICOMs whose every text tag is a canary.

What may hold which canary is listed in `BY_DESIGN`; every other file, inside Parquet, arrays and archives
too, standard output and error, file names, temporary folders and caches must be free of all of them.
"""

from __future__ import annotations

import io
import json
import re
import tempfile
import zipfile
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydicom.datadict import DicomDictionary, dictionary_VR
from pydicom.dataset import Dataset

import cxrneighbors as cx
from cxrneighbors.classifiers.registry import build
from cxrneighbors.cli.main import run
from cxrneighbors.progress import quiet
from cxrneighbors.testing.dicom_file import Encoding, to_dataset

TEXTS = ("PN", "LO", "SH", "ST", "LT", "UT", "UC", "UR", "AE")
DATES = {"DA": "19470708", "TM": "131733.717", "DT": "19470708131733.717"}
LIMITS = {"SH": 16, "AE": 16}
UIDS = ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID", "AccessionNumber")
# Canaries by where they come from: a tag that is not imported, one that is, a report, a file's name.
TAG, PATIENT, STUDY, REPORT, FILE = (
    "zq7xTag4q",
    "zq7xPat4q",
    "2.25.7417741774177417",
    "zq7xName4q",
    "zq7xFile4q",
)
CANARIES = (TAG, PATIENT, STUDY, REPORT, FILE, "19470708", "131733.717")
IDS = {PATIENT, STUDY, FILE}
N = 14

# Which file of the pipeline may hold what, and why.
BY_DESIGN = {
    "studies.parquet": IDS | {REPORT},  # the study table: ids, paths, reports
    "skipped.csv": IDS,  # what was left out, by id
    "emb/*/part-*.parquet": {FILE},  # vectors by image id
    "emb/encoders/report/vocabulary.json": {REPORT},  # TF-IDF's words are the reports'
    "idx/studies.parquet": IDS | {REPORT},  # the index has the table in it
    "idx/encoders/report/vocabulary.json": {REPORT},
    "labels.parquet": {STUDY, REPORT},  # each finding with the sentence that says so
    "predictions.csv": {FILE},
    "hits.csv": IDS,
    "ev/*": {FILE, PATIENT},  # --hide-reports: neighbours and examples by id
    "ex/*": {FILE, PATIENT},  # an explanation names its film and neighbours
    "stdout": {FILE, PATIENT},  # search's table
    "page": {FILE, PATIENT, STUDY, REPORT},  # the explorer shows films with their report
}


def text_elements() -> Iterator[tuple[str, str]]:
    """(keyword, VR) of every text, date and time in the DICOM dictionary."""
    for tag, (_, vm, _, _, keyword) in DicomDictionary.items():
        if tag >> 16 > 2 and keyword and vm[0] == "1" and keyword != "PatientID":
            vr = dictionary_VR(keyword)
            if vr in TEXTS or vr in DATES:
                yield keyword, vr


def film(number: int) -> Dataset:
    rng = np.random.default_rng(number)
    pixels = np.clip(rng.normal(0.5, 0.1, (32, 32)) + (number % 3) / 5, 0, 1)
    tags: dict[str, Any] = {
        name: DATES.get(vr) or f"{TAG}{number}{name}"[: LIMITS.get(vr, 60)] for name, vr in text_elements()
    }
    tags |= {
        "PatientID": f"{PATIENT}{number // 2}",
        "ViewPosition": "PA",
        "PatientSex": "F",
        "PatientAge": "044Y",
    }
    tags |= dict.fromkeys(UIDS, f"{STUDY}.{number}")
    tags["AccessionNumber"] = f"{TAG}{number}"
    dataset = to_dataset(pixels, Encoding("uncompressed", "MONOCHROME2", 12, "none"), f"2.25.{number}", tags)
    dataset.private_block(0x0011, TAG, create=True).add_new(1, "LO", f"{TAG} private")
    return dataset


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """DICOMs, and a CSV with findings and reports that name people."""
    root = tmp_path_factory.mktemp("source")
    rows = ["path,findings,report"]
    for number in range(N):
        film(number).save_as(root / f"{FILE}{number}.dcm", enforce_file_format=True)
        finding, said = [("Effusion", "a small effusion"), ("No Finding", "no effusion")][number % 2]
        report = f"FINDINGS: Mr {REPORT}{number} has {said}. IMPRESSION: {said} seen by Dr {REPORT}."
        rows.append(f'{FILE}{number}.dcm,{finding},"{report}"')
    (root / f"{FILE}broken.dcm").write_bytes(b"no film")
    rows.append(f"{FILE}missing.dcm,Effusion,Mrs {REPORT}")
    (root / "studies.csv").write_text("\n".join(rows))
    return root


def call(*arguments: object) -> None:
    with pytest.raises(SystemExit) as stop:
        run([str(argument) for argument in arguments])
    quiet(False)
    assert not stop.value.code, arguments


def pipeline(root: Path, work: Path, *options: object, evaluated: bool = True) -> None:
    """Every verb, each with progress, into `work`; `evaluated`: with the evaluation, which takes longest."""
    studies, emb, idx = work / "studies.parquet", work / "emb", work / "idx"
    build("small-cnn", labels=["Effusion", "Mass"], image_size=32, width=4).save(work / "clf")
    call("import", "folder", root, "--out", studies, *options)
    call("label-reports", studies, "--out", work / "labels.parquet")
    call("encode", studies, "--out", emb, "--image-encoder", "pca-centre", "--report-encoder", "tfidf")
    call("index", emb, "--studies", studies, "--out", idx)
    call("predict", work / "clf", studies, "--out", work / "predictions.csv")
    if evaluated:
        write_evaluation(work)
        call("reproduce", work / "ev")
    from cxrneighbors.data.tables import read_table

    image_id = read_table(studies)["image_id"].iloc[0]
    call("search", idx, "--image-id", image_id, "-k", 3, "--out", work / "hits.csv")
    call("search", idx, "--text", "effusion", "-k", 3)
    explain = (
        "--classifier",
        work / "clf",
        "--target",
        "Effusion",
        "-p",
        8,
        "-k",
        2,
        "--segmentation",
        "slic",
    )
    call("explain", idx, "--image-id", image_id, "--method", "kp-lime", "--out", work / "ex", *explain)
    call("export-index", idx, "--share", work / "share")
    call("verify", work)


def write_evaluation(work: Path) -> None:
    """As the verb does with --hide-reports, without the figures for print."""
    result = cx.evaluate_overlap(cx.NeighborIndex.load(work / "idx"), k=2, n_permutations=9)
    cx.write_evaluation(result, work / "ev", show_reports=False, print_figures=False)


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home and a temporary folder of their own, to see what is left there."""
    home = tmp_path_factory.mktemp("home")
    (home / "tmp").mkdir()
    names = {name: str(home) for name in ("HOME", "XDG_CACHE_HOME", "HF_HOME", "MPLCONFIGDIR")}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (names | {"TMPDIR": str(home / "tmp")}).items():
            patch.setenv(name, value)
        patch.setattr(tempfile, "tempdir", None)
        yield home


def contents(name: str, data: bytes) -> Iterator[bytes]:
    """A file as it is, and what is packed inside it."""
    yield data
    if name.endswith(".parquet"):
        import pyarrow.parquet as pq

        table = pq.read_table(io.BytesIO(data))
        yield repr(table.to_pylist()).encode() + repr(table.schema).encode()
        yield repr(table.schema.metadata).encode()
    elif name.endswith((".npz", ".zip")):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for inner in archive.namelist():
                yield inner.encode()
                yield from contents(inner, archive.read(inner))
    elif name.endswith(".npy"):
        array = np.load(io.BytesIO(data), allow_pickle=False)
        if array.dtype.kind in "US":
            yield repr(array.tolist()).encode()
    elif name.endswith(".png"):
        with Image.open(io.BytesIO(data)) as picture:
            picture.load()
            yield repr(picture.info).encode()
    elif name.endswith((".html", ".svg")):
        import base64

        for packed in re.findall(rb"base64,([A-Za-z0-9+/=]{40,})", data):
            yield base64.b64decode(packed)
    elif name.endswith(".json"):
        yield repr(json.loads(data)).encode()


def held(name: str, data: bytes) -> set[str]:
    whole = b"\n".join(contents(name, data)).lower()
    utf16 = whole.replace(b"\0", b"")
    return {text for text in CANARIES if text.lower().encode() in whole or text.lower().encode() in utf16}


def found_in(folder: Path) -> dict[str, set[str]]:
    """Canaries by file, those of its name among them."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        canaries = {text for text in CANARIES if text.lower() in name.lower()}
        found[name] = canaries | (held(name, path.read_bytes()) if path.is_file() else set())
    return found


def too_much(found: dict[str, set[str]], allowed: dict[str, set[str]]) -> dict[str, set[str]]:
    def may(name: str) -> set[str]:
        return set().union(*(texts for pattern, texts in allowed.items() if fnmatch(name, pattern)))

    return {name: texts - may(name) for name, texts in found.items() if texts - may(name)}


def test_canaries_are_where_they_are_meant_to_be(source: Path) -> None:
    """The test sees what it looks for: also what is packed."""
    data = (source / f"{FILE}0.dcm").read_bytes()
    assert held("film.dcm", data) == {TAG, PATIENT, STUDY, "19470708", "131733.717"}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inner.json", json.dumps({"name": f"\u00e4{REPORT}"}))
    assert held("a.zip", packed.getvalue()) == {REPORT}
    assert held("a.txt", f"x{PATIENT}".encode("utf-16-le")) == {PATIENT}
    assert len([*text_elements()]) > 900


def test_nothing_leaks(source: Path, places: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    capfd.readouterr()
    pipeline(source, tmp_path)
    said = capfd.readouterr()
    streams = {"stdout": held("txt", said.out.encode()), "stderr": held("txt", said.err.encode())}
    home = {f"home/{name}": texts for name, texts in found_in(places).items()}
    found = found_in(tmp_path)
    assert found["studies.parquet"] >= IDS | {REPORT}  # what goes in by design did
    assert too_much(found | streams | home, BY_DESIGN) == {}
    shared = {name: texts for name, texts in found.items() if name.startswith("share/")}
    assert len(shared) > 5 and not any(shared.values())


def test_under_pseudonyms_only_paths_and_reports_hold_names(
    source: Path, places: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    key = source.parent / "key"
    key.write_text("0123456789abcdef0123456789abcdef")
    capfd.readouterr()
    pipeline(source, tmp_path, "--pseudonymise", key, evaluated=False)
    said = capfd.readouterr()
    found = found_in(tmp_path)
    found |= {"stdout": held("txt", said.out.encode()), "stderr": held("txt", said.err.encode())}
    found |= {f"home/{name}": texts for name, texts in found_in(places).items()}
    text = {name: texts & {REPORT} for name, texts in BY_DESIGN.items()}
    paths = {name: {FILE} for name in ("studies.parquet", "idx/studies.parquet", "hits.csv", "stdout")}
    assert (
        too_much(found, {name: text.get(name, set()) | paths.get(name, set()) for name in text | paths}) == {}
    )
    assert not any(key.read_bytes() in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    call(
        "import", "folder", source, "--out", tmp_path / "bare.parquet", "--pseudonymise", key, "--drop-paths"
    )
    assert held("bare.parquet", (tmp_path / "bare.parquet").read_bytes()) == {REPORT}


def test_the_explorers_page(source: Path, tmp_path: Path, places: Path) -> None:
    pytest.importorskip("gradio", reason="gradio is missing: pip install cxrneighbors[explorer]")
    from starlette.testclient import TestClient

    from cxrneighbors.app.archive import Archive
    from cxrneighbors.app.server import make_app

    pipeline_up_to_index(source, tmp_path)
    client = TestClient(make_app(Archive.open(tmp_path / "idx")), base_url="http://127.0.0.1")
    answers = {path: client.get(path) for path in ("/", "/suggest?text=zq7x", "/film/none.png")}
    assert answers["/"].status_code == 200 and answers["/suggest?text=zq7x"].json()["count"] > 0
    page = {"page": set().union(*(held("page", answer.content) for answer in answers.values()))}
    assert too_much(page, BY_DESIGN) == {}
    assert str(source) not in "".join(answer.text for answer in answers.values())


def pipeline_up_to_index(root: Path, work: Path) -> None:
    studies = work / "studies.parquet"
    call("-q", "import", "folder", root, "--out", studies)
    call(
        "-q",
        "encode",
        studies,
        "--out",
        work / "emb",
        "--image-encoder",
        "pixels",
        "--report-encoder",
        "none",
    )
    call("-q", "index", work / "emb", "--studies", studies, "--out", work / "idx")
