"""Every module of the package has a test file that names it: by its path, or by an import."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parent
PACKAGE = TESTS.parent / "cxrneighbors"


def test_every_module_is_named_by_a_test() -> None:
    texts = "\n".join(path.read_text(encoding="utf-8") for path in TESTS.rglob("*.py"))
    missing = []
    for path in sorted(PACKAGE.rglob("[!_]*.py")):
        *folders, name = path.relative_to(PACKAGE).with_suffix("").parts
        package = ".".join(["cxrneighbors", *folders])
        imported = rf"\b{package}\.{name}\b|from {package} import (?:.*\W)?{name}\b"
        if not (
            TESTS.joinpath(*folders, f"test_{name.rstrip('_')}.py").exists() or re.search(imported, texts)
        ):
            missing.append(f"{package}.{name}")
    assert not missing, f"no file under tests/ names: {', '.join(missing)}"
