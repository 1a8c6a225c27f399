"""An evaluation comes out again from its folder; what was tampered with is named, and by how much."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from cxrneighbors.artifact import MANIFEST
from cxrneighbors.encoders.store import Embeddings
from cxrneighbors.errors import UserError
from cxrneighbors.evaluation import reproduce as public
from cxrneighbors.evaluation.baselines import make_baselines
from cxrneighbors.evaluation.evaluate import evaluate_overlap
from cxrneighbors.evaluation.graph import embedding_method
from cxrneighbors.evaluation.rerun import TOLERANCE, reproduce
from cxrneighbors.evaluation.write import write_evaluation
from cxrneighbors.files import sha256_file
from cxrneighbors.index.neighbor_index import NeighborIndex

from .fake_index import make_studies, random_findings

N = 36
ASKED = {"k": 3, "definition": "jaccard", "targets": "view == 'PA'", "one_per": "study", "seed": 7}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """idx, and ev: an evaluation of it with options unlike the defaults, written to disk."""
    folder = tmp_path_factory.mktemp("reproduce")
    rng = np.random.default_rng(3)
    views = np.array(["PA", "AP"])[np.arange(N) % 2]
    studies = make_studies(random_findings(rng, N), patients=np.arange(N) // 2, views=views)
    vectors = rng.normal(size=(N, 4)).astype(np.float32)
    index = NeighborIndex.build(Embeddings.from_arrays(list(studies["image_id"]), vectors), studies)
    index.save(folder / "idx")
    loaded = NeighborIndex.load(folder / "idx")
    result = evaluate_overlap(
        loaded, methods=make_baselines(loaded, ["random"], seed=7), n_permutations=19, **ASKED
    )
    write_evaluation(result, folder / "ev", print_figures=False)
    return folder


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    shutil.copytree(folder, tmp_path / "moved")
    return tmp_path / "moved"


def tamper(evaluation: Path, change) -> None:
    """Change overlap.json and rewrite its hash, as one would who wants it to pass."""
    path = evaluation / "overlap.json"
    summary = json.loads(path.read_text())
    change(summary)
    path.write_text(json.dumps(summary))
    manifest = json.loads((evaluation / MANIFEST).read_text())
    manifest["files"]["overlap.json"] = {"bytes": path.stat().st_size, "sha256": sha256_file(path)}
    (evaluation / MANIFEST).write_text(json.dumps(manifest))


def test_equal_and_movable(copy: Path) -> None:
    manifest = json.loads((copy / "ev" / MANIFEST).read_text())
    assert manifest["index"] == {
        "folder": "../idx", "manifest_sha256": sha256_file(copy / "idx" / MANIFEST)
    }  # fmt: skip
    found = public(copy / "ev")
    assert found.equal and found.difference is None and not found.versions
    assert found.n_values > 100


@pytest.mark.parametrize(("by", "equal"), [(0.25 * TOLERANCE, True), (4 * TOLERANCE, False), (0.125, False)])
def test_a_number_is_named_with_its_distance(copy: Path, by: float, equal: bool) -> None:
    def change(summary: dict) -> None:
        summary["methods"]["image"]["lift"] += by

    tamper(copy / "ev", change)
    found = reproduce(copy / "ev")
    assert found.equal == equal
    if not equal:
        assert found.difference.key == "methods.image.lift"
        assert str(found.difference).endswith(f"{by:.3g} apart")


@pytest.mark.parametrize(
    ("change", "key"),
    [
        (lambda s: s["methods"]["image"]["histogram"].__setitem__(1, 0), "methods.image.histogram[1]"),
        (lambda s: s["methods"]["random"].pop("p_value"), "methods.random.p_value"),
        (lambda s: s["settings"].update(datasets=["x"]), "settings.datasets[0]"),
        (lambda s: s.update(n_targets=True), "n_targets"),
    ],
)
def test_other_differences_are_named_too(copy: Path, change, key: str) -> None:
    tamper(copy / "ev", change)
    assert reproduce(copy / "ev").difference.key == key


def test_another_seed_in_the_record_is_found(copy: Path) -> None:
    tamper(copy / "ev", lambda summary: summary["settings"].update(seed=8))
    assert not reproduce(copy / "ev").equal


def test_versions_are_told_apart(copy: Path) -> None:
    tamper(copy / "ev", lambda summary: summary["settings"]["versions"].update(numpy="0.1"))
    found = reproduce(copy / "ev")
    assert found.equal and [each.key for each in found.versions] == ["settings.versions.numpy"]


def test_an_index_that_is_another(copy: Path) -> None:
    index = NeighborIndex.load(copy / "idx")
    index.vectors["image"][0] += 9
    NeighborIndex.build(
        Embeddings.from_arrays(list(index.studies["image_id"]), index.vectors["image"]), index.studies
    ).save(copy / "idx")
    with pytest.raises(UserError, match="was written anew since"):
        reproduce(copy / "ev")
    assert not reproduce(copy / "ev", NeighborIndex.load(copy / "idx")).equal
    shutil.rmtree(copy / "idx")
    with pytest.raises(UserError, match="is not there; give where it is now"):
        reproduce(copy / "ev")


def test_an_index_that_never_was_on_disk(copy: Path, folder: Path) -> None:
    index = NeighborIndex.load(folder / "idx")
    built = NeighborIndex.build(
        Embeddings.from_arrays(list(index.studies["image_id"]), index.vectors["image"]), index.studies
    )
    result = evaluate_overlap(built, n_permutations=9)
    write_evaluation(result, copy / "ev2", print_figures=False)
    with pytest.raises(UserError, match="names no index"):
        reproduce(copy / "ev2")
    assert reproduce(copy / "ev2", built).equal


def test_a_method_from_python(copy: Path) -> None:
    index = NeighborIndex.load(copy / "idx")
    other = Embeddings.from_arrays(list(index.studies["image_id"]), index.vectors["image"][:, :2])
    result = evaluate_overlap(index, methods=[embedding_method("mine", other, index)], n_permutations=9)
    write_evaluation(result, copy / "ev2", print_figures=False)
    with pytest.raises(UserError, match="method 'mine' was handed in from Python"):
        reproduce(copy / "ev2")


@pytest.mark.parametrize("name", ["methods", "settings", "k"])
def test_a_record_of_another_shape(copy: Path, name: str) -> None:
    tamper(copy / "ev", lambda summary: summary.pop(name))
    with pytest.raises(UserError, match=r"overlap\.json: does not describe an evaluation; run evaluate"):
        reproduce(copy / "ev")


def test_a_changed_or_foreign_folder(copy: Path) -> None:
    (copy / "ev" / "overlap.json").write_text("{}")
    with pytest.raises(UserError, match="changed since it was written"):
        reproduce(copy / "ev")
    with pytest.raises(UserError, match="does not describe evaluation"):
        reproduce(copy / "idx")
