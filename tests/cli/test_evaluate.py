"""The verb `evaluate`: the files of the contract, and one line for a mistake."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest


def test_main_job_writes_what_the_contract_names(work: Path) -> None:
    names = ("overlap.json", "neighbors.parquet", "figure4.png", "figure5.png", "table1.csv", "report.html")
    for name in names:
        assert (work / "ev" / name).stat().st_size > 0, name
    assert (work / "vae" / "figure3.png").is_file()
    summary = json.loads((work / "ev" / "overlap.json").read_text())
    assert {"image", "report", "fused", "random"} <= set(summary["methods"])
    row = summary["methods"]["fused"]
    assert len(row["histogram"]) == summary["k"] + 1
    assert sum(row["histogram"]) == pytest.approx(sum(row["random_histogram"]))


def test_options_reach_the_evaluation(work: Path, call: Callable[..., int], tmp_path: Path) -> None:
    options = ("-k", 3, "--definition", "exact", "--targets", "view == 'PA'", "--include-same-patient")
    arguments = (*options, "--baselines", "none", "--permutations", 19, "--seed", 4)
    assert call("-q", "evaluate", work / "idx", "--out", tmp_path / "ev", *arguments) == 0
    summary = json.loads((tmp_path / "ev" / "overlap.json").read_text())
    named = {name: summary[name] for name in ("k", "definition", "targets", "same_patient_excluded")}
    assert named == {
        "k": 3, "definition": "exact", "targets": "view == 'PA'", "same_patient_excluded": False,
    }  # fmt: skip
    assert set(summary["methods"]) == {"image", "report", "fused"}
    assert (summary["settings"]["n_permutations"], summary["settings"]["seed"]) == (19, 4)


def test_neighbours_are_the_same_on_a_device(work: Path, call: Callable[..., int], tmp_path: Path) -> None:
    options = ("--baselines", "none", "--permutations", 9)
    for device in ("cpu", "cpu:0"):  # the compiled search, torch's
        out = tmp_path / device.replace(":", "")
        assert call("-q", "evaluate", work / "idx", "--out", out, *options, "--device", device) == 0
    plain, other = (pd.read_parquet(tmp_path / name / "neighbors.parquet") for name in ("cpu", "cpu0"))
    pd.testing.assert_frame_equal(plain, other)


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (("--definition", "most"), "any-disease"),
        (("--baselines", "pixel"), "pixels"),
        (("--targets", "age > 300"), "no labelled image passes"),
        (("--targets", "view == 'pa'"), "targets: no row has view 'pa'; there are AP, "),
        (("--where", "findings.has('mass')"), "where: no row has findings 'mass'; "),
        (("-k", 0), "-k 0: must be at least 1"),
    ],
)
def test_mistakes_write_nothing(
    option: tuple, said: str, work: Path, tmp_path: Path, error_of: Callable[..., str]
) -> None:
    assert said in error_of("-q", "evaluate", work / "idx", "--out", tmp_path / "ev", *option)
    assert not (tmp_path / "ev").exists()


def test_the_result_is_on_standard_output_also_when_quiet(
    work: Path, call: Callable[..., int], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    call("-q", "evaluate", work / "idx", "--out", tmp_path / "ev", "--baselines", "none", "--permutations", 9)
    captured = capsys.readouterr()
    assert captured.err == "" and captured.out.startswith("5 neighbours, same patient excluded")
    assert "overlap" in captured.out and "image" in captured.out
