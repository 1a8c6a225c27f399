"""Legends by hand, and colours that any eye can tell apart on the map's ground."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cxrneighbors.app.colouring import FAINT, GREY, GROUND, PALETTE, colourings

# Machado, Oliveira and Fernandes (2009), severity 1, on linear RGB.
DEFECTS = {
    "protan": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deutan": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritan": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


def linear(colour: str) -> np.ndarray:
    value = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def contrast(one: str, other: str) -> float:
    a, b = sorted(linear(each) @ [0.2126, 0.7152, 0.0722] for each in (one, other))
    return float((b + 0.05) / (a + 0.05))


def lab(rgb: np.ndarray) -> np.ndarray:
    from skimage.color import rgb2lab

    rgb = np.clip(rgb, 0, 1)
    return rgb2lab(np.where(rgb <= 0.0031308, rgb * 12.92, 1.055 * rgb ** (1 / 2.4) - 0.055))


def studies(findings: list[list[str]]) -> pd.DataFrame:
    n = len(findings)
    return pd.DataFrame(
        {
            "findings": findings,
            "view": (["PA", "AP", "UNKNOWN"] * n)[:n],
            "sex": (["F", "M", None] * n)[:n],
            "dataset": ["one"] * n,
            "patient_id": [f"p{i // 2}" for i in range(n)],
        }
    )


def test_every_colour_stands_out_and_apart_with_any_colour_vision() -> None:
    assert all(contrast(colour, GROUND) >= 3 for colour in (*PALETTE, GREY))
    for matrix in (np.eye(3), *map(np.array, DEFECTS.values())):
        seen = [lab(matrix @ linear(colour)) for colour in (*PALETTE, GREY)]
        apart = [np.linalg.norm(a - b) for i, a in enumerate(seen) for b in seen[:i]]
        assert min(apart) > 12
    assert contrast(FAINT, GROUND) > 1.8


def test_a_film_takes_the_rarest_of_its_findings() -> None:
    films = [["Mass"], ["Edema"], ["Edema", "Mass"], ["Edema"], ["No Finding"], [], ["Edema", "No Finding"]]
    found = colourings(studies(films))["finding"]
    names = [found.categories[code].name for code in found.codes]
    assert names == ["Mass", "Edema", "Mass", "Edema", "No Finding", "not labelled", "Edema"]
    assert {entry.name: entry.count for entry in found.categories}["Edema"] == 3


def test_rare_findings_share_the_last_colour() -> None:
    films = [[f"F{i}"] for i in range(12) for _ in range(12 - i)]
    found = colourings(studies(films))["finding"]
    assert [entry.name for entry in found.categories] == [f"F{i}" for i in range(6)] + ["another finding"]
    assert found.categories[-1].count == sum(range(1, 7))
    assert len({entry.colour for entry in found.categories}) == 7


def test_one_finding_alone_is_there_absent_or_not_known() -> None:
    found = colourings(studies([["Pleural_Thickening"], ["Edema"], []]))["finding:Pleural_Thickening"]
    assert [entry.name for entry in found.categories] == [
        "Pleural Thickening", "without Pleural Thickening", "not labelled",
    ]  # fmt: skip
    assert found.codes.tolist() == [0, 1, 2]


def test_views_sexes_and_patients() -> None:
    made = colourings(studies([["Edema"]] * 5))
    assert [entry.name for entry in made["view"].categories] == ["PA", "AP", "not known"]
    assert [entry.name for entry in made["sex"].categories] == ["female", "male", "not known"]
    assert [(entry.name, entry.count) for entry in made["patient"].categories] == [
        ("p0", 2), ("p1", 2), ("all others", 1),
    ]  # fmt: skip
    assert "dataset" not in made  # one value tells nothing
