import pandas as pd

from cxrneighbors.app.suggestions import Suggestions

STUDIES = pd.DataFrame(
    {
        "image_id": ["b-1", "a-2", "A-3"],
        "view": ["PA", "AP", "PA"],
        "findings": [["Pleural_Thickening", "Mass"], ["Mass"], []],
    }
)


def test_every_word_has_to_fit_in_any_spelling():
    found = Suggestions(STUDIES)
    assert found.rows("mass") == [0, 1] and found.rows("MASS pa") == [0]
    assert found.rows("pleural thickening") == found.rows("pleural_thickening") == [0]
    assert found.rows("edema") == [] and found.rows("  ") == [0, 1, 2]


def test_ids_that_begin_with_it_come_first():
    assert Suggestions(STUDIES).rows("a") == [1, 2, 0]  # "a" is in every line
