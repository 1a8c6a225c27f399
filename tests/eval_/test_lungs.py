"""Lung masks scored: shares and percentiles by hand, and a page that can be written from them."""

from __future__ import annotations

import importlib

import numpy as np
import pandas as pd
import pytest

from cxrneighbors.lungs.masks import usual_lungs

script = importlib.import_module("lungs")
USUAL = usual_lungs((40, 40))
NOTHING = np.zeros_like(USUAL)


def test_figures_by_hand():
    found = script.figures(np.array([1.0, 0.9, 0.5, 0.8]), np.stack([USUAL, NOTHING, NOTHING, USUAL]))
    assert found["n"] == 4 and found["dice"] == pytest.approx(0.8) and found["dice_least"] == 0.5
    assert found["iou"] == pytest.approx(np.mean([1, 0.9 / 1.1, 0.5 / 1.5, 0.8 / 1.2]))
    assert (found["dice_too_low"], found["not_believable"], found["failed"]) == (0.25, 0.5, 0.5)


def test_hospitals_apart_and_the_page():
    own, overlap = np.stack([USUAL, USUAL, NOTHING]), np.array([1.0, 0.9, 0.2])
    parts = script.by_source(pd.Series(["A", "A", "B"]), overlap, own)
    assert list(parts) == ["all", "A", "B"] and parts["B"]["failed"] == 1 and parts["A"]["failed"] == 0
    answers = {name: script.Answers(own, own, 3.0, {"rule": 3}) for name in ("segmenter", "rule")}
    finder = {"seconds_per_1000_films": answers["rule"].per_thousand, "sources": {"rule": 3}, **parts}
    summary = {
        "masked": {"films": 3, "patients": 3, "finders": dict.fromkeys(answers, finder)},
        "chestxray14": script.unmasked(answers, overlap),
    }
    assert summary["chestxray14"]["agree"] == pytest.approx(2 / 3)
    text = script.markdown(summary)
    assert "| rule | B (1) | 0.200 |" in text and "believable on 66.7 % of them" in text
