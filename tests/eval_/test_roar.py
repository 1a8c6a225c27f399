"""ROAR from explanations to its table, on phantoms, in seconds."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import roar

OPTIONS = ["--patients", "40", "--image-size", "48", "--epochs", "1", "--films", "24", "--seeds", "1"]
OPTIONS += ["--methods", "random", "contrast-lime:k=2", "--calls", "25", "--shares", "0.3", "--device", "cpu"]


def run(tmp_path):
    roar.main([*OPTIONS, "--work", str(tmp_path / "work"), "--results", str(tmp_path / "results")])
    return json.loads((tmp_path / "results" / "roar.json").read_text())


def test_from_explanations_to_the_table_and_again(tmp_path, monkeypatch):
    summary = run(tmp_path)
    assert (summary["films"]["train"], summary["films"]["test"]) == (24, 16)
    rows = {(row["method"], row["fill"]): row for row in summary["rows"]}
    contrast = "contrast-lime:calls=24:k=2"
    assert set(rows) == {(name, fill) for name in ("random", contrast) for fill in ("mean", "donor")}
    for (_, fill), row in rows.items():
        assert 0.2 < row["removed"] < 0.4 and 0 <= row["auroc"] <= 1
        assert row["against_random"] == pytest.approx(row["auroc"] - rows["random", fill]["auroc"])
    text = (tmp_path / "results" / "roar.md").read_text()
    assert "| random segments | " in text and "a healthy film's pixels" in text and "30%" in text
    films_are_what_the_explanations_say(tmp_path / "work" / "roar", contrast)
    monkeypatch.setattr(roar.Roar, "retrained", lambda *_: pytest.fail("trained already"))
    monkeypatch.setattr(roar.Roar, "_explained", lambda *_: pytest.fail("explained already"))
    assert run(tmp_path)["rows"] == summary["rows"]


def films_are_what_the_explanations_say(work, method):
    """Outside the removed segments the film itself; inside its mean, or the donor, who has no finding."""
    from cxrneighbors.data.imports import import_dataset
    from cxrneighbors.data.pixels import load_images
    from cxrneighbors.explain.segments import segment

    name = roar.file_name(method)
    records = json.loads((work / "explanations" / f"{name}.json").read_text())["result"]
    studies = import_dataset("phantom", work / "phantom", n_patients=40, image_size=48).studies
    studies = studies.set_index("image_id")
    for number in (0, 25, len(records) - 1):
        record = records[number]
        donor = studies.loc[record["donor"]]
        assert donor["findings"] == ["No Finding"] and donor["split"] == "train"
        assert donor["patient_id"] != studies.loc[record["image_id"], "patient_id"]
        paths = [studies.loc[record["image_id"], "path"], donor["path"]]
        (film, other), _ = load_images(paths, 48)
        segments, weights = segment(film, "slic"), np.array(record["weights"])
        for fill, inside in (("mean", np.full_like(film[0], film.mean())), ("donor", other[0])):
            shown = np.asarray(Image.open(work / "films" / f"{name}-{fill}-30" / f"{number}.png")) / 255
            gone = np.abs(shown - film[0]) > 1 / 255
            order = np.argsort(-weights, kind="stable")
            removed = [s for s in order if gone[segments == s].any()]
            assert removed and set(removed) <= set(order[: len(removed) + 1].tolist())
            region = np.isin(segments, removed)
            assert shown[region] == pytest.approx(inside[region], abs=1 / 255)


def test_films_of_each_split_are_drawn_and_stay():
    studies = pd.DataFrame({"split": ["train"] * 50 + ["val"] * 4 + ["test"] * 30, "image_id": range(84)})
    found, again = roar.chosen_films(studies, 30, 3), roar.chosen_films(studies, 30, 3)
    assert found["split"].value_counts().to_dict() == {"train": 30, "test": 20, "val": 4}
    assert found.equals(again) and found["image_id"].is_unique
    assert not found.equals(roar.chosen_films(studies, 30, 4))


def test_calls_leave_alone_what_says_its_own():
    assert roar.at_calls("lime:fill=blur", 301).text == "lime:calls=300:fill=blur"
    assert roar.at_calls("lime:masks=9", 301).text == "lime:n_masks=9"
    assert roar.at_calls("random", 301).text == "random"
