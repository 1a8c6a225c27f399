"""covid-chestxray as published."""

from __future__ import annotations

import importlib
from pathlib import Path

import pandas as pd

script = importlib.import_module("audit")


def test_every_row_of_the_metadata_is_a_film_of_its_patient(shared_data: Path) -> None:
    table = script.as_published(shared_data / "covid-chestxray")
    rows = pd.read_csv(shared_data / "covid-chestxray" / "metadata.csv", dtype=str)
    assert table["image_id"].is_unique and len(table) <= len(rows)
    shared = table[table["path"].duplicated(keep=False)]
    assert {"285", "339", "287", "340"} <= set(shared["patient_id"])
