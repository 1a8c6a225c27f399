"""What the package needs and what it ships: imports are declared, licences listed, and the wheel is whole."""

from __future__ import annotations

import ast
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "cxrneighbors"
# Import names of optional packages, which may not be installed where the tests run.
OPTIONAL = {"h5py": "h5py", "pymilvus": "pymilvus", "ray": "ray", "umap": "umap-learn", "captum": "captum"}


@pytest.fixture(scope="module")
def licences() -> ModuleType:
    spec = importlib.util.spec_from_file_location("licences", ROOT / "scripts" / "licences.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def imported() -> Iterator[tuple[str, Path]]:
    """Top names of other packages that a module imports, anywhere in it."""
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                names = [node.module]
            for name in {name.split(".")[0] for name in names} - {"cxrneighbors", *sys.stdlib_module_names}:
                yield name, path


def test_every_import_is_declared(licences: ModuleType) -> None:
    declared, known = licences.declared(), packages_distributions()
    assert len(declared) > 30
    for name, path in imported():
        packages = {licences.normalised(each) for each in known.get(name, [OPTIONAL.get(name, name)])}
        assert packages & declared.keys(), f"{path}: imports {name}, of {packages}, which nothing declares"


def test_what_is_optional_is_in_an_extra(licences: ModuleType) -> None:
    declared = licences.declared()
    for name in ("h5py", "ray", "pymilvus", "umap-learn", "captum", "gradio", "uvicorn"):
        assert licences.CORE not in declared[name], name
    assert declared["h5py"] == ["keras"] and declared["huggingface-hub"] == [licences.CORE]


def test_licence_table_names_what_is_declared(licences: ModuleType) -> None:
    lines = [line for line in (ROOT / "docs" / "licences.md").read_text().splitlines() if line[:2] == "| "][
        1:
    ]
    listed = {
        cells[1].strip(): [each.strip() for each in cells[2:5]]
        for cells in (line.split("|") for line in lines)
    }
    assert {name: cells[0].split(", ") for name, cells in listed.items()} == licences.declared()
    for name, package in licences.found([]).items():
        if name in listed and listed[name][1] == package.version:
            assert listed[name][2].strip("*") == licences.licence(package), name


def test_nothing_under_the_gpl_is_installed_unasked(licences: ModuleType) -> None:
    found = {name: licences.licence(package) for name, package in licences.found([]).items()}
    always = [name for name, groups in licences.declared().items() if licences.CORE in groups]
    assert not [name for name in always if "GPL" in found.get(name, "")]
    assert licences.declared()["pylibjpeg-libjpeg"] == ["jpeg-gpl"]


def test_every_pinned_package_but_torch_has_hashes_of_that_version(licences: ModuleType) -> None:
    def pins(lines: list[str]) -> set[tuple[str, ...]]:
        return {(licences.normalised(line), line.partition("==")[2]) for line in lines}

    pinned = pins((ROOT / "constraints.txt").read_text().splitlines())
    lines = (ROOT / "constraints-hashed.txt").read_text().replace("\\\n", " ").splitlines()
    hashed = [line.split() for line in lines if not line.startswith("#")]
    assert pins([words[0] for words in hashed]) == {each for each in pinned if each[0] != "torch"}
    for name, *hashes in hashed:
        assert hashes and all(re.fullmatch("--hash=sha256:[0-9a-f]{64}", each) for each in hashes), name


def test_licences_in_their_usual_spelling(licences: ModuleType) -> None:
    for text, usual in (
        ("Apache License 2.0", "Apache-2.0"),
        ("Apache Software License", "Apache-2.0"),
        ("GNU General Public License v3 (GPLv3)", "GPL-3.0"),
        ("MIT License", "MIT"),
        ("Something else", "Something else"),
    ):
        assert licences.plain(text) == usual


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An sdist of the files that Git knows, and the wheel made of that sdist."""
    folder = tmp_path_factory.mktemp("dist")
    build = "import sys, setuptools.build_meta as b; print(getattr(b, 'build_' + sys.argv[1])(sys.argv[2]))"
    source = folder / "source"
    for name in tracked(""):
        if name.startswith(("cxrneighbors/", "pyproject", "README", "LICENSE")):
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, source / name)
    run(sys.executable, "-c", build, "sdist", folder, cwd=source)
    (sdist,) = folder.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder / "unpacked", filter="data")
    (unpacked,) = (folder / "unpacked").iterdir()
    run(sys.executable, "-c", build, "wheel", folder, cwd=unpacked)
    return folder


def tracked(below: str) -> list[str]:
    done = subprocess.run(["git", "ls-files", "--", below or "."], cwd=ROOT, capture_output=True, text=True)
    if done.returncode or not done.stdout:
        pytest.skip("no Git checkout: what belongs into the package is not known")
    return [name for name in done.stdout.splitlines() if (ROOT / name).is_file()]


def run(*words: object, cwd: Path | None = None, **names: str) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | names
    done = subprocess.run([*map(str, words)], cwd=cwd, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_wheel_and_sdist_hold_every_file_of_the_package(built: Path) -> None:
    wanted = set(tracked("cxrneighbors"))
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        shipped = set(archive.namelist())
    assert wanted <= shipped, sorted(wanted - shipped)
    assert {Path(name).suffix for name in wanted} >= {".py", ".pyi", ".html", ".css", ".js", ".toml", ".json"}
    others = {name for name in shipped - wanted if ".dist-info/" not in name}
    assert not others, others
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        inside = {name.split("/", 1)[-1] for name in archive.getnames()}
    assert wanted | {"pyproject.toml", "README.md", "LICENSE"} <= inside


def test_the_wheel_installs_into_an_empty_environment(built: Path, tmp_path: Path) -> None:
    """Without dependencies, from the file alone; lazy_loader, by which the package opens, is lent to it."""
    run(sys.executable, "-m", "venv", "--without-pip", tmp_path / "empty")
    python = tmp_path / "empty" / ("Scripts" if os.name == "nt" else "bin") / "python"
    (wheel,) = built.glob("*.whl")
    pip = (sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check", "--quiet")
    run(*pip, "install", "--no-deps", "--no-index", wheel)
    loader = importlib.util.find_spec("lazy_loader")
    assert loader is not None and loader.origin is not None
    (tmp_path / "lent").mkdir()
    os.symlink(Path(loader.origin).parent, tmp_path / "lent" / "lazy_loader")
    code = (
        "import cxrneighbors, importlib.metadata, importlib.resources, pathlib\n"
        "print(cxrneighbors.__version__, importlib.metadata.version('cxrneighbors'))\n"
        "print(pathlib.Path(cxrneighbors.__file__).parent)\n"
        "root = importlib.resources.files('cxrneighbors')\n"
        "print(*[entry.joinpath(name).is_file() for entry, name in ((root, 'py.typed'),\n"
        "    (root / 'pages' / 'templates', 'base.html'), (root / 'app' / 'static', 'explorer.js'),\n"
        "    (root / 'reports' / 'labeler' / 'rules', 'findings.toml'))])\n"
    )
    version, place, there = run(
        python, "-c", code, cwd=tmp_path, PYTHONPATH=str(tmp_path / "lent")
    ).splitlines()
    assert len(set(version.split())) == 1 and str(tmp_path / "empty") in place
    assert there == "True True True True"
    assert (tmp_path / "empty" / python.parent.name / "cxrneighbors").exists() or os.name == "nt"
