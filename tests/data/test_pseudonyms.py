"""Pseudonyms are HMAC-SHA256 as RFC 4231 and OpenSSL have it; tables join under one key and tell nothing."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pandas as pd
import pytest

from cxrneighbors.data.pseudonyms import (
    DIGITS,
    hidden,
    pseudonym,
    pseudonymise,
    pseudonymise_skipped,
    read_key,
    without_details,
)
from cxrneighbors.data.skipped import Skipped
from cxrneighbors.data.tables import empty_regions
from cxrneighbors.errors import UserError

KEY, OTHER = b"k" * 32, b"l" * 32


def hmac_by_hand(key: bytes, message: bytes) -> str:
    """RFC 2104: H(K xor opad, H(K xor ipad, text)), K filled with zeros to the block of 64 bytes."""
    padded = key.ljust(64, b"\0")
    inner = hashlib.sha256(bytes(b ^ 0x36 for b in padded) + message).digest()
    return hashlib.sha256(bytes(b ^ 0x5C for b in padded) + inner).hexdigest()


def table(**columns: list) -> pd.DataFrame:
    base = {"image_id": ["b", "a", "c"], "patient_id": ["1", "1", "2"], "study_id": ["s", "s", "t"]}
    return pd.DataFrame(base | {"findings": [["Mass"], [], ["Edema"]]} | columns)


def test_pseudonyms_are_keyed_hashes() -> None:
    assert pseudonym(KEY, "patient", "1") == hmac_by_hand(KEY, b"patient\x1f1")[:DIGITS]
    assert len({pseudonym(key, kind, "1") for key in (KEY, OTHER) for kind in ("patient", "image")}) == 4


def test_a_table_keeps_its_structure_and_loses_its_names() -> None:
    studies = table(age=[93.0, 40.0, 91.0], StudyDate=["20010203"] * 3, report=["by Dr X", None, None])
    regions = empty_regions()
    regions.loc[0] = ["b", "Mass", 1.0, 2.0, 3.0, 4.0, None]
    hidden, areas, notes = pseudonymise(studies, regions, KEY)
    by_id = hidden.set_index("image_id")
    assert list(hidden["image_id"]) == sorted(pseudonym(KEY, "image", name) for name in "abc")
    for old in studies.itertuples():
        row = by_id.loc[pseudonym(KEY, "image", old.image_id)]
        assert row["patient_id"] == pseudonym(KEY, "patient", old.patient_id)
        assert row["study_id"] == pseudonym(KEY, "study", old.study_id)
        assert row["findings"] == old.findings and row["age"] == min(old.age, 90)
    assert areas["image_id"].tolist() == [pseudonym(KEY, "image", "b")]
    assert "StudyDate" not in hidden and "columns left out: StudyDate" in notes
    assert any("text of reports is kept" in note for note in notes)


def test_tables_of_two_data_sets_join_under_one_key() -> None:
    first, _, _ = pseudonymise(table(dataset=["one"] * 3), empty_regions(), KEY)
    second, _, _ = pseudonymise(table(dataset=["two"] * 3, image_id=["x", "y", "c"]), empty_regions(), KEY)
    joined = first.merge(second, on="image_id")
    assert joined["patient_id_x"].tolist() == joined["patient_id_y"].tolist() == [
        pseudonym(KEY, "patient", "2")
    ]  # fmt: skip
    other, _, _ = pseudonymise(table(), empty_regions(), OTHER)
    assert not set(other["patient_id"]) & set(first["patient_id"])


def test_paths_go_with_masks() -> None:
    regions = empty_regions()
    regions.loc[0] = ["b", "Mass", None, None, None, None, "/ward/doe.png"]
    hidden, areas, _ = pseudonymise(table(path=["/ward/doe.dcm", None, None]), regions, KEY, paths=False)
    assert hidden["path"].isna().all() and areas["mask_path"].isna().all()


def test_what_was_left_out_is_told_without_values() -> None:
    skipped = Skipped("import")
    skipped.add("doe.png", "unknown split (doe)", 3)
    row = pseudonymise_skipped(skipped, KEY).to_frame().iloc[0]
    assert (row["item"], row["row"], row["reason"]) == (
        pseudonym(KEY, "image", "doe.png"),
        3,
        "unknown split",
    )
    for reason, words in (
        ("no image file", "no image file"),
        ("image file is empty (0 bytes)", "image file is empty"),
        ("/ward/doe.png: no such image file", "left out"),
        ("patient 12 shares a film", "left out"),
        ("Doe's film", "left out"),
    ):
        assert without_details(reason) == words


def test_notes_are_counted_not_told() -> None:
    assert hidden([]) == []
    (said,) = hidden(["patient 339 shares the image 24.jpg with patient 285: taken as one patient"] * 2)
    assert said.startswith("2 notes") and "339" not in said


@pytest.mark.parametrize(
    ("content", "said"), [(b"short\n", "a key of 5 bytes can be guessed"), (None, "no such")]
)
def test_keys_that_are_none(tmp_path: Path, content: bytes | None, said: str) -> None:
    if content is not None:
        (tmp_path / "key").write_bytes(content)
    with pytest.raises(UserError, match=said):
        read_key(tmp_path / "key")


def test_blanks_at_the_ends_of_a_key_do_not_count(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(KEY + b"\n")
    assert read_key(tmp_path / "key") == KEY
