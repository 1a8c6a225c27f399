"""What to cite: the two papers that the package puts into code, and the package."""

from __future__ import annotations

PAPERS = (
    "J. W. Lua, A. Socolov, A. Szep: Modifying LIME for Medical Images.",
    "LIME-RAY: What Does a Neural Network See from X-Rays?",
)


def bibtex(version: str) -> str:
    """The same as BibTeX; `version`: of the package."""
    return f"""@misc{{lua-modifying-lime,
  author = {{Lua, Jiong Wei and Socolov, Alexandru and Szep, Andras}},
  title = {{Modifying {{LIME}} for Medical Images}}
}}
@misc{{lime-ray,
  title = {{{{LIME-RAY}}: What Does a Neural Network See from X-Rays?}}
}}
@software{{cxrneighbors,
  title = {{cxrneighbors: neighbour search and explanations for chest X-rays}},
  version = {{{version}}}
}}"""
