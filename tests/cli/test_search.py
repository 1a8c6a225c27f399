"""The verb `search`: by image id, file and text; table and JSON; one line for a mistake."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cxrneighbors.data.tables import read_table
from cxrneighbors.index.neighbor_index import NeighborIndex

Call = Callable[..., int]


@pytest.fixture
def hits_of(work: Path, call: Call, capsys: pytest.CaptureFixture[str]) -> Callable[..., list[dict]]:
    """The hits that `search ... --json` prints."""

    def search(*arguments: object) -> list[dict]:
        capsys.readouterr()
        assert call("search", work / "idx", *arguments, "--json") == 0
        return json.loads(capsys.readouterr().out)

    return search


@pytest.fixture
def image_id(work: Path) -> str:
    return read_table(work / "studies.parquet")["image_id"].iloc[0]


def test_json_is_what_the_index_finds(work: Path, image_id: str, hits_of: Callable[..., list[dict]]) -> None:
    hits = hits_of("--image-id", image_id, "-k", 3, "--where", "view == 'PA'", "--weights", "report=2")
    assert [hit["rank"] for hit in hits] == [1, 2, 3]
    index = NeighborIndex.load(work / "idx")
    expected = index.search(image_id, k=3, where="view == 'PA'", weights={"report": 2.0})
    for hit, (_, row) in zip(hits, expected.iterrows(), strict=True):
        study = index.studies.set_index("image_id").loc[row["neighbor_id"]]
        for column in ("query_id", "neighbor_id"):
            assert hit[column] == row[column]
        for column in ("distance", "image_distance", "report_distance"):
            assert hit[column] == pytest.approx(row[column])
        assert (hit["view"], hit["patient_id"]) == ("PA", study["patient_id"])
        assert (hit["findings"], hit["path"]) == (study["findings"], study["path"])


def test_hits_are_the_same_on_a_device(
    work: Path, image_id: str, hits_of: Callable[..., list[dict]], error_of: Callable[..., str]
) -> None:
    asked = ("--image-id", image_id, "-k", 4, "--one-per", "patient")
    assert hits_of(*asked, "--device", "cpu:0") == hits_of(*asked)  # torch's search, the compiled one
    said = error_of("search", work / "idx", *asked, "--device", "gpu")
    assert "--device 'gpu': unknown; choose auto, cpu or cuda" in said


def test_without_json_a_table_with_a_line_a_hit(
    work: Path, image_id: str, call: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    other = read_table(work / "studies.parquet")["image_id"].iloc[5]
    capsys.readouterr()
    assert call("search", work / "idx", "--image-id", image_id, "--image-id", other, "-k", 2) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.split()[:3] == ["query_id", "rank", "neighbor_id"]
    assert [line.split()[:2] for line in lines] == [
        [image_id, "1"],
        [image_id, "2"],
        [other, "1"],
        [other, "2"],
    ]


def test_hits_as_files(
    work: Path,
    image_id: str,
    tmp_path: Path,
    hits_of: Callable[..., list[dict]],
    call: Call,
    error_of: Callable[..., str],
) -> None:
    printed = hits_of("--image-id", image_id, "-k", 3)
    arguments = ("search", work / "idx", "--image-id", image_id, "-k", 3, "--out")
    for suffix, read in ((".csv", pd.read_csv), (".json", pd.read_json), (".parquet", pd.read_parquet)):
        out = tmp_path / f"hits{suffix}"
        assert call(*arguments, out) == call(*arguments, out) == 0
        found = read(out)
        assert list(found.columns) == list(printed[0])
        assert found["neighbor_id"].tolist() == [hit["neighbor_id"] for hit in printed]
        np.testing.assert_allclose(found["distance"], [hit["distance"] for hit in printed], rtol=1e-6)
        joined = [cell if suffix == ".csv" else "|".join(cell) for cell in found["findings"]]
        assert joined == ["|".join(hit["findings"]) for hit in printed]
    (tmp_path / "mine.csv").write_text("a,b\n")
    assert "is another file" in error_of(*arguments, tmp_path / "mine.csv")
    assert "written as .csv" in error_of(*arguments, tmp_path / "hits.txt")


def test_several_files_and_texts(
    work: Path, tmp_path: Path, hits_of: Callable[..., list[dict]], error_of: Callable[..., str]
) -> None:
    films = read_table(work / "studies.parquet").iloc[:3]
    images = [part for path in films["path"] for part in ("--image", path)]
    found = hits_of(*images, "-k", 2)
    assert [hit["query_id"] for hit in found] == [path for path in films["path"] for _ in range(2)]
    index = NeighborIndex.load(work / "idx")
    text = "Large right pleural effusion."
    for texts in ([text], [text, "Clear lungs.", "Rib fracture."]):
        given = [part for each in texts for part in ("--text", each)]
        both = hits_of(*images, *given, "-k", 2)
        expected = index.search(image=films["path"].tolist(), text=(texts * 3)[:3], k=2)
        assert [hit["neighbor_id"] for hit in both] == expected["neighbor_id"].tolist()
    alone = hits_of("--text", text, "--text", "Clear lungs.", "-k", 1, "--patient-id", films["patient_id"][0])
    assert [hit["query_id"] for hit in alone] == ["text 1", "text 2"]
    assert "2 texts for 3 images" in error_of("search", work / "idx", *images, "--text", "a", "--text", "b")


def test_what_libraries_warn_of_does_not_stand_beside_the_error(
    work: Path, tmp_path: Path, error_of: Callable[..., str]
) -> None:
    from PIL import Image

    Image.new("1", (12000, 12000)).save(tmp_path / "large.png")
    text = error_of("search", work / "idx", "--image", tmp_path / "large.png")
    assert "12000 x 12000 pixels, at most 50 million" in text


def test_search_by_file_and_text(work: Path, hits_of: Callable[..., list[dict]]) -> None:
    path = read_table(work / "studies.parquet")["path"].iloc[0]
    assert len(hits_of("--image", path, "--text", "Large right pleural effusion.")) == 5


def test_the_patient_that_is_named_is_left_out(
    work: Path, hits_of: Callable[..., list[dict]], error_of: Callable[..., str]
) -> None:
    patient = read_table(work / "studies.parquet")["patient_id"].iloc[0]
    arguments = ("--text", "Large right pleural effusion.", "-k", 15)
    assert patient not in {
        hit["patient_id"] for hit in hits_of(*arguments, "--patient-id", f"phantom:{patient}")
    }
    text = error_of("search", work / "idx", *arguments, "--patient-id", "nobody", "--json")
    assert "no patient of this index" in text


@pytest.mark.parametrize("policy", ["diverse", "cluster", "random"])
def test_policies(policy: str, work: Path, image_id: str, hits_of: Callable[..., list[dict]]) -> None:
    found = hits_of("--image-id", image_id, "-k", 4, "--policy", policy, "--seed", 1)
    expected = NeighborIndex.load(work / "idx").search(image_id, k=4, policy=policy, seed=1)
    assert [hit["neighbor_id"] for hit in found] == expected["neighbor_id"].tolist()


def test_the_same_patient_may_be_asked_for(work: Path, hits_of: Callable[..., list[dict]]) -> None:
    studies = read_table(work / "studies.parquet").set_index("image_id")
    patient = studies["patient_id"].value_counts().index[0]
    own = studies.index[studies["patient_id"] == patient]
    arguments = ("--image-id", own[0], "--modality", "image")
    others = hits_of(*arguments, "-k", len(studies) - len(own))
    everyone = hits_of(*arguments, "-k", len(studies) - 1, "--include-same-patient")
    assert {hit["neighbor_id"] for hit in others} == set(studies.index) - set(own)
    assert {hit["neighbor_id"] for hit in everyone} == set(studies.index) - {own[0]}


def test_one_image_per_patient_and_how_many_patients_there_are(
    work: Path,
    image_id: str,
    hits_of: Callable[..., list[dict]],
    call: Call,
    capsys: pytest.CaptureFixture[str],
    error_of: Callable[..., str],
) -> None:
    arguments = ("--image-id", image_id, "-k", 20)
    every, each = hits_of(*arguments), hits_of(*arguments, "--one-per", "patient")
    assert {hit["one_per"] for hit in every} == {"image"} and {hit["one_per"] for hit in each} == {"patient"}
    n = len({hit["patient_id"] for hit in every})
    assert n < 20 == len({hit["patient_id"] for hit in each})
    for one_per, line in (
        ("image", f"one per image: 20 images of {n} different patients; --one-per patient finds 20"),
        ("patient", "one per patient: 20 images of 20 different patients"),
    ):
        assert call("search", work / "idx", *arguments, "--one-per", one_per) == 0
        assert capsys.readouterr().err.strip() == line
    assert call("search", work / "idx", "--text", "Clear lungs.", "-k", 1, "--quiet") == 0
    assert capsys.readouterr().err == ""
    text = error_of("search", work / "idx", *arguments, "--one-per", "film")
    assert "--one-per 'film': unknown; choose one of: image, study, patient" in text


def test_unknown_column_in_a_predicate(work: Path, image_id: str, error_of: Callable[..., str]) -> None:
    text = error_of("search", work / "idx", "--image-id", image_id, "--where", "wiew == 'PA'")
    assert "wiew" in text and "view" in text


def test_k_larger_than_what_passes(work: Path, image_id: str, error_of: Callable[..., str]) -> None:
    arguments = ("--image-id", image_id, "--where", "view == 'PA'", "-k", 999)
    text = error_of("search", work / "idx", *arguments)
    assert "999" in text or "only" in text


@pytest.mark.parametrize("verb", ["search", "evaluate"])
@pytest.mark.parametrize("one_per", ["image", "patient"])
def test_k_beyond_the_index_takes_no_memory(
    verb: str,
    one_per: str,
    work: Path,
    image_id: str,
    tmp_path: Path,
    error_of: Callable[..., str],
    memory_cap: Callable[[int], AbstractContextManager[None]],
) -> None:
    own = {"search": ("--image-id", image_id), "evaluate": ("--out", tmp_path / "e", "--baselines", "none")}
    with memory_cap(1000):
        text = error_of(verb, work / "idx", *own[verb], "-k", 10**9, "--one-per", one_per)
    assert str(10**9) in text and not (tmp_path / "e").exists()


def test_changed_index_file(work: Path, tmp_path: Path, error_of: Callable[..., str]) -> None:
    shutil.copytree(work / "idx", tmp_path / "idx")
    victim = next(iter(sorted((tmp_path / "idx").rglob("*.npy"))))
    content = bytearray(victim.read_bytes())
    content[-1] ^= 1
    victim.write_bytes(bytes(content))
    text = error_of("search", tmp_path / "idx", "--image-id", "x")
    assert victim.name in text and "again" in text


def test_a_value_that_no_image_has(
    work: Path,
    image_id: str,
    call: Callable[..., int],
    error_of: Callable[..., str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked = ("search", work / "idx", "--image-id", image_id)
    assert "where: no row has view 'pa'; there are AP, " in error_of(*asked, "--where", "view == 'pa'")
    assert call(*asked, "--where", "view in ['PA', 'pa']") == 0
    assert "note: where: no row has view 'pa'" in capsys.readouterr().err


def test_a_search_by_id_is_quick_to_start(work: Path, image_id: str) -> None:
    """No library that takes seconds to import, and that no distance needs."""
    code = (
        "import sys\n"
        "from cxrneighbors.cli.main import run\n"
        "try:\n"
        f"    run(['search', {str(work / 'idx')!r}, '--image-id', {image_id!r}, '--json'])\n"
        "except SystemExit as stop:\n"
        "    assert not stop.code\n"
        "print([name for name in ('torch', 'scipy.stats', 'sklearn', 'matplotlib') if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
