from __future__ import annotations

import numpy as np
import pytest

import calibration
import calibration_one_per
from calibration_designs import Design, made
from calibration_measures import lift_of
from calibration_report import draw_figure, markdown
from calibration_strengths import Cell, bisect, mean_gain, strength_of
from cxrneighbors.figures import to_png
from cxrneighbors.statistics.patients import ONE_PER

DESIGN = Design("single", "single films", made(np.ones(60, dtype=int)))


def test_bisection_finds_the_crossing():
    assert bisect(lambda x: x**2 - 0.5, 1.0, steps=20) == pytest.approx(np.sqrt(0.5), abs=1e-5)


def test_a_strength_plants_its_effect(monkeypatch):
    monkeypatch.setattr("calibration_strengths.TUNING", 20)
    strength = strength_of(DESIGN, 0.12)
    assert mean_gain(DESIGN, strength, 7, 20) == pytest.approx(0.12, abs=0.02)
    sample = DESIGN.draw(np.random.default_rng(0), False)
    assert lift_of(sample.with_effect(5.0), 5) > lift_of(sample, 5)


def test_chunks_become_a_row_a_line_and_a_figure(tmp_path, monkeypatch):
    monkeypatch.setattr(calibration, "CHUNK", 3)
    cell = Cell(DESIGN, 0.0, 0.0)
    for chunk in range(2):
        calibration.run_chunk(tmp_path, cell, chunk)
    row = calibration.cell_row(tmp_path, cell, 2)
    assert set(row["k"]) == {"1", "5", "10"}
    # The truth is the mean over all data sets: with six of them the interval of each should hold it.
    assert row["k"]["5"]["lift"]["coverage"] >= 5 / 6
    assert 0 <= row["k"]["5"]["p_lift"] <= 1
    summary = {"data_sets": 6, "k": [1, 5, 10], "rows": [row]}
    lines = markdown(summary).splitlines()
    assert sum(line.startswith("| single films | 0 | ") for line in lines) == 2
    assert to_png(draw_figure(summary)).startswith(b"\x89PNG")


def test_one_neighbour_per_patient_is_scored_for_each_kind_of_data_set():
    found = {kind: calibration_one_per.measure(kind, 0) for kind in ("noise", "by-count")}
    for cells in found.values():
        assert set(cells) == {(each, matching) for each in ONE_PER for matching in ("all", "view")}
        for lift, half, p, singly in cells.values():
            assert half > 0 and 0 < p <= 1 and abs(lift - singly) < 0.01
    # Looks that depend on film counts find patients with as many films, and so with as many findings.
    assert found["by-count"]["patient", "all"][0] > found["noise"]["patient", "all"][0] + 0.02
    values = np.array([[0.1, 0.2, 0.01, 0.0], [-0.1, 0.05, 0.5, 0.2]])
    row = calibration_one_per.figures(values)
    assert (row["lift"], row["covers"], row["rejects"]) == (0.0, 0.5, 0.5) and row["error"] > 0
    text = calibration_one_per.markdown(
        {"data_sets": 2, "films": 9, "k": 5, "rows": [{"title": "a", "one_per": "b", "matching": "c", **row}]}
    )
    assert text.splitlines()[-1].startswith("| a | b | c | +0.00 ± 10.00 | +10.00 | 50.0% | 50.0% |")


def test_coverage_counts_the_intervals_that_hold_the_mean():
    found = calibration.estimates(np.array([0.0, 0.0, 3.0]), np.full(3, 0.6), np.full(3, 1e6))
    assert found["truth"] == 1.0 and found["coverage"] == pytest.approx(2 / 3)
