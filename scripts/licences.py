"""Write docs/licences.md: what each declared dependency is for, and the licence that its metadata states.

    python scripts/licences.py [SITE_PACKAGES ...]

SITE_PACKAGES: folders of further environments, for optional packages that this one lacks.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "licences.md"
NOT_STATED = "not stated in its metadata"
CORE = "always"
HEAD = """# Licences of what is used

cxrneighbors itself is under the MIT licence. These are the packages that it declares, with the licence
that each one's own metadata states, written by `python scripts/licences.py`; packages that these bring
along are not listed. Packages under the GPL are marked: read their terms before you pass on a bundle with
them inside. None of them is installed unless its extra is asked for.

`pylibjpeg-libjpeg` (extra `jpeg-gpl`) is the one that reads films: DICOMs coded as JPEG Lossless (transfer
syntaxes 1.2.840.10008.1.2.4.57 and .70, common in archives) or as JPEG with more than 8 bits (.51). Without
it these are refused in a line that names the extra. All else is read without it: not compressed, deflated,
RLE, JPEG of 8 bits (.50, .51), JPEG-LS (.80, .81), JPEG 2000 (.90, .91).

| package | needed for | looked at | licence |
|---|---|---|---|
"""
# Spellings of one licence, as metadata has them.
PLAIN = {
    r"apache(-| software license|,? (license )?(version )?)2?.*|apache software license": "Apache-2.0",
    r"mit( license)?": "MIT",
    r"bsd 3-clause.*|bsd-3-clause": "BSD-3-Clause",
    r"bsd 2-clause.*": "BSD-2-Clause",
    r"bsd( license)?": "BSD",
    r"gpl v3(\.0)?|gnu general public license v3.*": "GPL-3.0",
    r"python software foundation license": "PSF",
}


def main(folders: list[str]) -> None:
    """Write the page."""
    PAGE.write_text(HEAD + "".join(rows(found(folders))), encoding="utf-8")
    print(f"{PAGE.relative_to(ROOT)}: written", file=sys.stderr)


def declared(project: Path = ROOT / "pyproject.toml") -> dict[str, list[str]]:
    """Names of packages, normalised, and what each is declared for: 'always' or names of extras."""
    content = tomllib.loads(project.read_text(encoding="utf-8"))["project"]
    needed: dict[str, list[str]] = {}
    for group, entries in {CORE: content["dependencies"], **content["optional-dependencies"]}.items():
        for entry in entries:
            name = normalised(entry)
            if name != content["name"] and not (group == "extras" and name in needed):
                needed.setdefault(name, []).append(group)
    return needed


def normalised(requirement: str) -> str:
    """'Some_Package[extra]>=1' -> 'some-package'."""
    match = re.match(r"[\w.-]+", requirement)
    assert match is not None, requirement
    return re.sub(r"[-_.]+", "-", match[0]).lower()


def found(folders: list[str]) -> dict[str, Distribution]:
    """Installed packages by normalised name: of this environment, then of `folders`."""
    by_name: dict[str, Distribution] = {}
    for each in [*distributions(), *(distributions(path=folders) if folders else ())]:
        by_name.setdefault(normalised(each.metadata["Name"]), each)
    return by_name


def rows(installed: dict[str, Distribution]) -> Iterator[str]:
    """Lines of the table: packages that are always needed first, then by name."""
    for name, groups in sorted(declared().items(), key=lambda pair: (CORE not in pair[1], pair[0])):
        package = installed.get(name)
        version, text = (package.version, licence(package)) if package else ("not installed", "–")
        shown = f"**{text}**" if "GPL" in text else text
        yield f"| {name} | {', '.join(groups)} | {version} | {shown} |\n"


def licence(package: Distribution) -> str:
    """As the metadata states it: the expression, else the classifiers, else a short text."""
    metadata = package.metadata
    if expression := metadata.get("License-Expression"):
        return str(expression)
    classifiers = [
        each.split(" :: ")[-1] for each in metadata.get_all("Classifier") or [] if "License ::" in each
    ]
    classifiers = [each for each in classifiers if each != "OSI Approved"]  # which says no more than that
    text = (metadata.get("License") or "").strip()
    texts = [*classifiers] or [text.splitlines()[0] if text and text != "UNKNOWN" and len(text) < 80 else ""]
    return " or ".join(dict.fromkeys(map(plain, filter(None, texts)))) or NOT_STATED


def plain(text: str) -> str:
    """A licence in its usual spelling.

    >>> plain("Apache 2.0 License"), plain("BSD License")
    ('Apache-2.0', 'BSD')
    """
    return next((name for pattern, name in PLAIN.items() if re.fullmatch(pattern, text.lower())), text)


if __name__ == "__main__":
    main(sys.argv[1:])
