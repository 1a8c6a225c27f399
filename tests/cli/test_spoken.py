"""What Python functions say, as a user of the command line would."""

from __future__ import annotations

import pytest

from cxrneighbors.cli.spoken import in_own_words

SPELLED = {
    "k": "-k",
    "one_per": "--one-per",
    "where": "--where",
    "image_id": "--image-id",
    "modality": "--modality",
    "image": "--image",
    "column": "--column",
    "images": "--images",
    "check_files": "--check-files",
    "permutations": "--permutations",
    "studies": "STUDIES",
}


@pytest.mark.parametrize(
    ("said", "spoken"),
    [
        ("k=9: no target; use a smaller k", "-k 9: no target; use a smaller k"),
        ("choose modality='image' or leave it out", "choose --modality image or leave it out"),
        ("where: unknown column 'x'", "--where: unknown column 'x'"),
        ("where 'a b': nothing passes", "--where 'a b': nothing passes"),
        (
            "a.csv: name it with columns={'findings': 'YOUR COLUMN'}",
            "a.csv: name it with --column findings='YOUR COLUMN'",
        ),
        (
            "pass images='optional', or check_files=False to trust the lists",
            "pass --images optional, or --no-check-files to trust the lists",
        ),
        ("n_permutations=0: must be at least 1", "--permutations 0: must be at least 1"),
        # Not options: a column, a word, a column inside a predicate, another verb's parameter.
        ("t: duplicate image_id 'a'", "t: duplicate image_id 'a'"),
        ("STUDIES holds k of them, where it can", "STUDIES holds k of them, where it can"),
        ("must read image=1,report=1", "must read image=1,report=1"),
        ("image 'a': not there", "image 'a': not there"),
        ("mask=3 and ck=4", "mask=3 and ck=4"),
        ("n_masks=0: too few", "n_masks=0: too few"),
    ],
)
def test_parameters_are_spelled_as_typed(said: str, spoken: str) -> None:
    assert in_own_words(said, SPELLED) == spoken


def test_a_verb_without_options_says_it_as_it_is() -> None:
    assert in_own_words("k=3: x", {"studies": "STUDIES"}) == "k=3: x"
