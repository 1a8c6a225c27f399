import json

import numpy as np
import pytest

from cxrneighbors.data.written_values import written_list, written_sections

NAMES = [[], ["Mass"], ["Mass", "it's", 'say "x"', "two\nlines", "Ö|;,"], ["a" * 60, "b" * 60]]


@pytest.mark.parametrize("names", NAMES)
def test_lists_as_python_json_and_numpy_write_them(names):
    assert written_list(str(names)) == names
    assert written_list(json.dumps(names)) == names
    assert written_list(str(np.array(names, dtype=object))) == names
    assert written_list(str(tuple(names))) in (names, None)


def test_what_is_no_list():
    for text in ("", "Mass", "Mass|Nodule", "Mass [old]"):
        assert written_list(text) is None
    for text in ("[Mass]", "['a', 1]", "[__import__('os')]", "['a' + 'b']", "[nan]"):
        with pytest.raises(ValueError):
            written_list(text)


def test_sections_as_python_and_json_write_them():
    sections = {"findings": "It's clear.", "impression": None}
    assert written_sections(str(sections)) == written_sections(json.dumps(sections)) == sections
    for text in ("clear", "[1]", "{'a': 1}", "{'a': open('x')}", ""):
        with pytest.raises(ValueError):
            written_sections(text)
