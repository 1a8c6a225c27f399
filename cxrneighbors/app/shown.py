"""Texts of errors as a visitor may read them: a place on the server's disk is not theirs to know."""

from __future__ import annotations

import re

# Absolute paths, also on Windows and with quotes around them; a lone slash between words is none.
_PATH = re.compile(r"(?:(?<=[\s'\"(=:])|^)(?:[A-Za-z]:[\\/]|~?/|\\\\)[^\s'\":;,)]+")


def without_paths(text: str) -> str:
    """`text` with every absolute path cut to its last part.

    >>> without_paths("/data/set 1: no such file; see '/home/a/b.json' or yes/no")
    "set 1: no such file; see 'b.json' or yes/no"
    """
    return _PATH.sub(lambda found: re.split(r"[\\/]", found[0].rstrip("\\/"))[-1], text)
