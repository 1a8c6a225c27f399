"""Same seed, same result: run twice, on one thread and on two, in batches of other sizes.

Two runs alike are equal to the bit. Where sums are taken in another order, on other threads or in other
batches, floating point forbids it: `ROUNDING` is how far apart values may then lie, as a share of the
largest; what was fitted or trained through many such sums, `FITTED` and `TRAINED`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from threadpoolctl import threadpool_limits

import cxrneighbors as cx
from cxrneighbors.classifiers.registry import build
from cxrneighbors.evaluation.rerun import TOLERANCE, _differences
from cxrneighbors.explain.predictor import Predictor
from cxrneighbors.explain.registry import build_explainer
from cxrneighbors.files import plain
from cxrneighbors.models import state_arrays

ROUNDING, FITTED, TRAINED = 1e-6, 1e-4, 2e-3
Arrays = dict[str, np.ndarray]


@contextmanager
def threads(n: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(n)
    with threadpool_limits(n):
        yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    folder = tmp_path_factory.mktemp("films")
    return cx.generate_phantoms(folder, n_patients=12, image_size=48, workers=1).studies


@pytest.fixture(scope="module")
def vae(studies: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "vae"
    cx.VAE(image_size=32, latent_dim=4, device="cpu").fit(studies, epochs=1).save(folder)
    return folder


@pytest.fixture(scope="module")
def index(studies: pd.DataFrame) -> cx.NeighborIndex:
    return cx.NeighborIndex.build(cx.encode(studies, image="pixels", report="tfidf"), studies)


def apart(first: Arrays, second: Arrays) -> float:
    """The largest difference as a share of the largest value of its array."""
    assert first.keys() == second.keys()
    shares = [
        np.abs(first[name] - second[name]).max() / max(np.abs(first[name]).max(), 1e-12) for name in first
    ]
    return float(max(shares))


def same(first: Arrays, second: Arrays) -> bool:
    return all(first[name].tobytes() == second[name].tobytes() for name in first | second)


def check(run: Callable[[int], Arrays], tolerance: float) -> None:
    """`run(n)`: the result on n threads."""
    with threads(1):
        once, again = run(1), run(1)
    with threads(2):
        two, two_again = run(2), run(2)
    assert same(once, again) and same(two, two_again)
    assert apart(once, two) <= tolerance


def test_train_vae(studies: pd.DataFrame) -> None:
    def run(_: int) -> Arrays:
        model = cx.VAE(image_size=32, latent_dim=4, device="cpu").fit(studies, epochs=1, batch_size=8, seed=3)
        return state_arrays(model.network)

    check(run, TRAINED)


def test_train_classifier(studies: pd.DataFrame, tmp_path: Path) -> None:
    def run(n: int) -> Arrays:
        model = build("small-cnn", labels=["Effusion", "Mass"], image_size=32, width=4, seed=1)
        folder = tmp_path / f"{n}-{len(list(tmp_path.iterdir()))}"
        cx.train_classifier(model, studies, folder, epochs=2, batch_size=8, seed=3, device="cpu")
        return state_arrays(model)

    check(run, TRAINED)


@pytest.mark.parametrize(("name", "tolerance"), [("vae", ROUNDING), ("pca-centre", FITTED), ("pixels", 0.0)])
def test_encode(name: str, tolerance: float, studies: pd.DataFrame, vae: Path) -> None:
    def run(batch_size: int, shard_size: int = 1024) -> Arrays:
        encoder: Any = vae if name == "vae" else name
        sizes = {"batch_size": batch_size, "shard_size": shard_size}
        return cx.encode(studies, encoder, "tfidf", device="cpu", **sizes).vectors

    check(lambda _: run(8), tolerance)
    with threads(1):
        whole = run(64)
        for other in (run(1), run(7), run(64, shard_size=5)):
            assert apart(whole, other) <= ROUNDING
            assert same({"": whole["report"]}, {"": other["report"]})


def test_graphs_are_equal_to_the_bit(studies: pd.DataFrame, index: cx.NeighborIndex, tmp_path: Path) -> None:
    for n in (1, 2):
        with threads(n):
            embeddings = cx.encode(studies, image="pixels", report="tfidf")
            cx.NeighborIndex.build(embeddings, studies).save(tmp_path / str(n))
    first, second = ((tmp_path / n) for n in "12")
    names = [path.relative_to(first) for path in sorted(first.rglob("*")) if path.is_file()]
    assert len(names) > 8
    for name in names:
        assert (first / name).read_bytes() == (second / name).read_bytes(), name


@pytest.mark.parametrize("policy", ["nearest", "diverse", "cluster", "random"])
def test_search(policy: str, index: cx.NeighborIndex) -> None:
    ids = list(index.studies["image_id"][:12])

    def run(_: int, at_once: int = 12) -> pd.DataFrame:
        parts = [ids[start : start + at_once] for start in range(0, 12, at_once)]
        return pd.concat([index.search(part, k=4, policy=policy, seed=5) for part in parts])

    with threads(1):
        once, again = run(1), run(1)
    with threads(2):
        two = run(2)
    pd.testing.assert_frame_equal(once, again)
    pd.testing.assert_frame_equal(once, two)
    if policy != "random":  # draws one number after the other
        one_by_one = run(1, at_once=1).reset_index(drop=True)
        pd.testing.assert_frame_equal(pd.DataFrame(once), pd.DataFrame(one_by_one), rtol=ROUNDING)


def test_evaluate(index: cx.NeighborIndex) -> None:
    def run() -> dict[str, Any]:
        methods = cx.make_baselines(index, ["random", "random-view"], seed=2)
        return cx.evaluate_overlap(index, k=3, methods=methods, n_permutations=29, seed=2).summary

    with threads(1):
        once, again = run(), run()
    with threads(2):
        two = run()
    assert once == again
    assert next(_differences(once, two, ""), None) is None, f"further apart than {TOLERANCE}"


@pytest.mark.parametrize("method", ["lime", "kp-lime", "contrast-lime", "rise"])
def test_explain(method: str, index: cx.NeighborIndex) -> None:
    model = build("small-cnn", labels=["Effusion", "Mass"], image_size=32, width=4, seed=1).eval()
    with torch.no_grad():
        list(model.parameters())[-2].mul_(300)  # scores that depend on the film
    options = {"seed": 4, "n_masks": 24, "segmentation": "slic"} | (
        {} if method in ("lime", "rise") else {"k": 2}
    )
    target = index.studies.loc[index.studies["view"] == "PA", "image_id"].iloc[0]

    def run(batch_size: int) -> Arrays:
        predictor = Predictor(model, device="cpu", batch_size=batch_size)
        found = build_explainer(method, predictor, index, **options).explain(target, target="Mass")
        assert np.ptp(found.weights) > 1e-3
        return {"weights": found.weights, "segments": found.segments.astype(float)}

    check(lambda _: run(8), FITTED)
    with threads(1):
        assert apart(run(8), run(1)) <= FITTED
        assert apart(run(8), run(64)) <= FITTED


def test_what_is_compared_is_not_empty(index: cx.NeighborIndex) -> None:
    """A seed that is another one shows."""
    summaries = [cx.evaluate_overlap(index, n_permutations=29, seed=seed).summary for seed in (0, 1)]
    assert plain(summaries[0]) != plain(summaries[1])
    assert apart({"a": np.array([1.0])}, {"a": np.array([1.1])}) == pytest.approx(0.1)
