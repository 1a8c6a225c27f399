"""Weights chosen by the overlap: which films have a say, what the curve holds, which point is taken."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cxrneighbors import progress
from cxrneighbors.encoders.store import Embeddings
from cxrneighbors.errors import UserError
from cxrneighbors.evaluation.evaluate import evaluate_overlap
from cxrneighbors.index.neighbor_index import NeighborIndex
from cxrneighbors.index.weight_choice import nearest_to_better_part

NAMES = ("Edema", "Mass", "Effusion")


def made(
    n: int = 150, image: float = 0.0, report: float = 1.0, seed: int = 0
) -> tuple[Embeddings, pd.DataFrame]:
    """n films of n patients; `image`, `report`: how strongly their vectors follow the finding."""
    rng = np.random.default_rng(seed)
    finding = rng.integers(0, 3, n)
    studies = pd.DataFrame(
        {
            "image_id": [f"i{row}" for row in range(n)],
            "patient_id": [f"p{row}" for row in range(n)],
            "findings": [[NAMES[number]] for number in finding],
            "split": rng.choice(["train", "val", "test"], n, p=[0.6, 0.1, 0.3]),
        }
    )
    films, texts = (
        strength * np.eye(3)[finding] + rng.standard_normal((n, 3)) for strength in (image, report)
    )
    return Embeddings.from_arrays(list(studies["image_id"]), films, texts), studies


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    progress.quiet(True)
    yield
    progress.quiet(False)


def auto(**strengths: float) -> NeighborIndex:
    return NeighborIndex.build(*made(**strengths), weights="auto", backend="exact")


def test_a_modality_that_says_nothing_is_left_out() -> None:
    assert auto(image=0.0, report=3.0).weights == {"image": 0.0, "report": 1.0}
    assert auto(image=3.0, report=0.0).weights == {"image": 1.0, "report": 0.0}
    both = auto(image=2.0, report=2.0).weights
    assert min(both.values()) > 0.1


def test_fused_then_is_the_better_part() -> None:
    index = auto(image=0.0, report=3.0)
    hits = index.search("i0", k=5)
    assert hits["neighbor_id"].tolist() == index.search("i0", k=5, modality="report")["neighbor_id"].tolist()
    other = index.search("i0", k=5, weights={"image": 1, "report": 1})
    assert not other["neighbor_id"].equals(hits["neighbor_id"])


def test_the_curve_is_the_lift_that_an_evaluation_finds() -> None:
    index = auto(image=1.0, report=1.5)
    curve = index.weight_curve()
    assert curve["image"].is_monotonic_increasing and curve["image"].iloc[[0, -1]].tolist() == [0, 1]
    np.testing.assert_allclose(curve["image"] + curve["report"], 1)
    point = curve.iloc[8]
    other = NeighborIndex.build(*made(image=1.0, report=1.5), point[["image", "report"]].to_dict(), "exact")
    result = evaluate_overlap(other, k=5, where="split in ['train', 'val']", n_permutations=9).summary
    for name, row in (("fused", 8), ("report", 0), ("image", -1)):
        assert curve["lift"].iloc[row] == pytest.approx(result["methods"][name]["lift"], abs=1e-9)
    pair = next(row for row in result["comparisons"] if row["second"] == "report")
    if curve["difference"].iloc[8] == 0:
        assert -curve["difference"].iloc[0] == pytest.approx(pair["difference"], abs=1e-9)
    choice = index.store.weight_choice
    assert choice["splits"] == ["train", "val"] and choice["n_patients"] == choice["n_films"]
    assert choice["n_films"] == (made()[1]["split"] != "test").sum()


def test_films_of_split_test_and_films_without_label_have_no_say() -> None:
    vectors, studies = made(image=1.0, report=1.5)
    out = (studies["split"] == "test") | (np.arange(150) % 7 == 0)
    findings = [[] if row % 7 == 0 else names for row, names in enumerate(studies["findings"])]
    studies = studies.assign(findings=findings)
    first = NeighborIndex.build(vectors, studies, weights="auto", backend="exact").weight_curve()
    shuffled = [["Mass"] if gone and names else names for gone, names in zip(out, findings, strict=True)]
    again = NeighborIndex.build(vectors, studies.assign(findings=shuffled), weights="auto", backend="exact")
    pd.testing.assert_frame_equal(again.weight_curve(), first)


def test_split_val_alone_where_it_has_patients_enough() -> None:
    vectors, studies = made(400)
    studies["split"] = np.resize(["val", "train", "test"], 400)
    choice = NeighborIndex.build(vectors, studies, weights="auto", backend="exact").store.weight_choice
    assert choice["splits"] == ["val"] and choice["n_patients"] == 134


@pytest.mark.parametrize(
    ("lifts", "taken"),
    [([5, 7, 8, 3], 2), ([7.6, 7, 8, 3], 0), ([3, 8, 7.7, 5], 2), ([3, 8, 5, 7.9], 3), ([4, 7.6, 8, 3], 1)],
)
def test_the_point_nearest_to_the_better_end_within_half_an_error(lifts: list[float], taken: int) -> None:
    curve = [{"lift": lift, "difference": lift - 8, "standard_error": 1.0} for lift in lifts]
    assert nearest_to_better_part(curve) is curve[taken]


def test_it_is_stored_with_the_index_and_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    progress.quiet(False)
    index = auto(image=0.5, report=1.5)
    said = capsys.readouterr().err
    assert "chosen on" in said and f"{index.store.weight_choice['n_patients']} patients" in said
    index.save(tmp_path / "idx")
    again = NeighborIndex.load(tmp_path / "idx")
    assert again.weights == index.weights and again.store.weight_choice == index.store.weight_choice
    pd.testing.assert_frame_equal(again.weight_curve(), index.weight_curve())
    assert again.search("i0", k=3).equals(index.search("i0", k=3))


def test_mistakes() -> None:
    vectors, studies = made(30)
    with pytest.raises(UserError, match=r"0 labelled patients outside split 'test' have image and report"):
        NeighborIndex.build(vectors, studies.assign(split="test"), weights="auto", backend="exact")
    images = Embeddings.from_arrays(vectors.ids["image"], vectors.vectors["image"])
    with pytest.raises(UserError, match="no film has both"):
        NeighborIndex.build(images, studies, weights="auto", backend="exact")
    with pytest.raises(UserError, match="they were given, not chosen"):
        NeighborIndex.build(vectors, studies, backend="exact").weight_curve()
