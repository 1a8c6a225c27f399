"""Mistakes are told before anything is loaded, in the command line's own words, and nothing is written."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

# Each with a study table S, an index I, embeddings E, a classifier C, a text file T, a new place O.
MISTAKES = [
    (
        "encode nope.parquet --out O",
        "nope.parquet: no such file; make a study table with `cxrneighbors import`",
    ),
    ("encode T --out O", "T: is no study table (Parquet)"),
    (
        "encode films.csv --out O",
        "films.csv: a CSV; make a study table of it with `cxrneighbors import folder",
    ),
    ("encode E --out O", "E: is a folder; give a study table"),
    (
        "encode S --out O --image-encoder nope",
        "--image-encoder 'nope': no such file or folder, and none of: pca-",
    ),
    ("encode S --out O --image-encoder pca+nope", "--image-encoder 'nope': no such file or folder"),
    (
        "encode S --out O --image-encoder classifier:nope",
        "nope: no such folder; give a folder that `cxrneigh",
    ),
    ("encode S --out O --image-encoder classifier:C:top", "no layer 'top'; choose one of: features, logits"),
    ("encode S --out O --image-encoder classifier:E", "E: holds no config.json; give a folder that"),
    ("encode S --out O --image-encoder torch:nope.pt", "--image-encoder 'torch:nope.pt': no such file"),
    ("encode S --out O --image-encoder E", "--image-encoder E: holds no config.json"),
    ("encode S --out O --report-encoder ./nope", "--report-encoder './nope': no such file or folder"),
    ("encode S --out O --engine nope", "--engine 'nope': unknown; choose one of: local, ray"),
    ("encode S --out O --batch-size 0", "--batch-size 0: must be at least 1"),
    ("encode S --out O --shard-size 0", "--shard-size 0: must be at least 1"),
    ("encode S --out O --device nope", "--device 'nope': unknown; choose auto, cpu or cuda"),
    (
        "encode S --out O --lungs C",
        "C: holds a model of kind 'classifier', no segmenter; give a folder that `cxr",
    ),
    ("encode S --out I", "--out I: holds index; give a new or empty folder"),
    ("encode S --out T", "--out T: is a file; give a folder"),
    (
        "index I --studies S --out O",
        "I: holds index, not embeddings; give a folder that `cxrneighbors encode`",
    ),
    ("index T --studies S --out O", "T: is a file; give a folder that `cxrneighbors encode` wrote"),
    ("index E --studies S --out O --fusion nope", "--fusion 'nope': unknown; choose one of: distance, ranks"),
    ("index E --studies S --out O --backend nope", "--backend 'nope': unknown; choose one of: hnsw, exact"),
    ("search nope --image-id a", "nope: no such folder; give a folder that `cxrneighbors index` wrote"),
    ("search I --image-id a -k 0", "-k 0: must be at least 1"),
    ("search I --image-id a --policy nope", "--policy 'nope': unknown; choose one of: nearest, diverse"),
    (
        "search I --image-id a --modality nope",
        "--modality 'nope': unknown; choose one of: image, report, fused",
    ),
    (
        "search I --image-id a --one-per nope",
        "--one-per 'nope': unknown; choose one of: image, study, patient",
    ),
    ("search I --image nope.png", "--image nope.png: no such file or folder"),
    ("search I --image-id a --where 'view ='", "--where: invalid syntax at >>> in: view"),
    ("search I --image-id a --where ''", "--where: it is empty; leave it out"),
    ("search I", "search: there is no query; give --image-id, --image or --text"),
    ("search I --image-id a --image T", "search: both --image-id and --image are given; give one of them"),
    ("search I --image-id a --patient-id p", "--patient-id: the index knows the patients of its images"),
    ("search I --text ' '", "--text: it is blank"),
    ("search I --image C", "--image C: is a folder; give an image file"),
    ("search I --image-id a --weights image=x", "--weights 'image=x': must read image=1,report=1"),
    ("index E --studies S --out O --weights foo=1", "--weights 'foo=1': weights: unknown modality 'foo'"),
    ("evaluate I --out O --targets 'a ='", "--targets: invalid syntax"),
    ("evaluate I --out O --definition nope", "--definition 'nope': unknown; choose one of: any, any-disease"),
    (
        "evaluate I --out O --baselines pca,nope",
        "--baselines 'nope': unknown; choose one of: all, none, random",
    ),
    ("evaluate I --out O --baselines ,", "--baselines ',': names nothing"),
    ("evaluate I --out O --permutations 0", "--permutations 0: must be at least 1"),
    ("train-vae S --out O --epochs 0", "--epochs 0: must be at least 1"),
    (
        "train-vae S --out O --metric nope",
        "--metric 'nope': unknown; choose one of: latent, balanced, picture",
    ),
    ("train-contrastive S --out O --batch-size 1", "--batch-size 1: must be at least 2"),
    ("train-report-encoder S --out O --lr 0", "--lr 0.0: must be above 0"),
    ("train-report-encoder S --out O --base ./nope", "--base './nope': no such file or folder"),
    ("train-classifier S --out O --model nope", "--model 'nope': unknown; choose one of: chexnet, small-cnn"),
    ("train-classifier S --out O --weights nope", "--weights 'nope': no such file or folder"),
    ("train-classifier S --out O --epochs -1", "Invalid value for '--epochs'"),
    ("train-classifier S --out O --lr -1", "--lr -1.0: must be above 0"),
    ("train-classifier S --out I", "--out I: holds index"),
    ("train-lungs nope --out O", "nope: no such file or folder; check the path"),
    ("train-vae S --out O --image-size 100000", "--image-size 100000: must be at most 4096"),
    ("evaluate I --out O --permutations 9999999999", "--permutations 9999999999: must be at most 10000000"),
    ("search I --image-id a -k 1000000000000", "-k 1000000000000: must be at most 1000000000"),
    ("train-classifier S --out O --labels ''", "--labels '': is blank; give a value, or leave it out"),
    ("encode S --out C", "--out C: holds a model; give a new or empty folder"),
    ("search I --image-id a --weights image=1,image=2", "--weights 'image=1,image=2': image is there twice"),
    ("encode '' --out O", "STUDIES... '': is blank; give a path"),
    ("encode S --out ''", "--out '': is blank; give a path"),
    ("predict C '' --out O.csv", "STUDIES|FILES... '': is blank; give a path"),
    (
        "explain I --classifier E --image-id a --target m --out O",
        "E: holds no config.json; give a folder that",
    ),
    (
        "explain I --classifier C --image-id a --target m --out O --method nope",
        "--method 'nope': unknown; choose",
    ),
    (
        "explain I --classifier C --image-id a --target X --out O",
        "--target 'X': no label of C; choose one",
    ),
    ("explain I --classifier C --image-id a --target m --out O -k 0", "-k 0: must be at least 1"),
    ("explain I --classifier C --image-id a --target m --out O -p 0", "--masks 0: must be at least 1"),
    (
        "explain I --classifier C --image-id a --target m --out O --fill nope",
        "--fill 'nope': unknown; choose one",
    ),
    (
        "explain I --classifier C --image-id a --target m --out O --fill 7",
        "--fill 7: a grey must lie in 0 (black)",
    ),
    (
        "explain I --classifier C --image-id a --target m --out O --threshold 2",
        "--threshold 2.0: must lie betwe",
    ),
    (
        "evaluate-explanations I --classifier C --out O --methods lime,nope:k=3",
        "--methods 'nope:k=3': unknown",
    ),
    (
        "evaluate-explanations I --classifier C --out O --segmentations nope",
        "--segmentations 'nope': unknown",
    ),
    (
        "evaluate-explanations I --classifier C --out O --regions nope",
        "--regions nope: no such file or folder",
    ),
    ("evaluate-explanations I --classifier C --out O --donors -1", "--donors -1: must be at least 0"),
    (
        "predict-views S --out O.parquet --least-probability 2",
        "--least-probability 2.0: must lie between 0 and 1",
    ),
    ("label-reports S --out O.parquet --workers 0", "--workers 0: must be at least 1"),
    ("import nope . --out O.parquet", "DATASET 'nope': unknown; choose one of: chestxray14, mimic-cxr"),
    ("import phantom new --patients 0 --out O.parquet", "--patients 0: must be at least 1"),
    (
        "import mimic-cxr . --labeler nope --out O.parquet",
        "--labeler 'nope': unknown; choose one of: chexpert",
    ),
]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with files and folders that are of the right kind by their first look."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "S").write_bytes(b"PAR1")
    (tmp_path / "T").write_text("hello")
    (tmp_path / "films.csv").write_text("image_id\n")
    for name, kind in (("I", "index"), ("E", "embeddings")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "manifest.json").write_text(f'{{"kind": "{kind}"}}')
    (tmp_path / "C").mkdir()
    (tmp_path / "C" / "config.json").write_text('{"classifier": "small-cnn", "config": {"labels": ["m"]}}')
    return tmp_path


@pytest.mark.parametrize(("line", "said"), MISTAKES)
def test_mistakes_are_told_in_own_words(
    line: str, said: str, here: Path, error_of: Callable[..., str]
) -> None:
    import shlex

    before = sorted(here.rglob("*"))
    assert error_of(*shlex.split(line)).startswith(f"error: {said}") or said in error_of(*shlex.split(line))
    assert sorted(here.rglob("*")) == before


def test_nothing_is_loaded_for_it(here: Path) -> None:
    code = (
        "import shlex, sys\n"
        "from cxrneighbors.cli.main import run\n"
        "for line in sys.argv[1:]:\n"
        "    try: run(shlex.split(line))\n"
        "    except SystemExit as stop: assert stop.code == 2, line\n"
        "assert not {'torch', 'pandas', 'hnswlib', 'lightning', 'transformers'} & set(sys.modules)\n"
    )
    # A predicate is parsed with the index's own parser.
    lines = [line for line, _ in MISTAKES if "--where" not in line and "--targets" not in line]
    done = subprocess.run([sys.executable, "-c", code, *lines], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert len(done.stderr.strip().splitlines()) == len(lines)
