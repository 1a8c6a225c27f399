from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cxrneighbors.data.schema import validate_studies
from cxrneighbors.encoders.report_pairs import (
    KEPT_WORDS,
    delete_words,
    number_of_batches,
    training_pairs,
)
from cxrneighbors.errors import UserError
from cxrneighbors.training.batches import EpochBatches, even_sizes


def table(rows: list[tuple[str | None, dict[str, str] | None, str]]) -> pd.DataFrame:
    return validate_studies(
        pd.DataFrame(
            [
                {"image_id": f"i{i}", "patient_id": f"p{i}", "findings": [], "report": report,
                 "sections": sections, "split": split}
                for i, (report, sections, split) in enumerate(rows)
            ]
        )
    )  # fmt: skip


STUDIES = table(
    [
        ("FINDINGS: Clear. IMPRESSION: Normal.", {"findings": "Clear.", "impression": "Normal."}, "train"),
        ("FINDINGS: Clear. IMPRESSION: Normal.", {"findings": "Clear.", "impression": "Normal."}, "train"),
        ("IMPRESSION: Edema.", {"impression": "Edema."}, "train"),
        ("A mass is seen.", None, "train"),
        (None, None, "train"),
        ("x", {"findings": "Large heart.", "impression": "Cardiomegaly."}, "train"),
        ("y", {"findings": "Val.", "impression": "Val too."}, "val"),
        ("z", {"findings": "Test.", "impression": "Test too."}, "test"),
    ]
)


def test_sections_pair_findings_with_their_impression_on_training_rows_alone():
    assert training_pairs(STUDIES, "sections") == [("Clear.", "Normal."), ("Large heart.", "Cardiomegaly.")]


@pytest.mark.parametrize("objective", ["simcse", "tsdae"])
def test_whole_reports_are_what_encoders_see(objective: str):
    texts = ["Clear.\n\nNormal.", "Edema.", "A mass is seen.", "Large heart.\n\nCardiomegaly."]
    assert training_pairs(STUDIES, objective) == [(text, text) for text in texts]


@pytest.mark.parametrize(
    ("studies", "objective", "message"),
    [
        (STUDIES, "mlm", "unknown objective 'mlm'; choose one of: sections, simcse, tsdae, statements"),
        (STUDIES[STUDIES["split"] == "test"], "simcse", "no row has split 'train'"),
        (STUDIES.iloc[:4], "sections", "1 different reports with findings and impression"),
        (STUDIES.iloc[3:5], "simcse", "1 different reports have split 'train'"),
    ],
)
def test_too_little_to_learn_from(studies: pd.DataFrame, objective: str, message: str):
    with pytest.raises(UserError) as caught:
        training_pairs(studies, objective)
    assert message in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("n", "size"), [(2, 2), (3, 2), (5, 2), (7, 3), (64, 64), (65, 64), (200, 64), (2, 9)]
)
def test_an_epoch_holds_every_pair_once_and_no_batch_of_one(n: int, size: int):
    batches = list(EpochBatches(range(n), even_sizes(n, number_of_batches(n, size)), seed=0))
    assert sorted(position for batch in batches for position in batch) == list(range(n))
    assert min(map(len, batches)) >= 2 and max(map(len, batches)) <= size + 1


def test_damage_keeps_some_words_in_order():
    text = " ".join(f"w{i}" for i in range(2000))
    kept = delete_words(text, np.random.default_rng(0)).split()
    assert abs(len(kept) / 2000 - KEPT_WORDS) < 0.05
    assert kept == sorted(kept, key=lambda word: int(word[1:]))
    assert all(delete_words("one two", np.random.default_rng(seed)) for seed in range(50))
    assert delete_words("", np.random.default_rng(0)) == ""
