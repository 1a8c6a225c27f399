"""Errors of the Python functions in the command line's own words: `k=4` is `-k 4`."""

from __future__ import annotations

import re
from collections.abc import Mapping

# Parameters of functions that an option of another name gives.
OTHERWISE = {
    "columns": "--column",
    "n_permutations": "--permutations",
    "n_masks": "--masks",
    "n_patients": "--patients",
    "n_donors": "--donors",
    "definition": "--definition",
}
_VALUE = r"('[^']*'|True|False|-?\d[\d.e+-]*\d|\d)"


def in_own_words(text: str, spelled: Mapping[str, str]) -> str:
    """`text` with parameters as a user of the verb types them; `spelled`: see `checks.check`.

    Replaced are `name=value` anywhere, and a name that the text begins with. Names of columns stay.

    >>> in_own_words("k=9: only 4 pass; ask for k=4", {"k": "-k"})
    '-k 9: only 4 pass; ask for -k 4'
    """
    options = {name: option for name, option in spelled.items() if option.startswith("-")}
    options |= {name: option for name, option in OTHERWISE.items() if option in spelled.values()}
    options.pop("image", None)  # of weights such as image=1, and of sentences about images
    names = "|".join(sorted(map(re.escape, options), key=len, reverse=True))
    if not names:
        return text
    text = re.sub(rf"(?<![\w-])({names})=\{{'([^']+)': ('[^']*')\}}", r"\1=\2=\3", text)
    text = re.sub(rf"(?<![\w-])({names})=([\w]+='[^']*')", lambda m: f"{options[m[1]]} {m[2]}", text)
    text = re.sub(rf"(?<![\w-])({names})={_VALUE}", lambda m: _given(options[m[1]], m[2]), text)
    return re.sub(rf"^({names})(?=: | '| \d)", lambda m: options[m[1]], text)


def _given(option: str, value: str) -> str:
    if value == "True":
        return option
    if value == "False":
        return f"--no-{option.removeprefix('--')}"
    plain = re.fullmatch(r"'([\w-]+)'", value)
    return f"{option} {plain[1] if plain else value}"
