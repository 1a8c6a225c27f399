"""The public face: what the sub-packages export, and that it costs nothing until it is used."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

PACKAGES = (
    "",
    ".data",
    ".encoders",
    ".index",
    ".evaluation",
    ".classifiers",
    ".explain",
    ".lungs",
    ".statistics",
)


@pytest.mark.parametrize("name", PACKAGES)
def test_every_public_name_is_there_and_documented(name):
    package = importlib.import_module(f"cxrneighbors{name}")
    assert package.__all__ and set(package.__all__) <= set(dir(package))
    for public in package.__all__:
        thing = getattr(package, public)
        if callable(thing):
            assert thing.__doc__, public


def test_names_of_the_contract():
    import cxrneighbors as cx
    from cxrneighbors import classifiers, explain

    assert explain.KPLime.name == "kp-lime" and explain.DLime.name == "dlime"
    assert classifiers.build("small-cnn", 3).labels == ("class 0", "class 1", "class 2")
    assert cx.NeighborIndex is importlib.import_module("cxrneighbors.index").NeighborIndex
    with pytest.raises(AttributeError, match="KernelShap"):
        explain.KernelShap  # noqa: B018


def test_importing_the_packages_loads_no_torch():
    code = (
        "import sys, cxrneighbors.explain, cxrneighbors.classifiers, cxrneighbors.encoders;"
        "sys.exit(sum(name in sys.modules for name in ('torch', 'monai', 'pandas', 'transformers')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_completion_shows_what_a_user_needs_and_loads_nothing():
    code = (
        "import sys, types, cxrneighbors as cx\n"
        "shown = set(dir(cx))\n"
        "parts = {'classifiers', 'data', 'encoders', 'evaluation', 'explain', 'index', 'lungs'}\n"
        "parts.add('statistics')\n"
        "assert parts | {'encode', 'show', 'train_classifier', 'predict', 'VAE'} <= shown\n"
        "assert not any(name.startswith('_') for name in shown), shown\n"
        "loaded = {name.partition('.')[0] for name in sys.modules}\n"
        "assert not loaded & {'torch', 'pandas', 'numpy', 'matplotlib'}, loaded\n"
        "for name in parts:\n"
        "    assert not any(each.startswith('_') for each in dir(getattr(cx, name)))\n"
        "modules = {name for name in shown if isinstance(getattr(cx, name), types.ModuleType)}\n"
        "assert modules == parts, modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
