from __future__ import annotations

import json

import pytest

from common.results import circumstances, device_name, write_results
from cxrneighbors.errors import UserError
from cxrneighbors.figures import new_figure


def test_numbers_table_and_figures_lie_side_by_side_and_nan_is_null(tmp_path, capsys):
    summary = {"lift": float("nan"), "rows": [{"n": 3}]}
    write_results(tmp_path, "table", summary, "| a |\n", {"table-a": b"png"})
    found = json.loads((tmp_path / "table.json").read_text())
    assert found.pop("run")["device"] == "cpu"
    assert found == {"lift": None, "rows": [{"n": 3}]}
    assert (tmp_path / "table.md").read_text() == "| a |\n"
    assert (tmp_path / "table-a.png").read_bytes() == b"png"
    assert "| a |" in capsys.readouterr().out


def test_a_figure_is_written_as_png_and_svg_after_the_numbers(tmp_path):
    figure = new_figure(2, 1)
    write_results(tmp_path, "table", {}, figures={"a": figure, "b": b"png"})
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert b"<svg" in (tmp_path / "a.svg").read_bytes() and not (tmp_path / "b.svg").exists()
    with pytest.raises(AttributeError):
        write_results(tmp_path, "other", {"n": 1}, figures={"c": None})
    assert json.loads((tmp_path / "other.json").read_text())["n"] == 1


def test_without_a_text_there_is_no_markdown(tmp_path):
    write_results(tmp_path, "numbers", {})
    assert [path.name for path in tmp_path.iterdir()] == ["numbers.json"]


def test_a_run_says_what_it_was_made_with():
    run = circumstances()
    assert run["seconds"] > 0 and run["cores"] >= 1
    assert {"python", "cxrneighbors", "torch", "numpy"} <= set(run["versions"])


def test_an_unknown_device_is_refused():
    with pytest.raises(UserError, match="abacus"):
        device_name("abacus")
