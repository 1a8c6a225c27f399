from argparse import Namespace

import numpy as np
import pytest

from benchmarks import imports, reading
from benchmarks.fresh import fresh
from cxrneighbors.testing import dicom_file
from mimic_scale import write_tables


def here(module, function, *arguments):
    """Instead of a process of its own."""
    found = getattr({"benchmarks.imports": imports, "benchmarks.reading": reading}[module], function)
    return found(*arguments) | {"peak_gb": 0.25}


def test_a_process_of_its_own_answers_with_its_memory():
    found = fresh("benchmarks.turns", "summary", [3.0, 1.0, 2.0])
    assert (found["seconds"], found["least"], found["most"]) == (2.0, 1.0, 3.0)
    assert 0.005 < found["peak_gb"] < 0.5


def test_import_beside_bare_reading(monkeypatch, tmp_path):
    monkeypatch.setattr(imports, "fresh", here)
    monkeypatch.setattr(imports, "SMALL", (60, 120))
    found = imports.measure(Namespace(small=True, rounds=2))
    assert [row["images"] for row in found["rows"]] == [60, 120]
    for row in found["rows"]:
        assert row["ratio"]["least"] <= row["ratio"]["ratio"] <= row["ratio"]["most"]
        assert row["peak, ours"] == 0.25
    assert "| 120 |" in imports.markdown(found)


def test_bare_reading_reads_the_tables_that_an_import_does(tmp_path):
    write_tables(tmp_path, 100, np.random.default_rng(0), reports=False)
    studies, people = 100 * 227_835 // 377_110, 100 * 65_379 // 377_110
    assert imports.by_pandas(str(tmp_path))["rows"] == 2 * 100 + 2 * studies + people


@pytest.fixture
def given(shared_data):
    return Namespace(data=shared_data, small=True, rounds=1)


def test_reading_films(given, monkeypatch):
    monkeypatch.setattr(reading, "fresh", here)
    monkeypatch.setattr(reading, "FEW", 1)
    monkeypatch.setattr(reading, "LITTLE", (3,))
    monkeypatch.setattr(dicom_file, "available_syntaxes", lambda: ("uncompressed",))
    found = reading.measure(given)
    assert [row["format"] for row in found["rows"]] == ["PNG", "DICOM, uncompressed"]
    assert all(row["films"] == 1 and row["ours, films a second"] > 0 for row in found["rows"])
    assert [row["films"] for row in found["memory"]] == [3]
    assert "| PNG |" in reading.markdown(found)
