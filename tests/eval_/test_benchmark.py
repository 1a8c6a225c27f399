from __future__ import annotations

import json
from argparse import Namespace

import numpy as np
import pytest
import torch

from benchmarks import cohorts, encoding, evaluation, growth, perturbation, quickshift, search, turns
from cxrneighbors.encoders.base import unit_length
from cxrneighbors.explain.segments import segment


@pytest.fixture
def given(shared_data):
    return Namespace(data=shared_data, device="cpu", rounds=2, small=True, sizes=None, results=shared_data)


def test_ratios_are_of_the_same_round(monkeypatch):
    taken = iter([1, 2, 3, 12])
    monkeypatch.setattr(turns, "timed", lambda way, repeats: next(taken))
    seconds = turns.take_turns({"a": int, "b": int}, 2, warm=False)
    assert seconds == {"a": [1, 3], "b": [2, 12]}
    assert turns.ratio(seconds, "b", "a") == {"ratio": 3.0, "least": 2.0, "most": 4.0}
    assert turns.spread(turns.ratio(seconds, "b", "a")) == "3.0 (2.0 to 4.0)"


def test_quickshift(given, monkeypatch):
    monkeypatch.setattr(quickshift, "SIZES", (40, 64, 224))
    found = quickshift.measure(given)
    assert [row["size"] for row in found["rows"]] == [40, 64] and all(row["equal"] for row in found["rows"])
    assert "| 64 × 64 |" in quickshift.markdown(found)


def test_every_library_explains_the_same_corner():
    """The classifier looks at a corner: its segments have the greatest weights, whoever explains."""
    film = np.random.default_rng(0).random((1, 64, 64)).astype(np.float32)
    film[:, :32, :32] += 1
    segments = segment(film / 2, lambda _: np.arange(64)[:, None] // 32 * 2 + np.arange(64) // 32)
    ways = perturbation.ways_of(perturbation.Corner(), film / 2, segments, 200, "cpu")
    ours = ways["ours"]()
    assert np.argmax(ours.weights) == 0
    assert max(ways["lime"]().local_exp[1], key=lambda pair: pair[1])[0] == 0
    if "captum" in ways:
        assert int(ways["captum"]().flatten().argmax()) == 0


def test_every_way_finds_others_films(given, monkeypatch):
    monkeypatch.setattr(search, "SMALL", ((600, 16),))
    monkeypatch.setattr(search, "BATCH", 40)
    monkeypatch.setattr(search, "SINGLE", 2)
    monkeypatch.setattr(search, "installed", lambda *names: {})  # hnswlib is always there
    given.device = "cpu:0"  # torch's search, the GPU's
    found = search.measure(given)
    assert all(0 <= build["held_gb"] < 0.2 for build in found["builds"])
    # All films, then one of a hundred passes: six, of whom the query's own patient may be one.
    assert {row["way"] for row in found["rows"]} >= {"ours", "ours, on the device", "hnswlib, filter="}
    assert min(row["recall"] for row in found["rows"] if row["question"] != "a hundredth") > 0.99
    assert "**600 × 16**" in search.markdown(found)


def test_results_of_other_sizes_stay(given, tmp_path):
    given.results = tmp_path
    assert search.kept(given, [(9, 2)]) == ([], [])
    rows = [{"rows": n, "dimensions": 2, "way": "ours"} for n in (9, 8, 9)]
    (tmp_path / "benchmark-search.json").write_text(json.dumps({"rows": rows, "builds": rows[:2]}))
    assert search.kept(given, [(9, 2), (9, 3)]) == (rows[::2], rows[:1])
    assert search.kept(given, []) == ([], [])


def test_of_others_drops_the_patients_own():
    patients = np.array([0, 0, 1, 2, 2, 3, 4, 5])
    rows = search.of_others(
        np.array([[1, 2, 3, 4, 5, 6, 7], [0, 5, -1, -1, -1, -1, -1]]), np.array([0, 2]), patients
    )
    assert rows.tolist() == [[2, 3, 4, 5, 6], [0, 5, -1, -1, -1]]


def test_cohorts(given):
    given.rounds = 1
    found = cohorts.measure(given)
    (row,) = found["rows"]
    assert row["scored"] == 2 * (1 + 6 * 2) and row["ratio, ours"]["ratio"] > 1
    assert "| small CNN |" in cohorts.markdown(found)


def test_evaluation(given, monkeypatch):
    monkeypatch.setattr(evaluation, "PERMUTATIONS", 49)
    labels = given.data / "chestxray14-labels"
    row = evaluation.once(str(labels), 0.005) | {"peak_gb": 1.0}
    assert row["permutations"] == 49 and row["matched"] == [49, 49] and row["targets"] > 300
    assert turns.exponent([10, 100, 1000], [1, 10, 100]) == 1.0
    found = {
        "rows": [row],
        "exponent": None,
        "permutations": {"ratio": 2, "least": 1, "most": 3},
        "limit": "",
    }
    assert "| 49 |" in evaluation.markdown(found)
    monkeypatch.setattr(evaluation, "FEW", 2)
    assert evaluation.permutation_ratio(labels, 0.005, 1)["ratio"] > 0


def test_encoding(given, monkeypatch):
    monkeypatch.setattr(encoding, "SIZE", 64)
    found = encoding.measure(given)
    assert [(row["encoder"], row["films"]) for row in found["rows"]] == [
        ("VAE", 4),
        ("EfficientNet-lite0", 4),
    ]
    assert "| EfficientNet-lite0 | 4 |" in encoding.markdown(found)


def test_bare_passes_are_those_of_the_encoder():
    images = np.random.default_rng(0).random((3, 1, 224, 224)).astype(np.float32)
    for name, (encoder, network) in encoding.encoders("cpu").items():
        vectors = encoding.bare_passes(network, torch.from_numpy(images))
        wanted = vectors if name == "VAE" else unit_length(vectors)
        assert encoder.encode(images) == pytest.approx(wanted, abs=1e-5)


def test_growth(given, monkeypatch):
    monkeypatch.setattr(growth, "SMALL", (60, 120))
    monkeypatch.setattr(growth, "SIZES", ())
    found = growth.measure(given)
    assert {row["stage"] for row in found["rows"]} >= {"import", "encode", "evaluate"}
    assert all(len(row["seconds"]) == 2 for row in found["rows"])
    assert "120 films" in growth.markdown(found) and growth.figure(found).axes
