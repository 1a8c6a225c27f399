"""The pages keep their word: commands and files exist, examples run, numbers are those that were measured."""

from __future__ import annotations

import json
import os
import re
import shlex
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import typer

from cxrneighbors import progress
from cxrneighbors.cli.main import app, run

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
VERBS = typer.main.get_command(app).commands  # type: ignore[attr-defined]
FENCE = re.compile(r"^```(\S*)[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]*)\)|^```\{(?:figure|include|literalinclude)\} (\S+)", re.MULTILINE)

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def blocks(page: Path, language: str) -> list[str]:
    """Fenced blocks of one language."""
    return [code for name, code in FENCE.findall(page.read_text()) if name == language]


def commands(page: Path) -> list[list[str]]:
    """Command lines of the bash blocks, each as words; '&&' separates two."""
    found: list[list[str]] = []
    for block in blocks(page, "bash"):
        for line in block.replace("\\\n", " ").splitlines():
            parts = shlex.join(shlex.split(line, comments=True)).split(" '&&' ")
            found += [shlex.split(part) for part in parts if part]
    return found


def inline_commands(page: Path) -> list[list[str]]:
    """Command lines in running text, such as `python eval/table1.py DATASET ROOT`."""
    text = FENCE.sub("", page.read_text())
    return [code.split() for code in re.findall(r"`((?:python|cxrneighbors|scripts/)[^`]*)`", text)]


@every_page
def test_command_lines_are_understood(page: Path) -> None:
    for words in commands(page):
        if words[0] == "cxrneighbors" and words[1:] != ["--help"]:
            VERBS[words[1]].make_context(words[1], words[2:])  # raises for what is unknown or missing


@every_page
def test_scripts_and_verbs_exist(page: Path) -> None:
    sources = "".join(path.read_text() for path in [*ROOT.glob("eval/**/*.py"), *ROOT.glob("scripts/*.py")])
    for words in [*commands(page), *inline_commands(page)]:
        if words[0] == "cxrneighbors" and len(words) > 1 and re.fullmatch("[a-z][a-z-]*", words[1]):
            assert words[1] in VERBS, words
        script = words[1] if words[0] == "python" and len(words) > 1 else words[0]
        if script.startswith(("eval/", "scripts/")):
            assert (ROOT / script).is_file(), script
        if words[0] == "python":
            for option in (word for word in words if word.startswith("--")):
                assert f'"{option}"' in sources, words


@every_page
def test_links_lead_to_files(page: Path) -> None:
    text = re.sub(r"^```(?!\{).*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    for link, included in LINK.findall(text):
        target = (link or included).split("#")[0]
        if target and "://" not in target:
            assert (page.parent / target).exists(), target


@every_page
def test_no_line_is_taken_for_a_comment(page: Path) -> None:
    assert not re.search("^%", FENCE.sub("", page.read_text()), re.MULTILINE)


@every_page
def test_files_named_in_the_text_exist(page: Path) -> None:
    for name in re.findall(
        r"`([\w.-]+/[\w/.-]*\w\.(?:py|sh|toml|md|json)|cxrneighbors/[\w/]+)`", page.read_text()
    ):
        assert (ROOT / name).exists() or list((ROOT / "cxrneighbors").rglob(name)), name


def test_every_folder_of_the_package_is_in_the_design() -> None:
    design = (ROOT / "docs" / "design.md").read_text()
    for package in (ROOT / "cxrneighbors").glob("*/__init__.py"):
        assert f"`cxrneighbors/{package.parent.name}/`" in design, package.parent.name


def test_every_page_is_in_a_table_of_contents() -> None:
    listed = set()
    for page in PAGES:
        for block in blocks(page, "{toctree}"):
            names = [line for line in block.splitlines() if line and not line.startswith(":")]
            listed |= {(page.parent / name).resolve() for name in names}
    for page in (ROOT / "docs").rglob("*"):
        if page.suffix in (".md", ".ipynb") and page != ROOT / "docs" / "index.md":
            assert page.with_suffix("") in listed, page


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_python_of_the_page_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from cxrneighbors.explain import METHODS
    from cxrneighbors.explain.rivals.registry import RIVALS
    from cxrneighbors.index.search import POLICIES

    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    with patch.dict(METHODS), patch.dict(RIVALS), patch.dict(POLICIES):
        for number, code in enumerate(blocks(ROOT / name, "python")):
            quick = code.replace('"minilm"', '"tfidf"')  # a language model takes a minute
            exec(compile(quick, f"{name}, block {number}", "exec"), names)


def test_commands_of_the_tutorial_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for words in commands(ROOT / "docs" / "tutorial.md"):
        for option, quick in (("--epochs", "1"), ("--report-encoder", "tfidf")):
            if option in words:
                words[words.index(option) + 1] = quick
        with pytest.raises(SystemExit) as stop:
            run(["-q", *words[1:]])
        progress.quiet(False)
        assert not stop.value.code, words
    assert Path("evaluation", "report.html").is_file() and Path("explanation", "panel.png").is_file()


RESULTS = {
    "ChestX-ray14, 10k": "chestxray14-10k",
    "ChestX-ray14, 256 px": "chestxray14-256",
    "ChestX-ray14, 128 px": "chestxray14-128",
    "covid-chestxray": "covid-chestxray",
    "Open-i": "openi",
    "phantoms, the demo": "demo",
}
METHOD = {
    "VAE": "image",
    "image, VAE": "image",
    "PCA-60": "pca",
    "PCA-60 of the central film": "pca-centre",
    "PCA-60, whitened": "pca-whitened",
    "image, PCA-60 whitened": "pca-whitened",
    "image, PCA-60 of the central film": "pca-centre",
    "pixels": "pixels",
    "report, MiniLM": "report",
    "report, label words masked": "report-masked",
    "report, TF-IDF": "tfidf",
    "fused": "fused",
    "fused, VAE and MiniLM": "fused",
}


ADAPTED = {
    "report, MiniLM adapted without labels": "adapted",
    "report, the same beside the labeler's findings": "adapted+findings",
}


def measured(data: str, method: str) -> dict[str, Any]:
    """The row of a result file that a line of the table stands for."""
    folder = ROOT / "eval" / "results"
    if method in ADAPTED:  # tested in pairs, among the comparisons of that experiment
        found = json.loads((folder / "report_encoders.json").read_text())["test"]["as they are"]["any"]
        row: dict[str, Any] = found[ADAPTED[method]]
        return row
    return json.loads((folder / f"{RESULTS[data]}.json").read_text())["methods"][METHOD[method]]


def overlap_rows(page: Path) -> list[list[str]]:
    """Cells of the table of overlaps, with the data set's name in each row."""
    rows, data = [], ""
    for line in page.read_text().split("| data (films scored)", 1)[1].splitlines()[2:]:
        if not line.startswith("|"):
            break
        cells = [cell.strip().replace("**", "") for cell in line.strip("|").split("|")]
        data = re.sub(r"\*| \(.*", "", cells[0]) or data
        rows.append([data, *cells[1:]])
    return rows


def numbers(cell: str) -> list[float]:
    """All numbers of a cell."""
    return [float(number) for number in re.findall(r"[+-]?\d+(?:\.\d+)?", cell.replace("−", "-"))]


@pytest.mark.parametrize("page", ["README.md", "docs/results.md"])
def test_overlaps_are_those_of_the_result_files(page: str) -> None:
    rows = overlap_rows(ROOT / page)
    assert len(rows) > 10
    for data, method, overlap, random, lift, exchanged, p in rows:
        row = measured(data, method)
        shown = numbers(overlap) + numbers(random) + numbers(lift) + numbers(exchanged)
        shares = [
            row["mean_overlap"],
            row["random_overlap"],
            row["lift"],
            *row["lift_ci95"],
            *([row["null_mean_lift"]] if "null_mean_lift" in row else []),
        ]
        assert shown == pytest.approx([100 * share for share in shares], abs=0.051), (data, method)
        if "p_value_adjusted" in row:
            digits = len(p.split(".")[1])
            assert numbers(p)[0] == pytest.approx(row["p_value_adjusted"], abs=0.51 * 10**-digits), (
                data,
                method,
            )


def test_the_readme_takes_five_minutes() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 140


def test_hooks_run_the_checks_from_the_environment() -> None:
    hooks = (ROOT / ".pre-commit-config.yaml").read_text()
    check = (ROOT / "scripts" / "check.sh").read_text()
    for tool in ("ruff format", "ruff check", "mypy", "lint-imports"):
        assert f"entry: .venv/bin/{tool}" in hooks and f".venv/bin/{tool}" in check
    assert "repo: local" in hooks and "http" not in hooks


def test_docs_script_can_be_run() -> None:
    assert os.access(ROOT / "scripts" / "docs.sh", os.X_OK)
