"""Ids replaced by keyed hashes: who lacks the key cannot tell, nor try out, whom a table is about.

A plain hash of an id can be undone by hashing all ids there may be; HMAC (RFC 2104) with SHA-256 cannot,
without the key. The same key gives the same pseudonym in every data set, so that tables still join.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from pathlib import Path

import pandas as pd

from cxrneighbors.data.paths import PATHS_FROM
from cxrneighbors.data.schema import COLUMNS, validate_studies
from cxrneighbors.data.skipped import Skipped
from cxrneighbors.errors import UserError

LEAST_BYTES = 16
DIGITS = 24  # 96 bits: a million ids share one with a chance of 1e-17
IDS = ("image", "patient", "study")
MAX_AGE = 90.0
# A reason of the readers' own words ends before these: what follows may quote a cell.
_DETAIL = re.compile(r"\s*(?:\(|:|;|,? such as | '|\").*", re.DOTALL)
_OWN_WORDS = re.compile(r"[A-Za-z_ ,-]+")


def read_key(path: str | Path) -> bytes:
    """The key in a file: its bytes without blanks at the ends; `UserError` below `LEAST_BYTES` of them."""
    try:
        key = Path(path).read_bytes().strip()
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; {_MAKE}") from None
    if len(key) < LEAST_BYTES:
        raise UserError(f"{path}: a key of {len(key)} bytes can be guessed; {_MAKE}")
    return key


_MAKE = "make a key with: python -c 'import secrets; print(secrets.token_hex(32))' > KEYFILE"


def pseudonym(key: bytes, kind: str, value: str) -> str:
    """The pseudonym of an id of `kind`, one of `IDS`: 24 hex digits of HMAC-SHA256 over both.

    >>> pseudonym(b"a key of 16 byte", "patient", "17") == pseudonym(b"a key of 16 byte", "study", "17")
    False
    """
    return hmac.new(key, f"{kind}\x1f{value}".encode(), hashlib.sha256).hexdigest()[:DIGITS]


def pseudonymise(
    studies: pd.DataFrame, regions: pd.DataFrame, key: bytes, paths: bool = True
) -> tuple[pd.DataFrame, pd.DataFrame, list[str]]:
    """A study table and its regions under pseudonyms, and notes on what was taken out.

    `image_id`, `patient_id` and `study_id` become pseudonyms; ages above 90 become 90; columns that are none
    of the study table's are dropped, since they may hold ids, names or dates. Rows come in the order of
    their pseudonyms. `paths`: whether films keep their path, which may hold the old ids; without, masks lose
    theirs too. Findings, views, splits and the text of reports stay as they are.
    """
    table, areas = validate_studies(studies), regions.copy()
    further = [name for name in table.columns if name not in COLUMNS]
    table = table.drop(columns=further)
    for kind in IDS:
        table[f"{kind}_id"] = _all(key, kind, table[f"{kind}_id"])
    areas["image_id"] = _all(key, "image", areas["image_id"])
    table["age"] = table["age"].clip(upper=MAX_AGE)
    if not paths:
        table["path"], areas["mask_path"] = None, None
        table.attrs.pop(PATHS_FROM, None)
    notes = [f"columns left out: {', '.join(further)}"] if further else []
    if table["report"].notna().any():
        notes.append("warning: the text of reports is kept as it is, with the names and dates in it")
    if paths and table["path"].notna().any():
        notes.append("paths are kept, so that films can be read: names of files and folders may hold ids")
    return (
        table.sort_values("image_id", ignore_index=True),
        areas.sort_values("image_id", kind="stable", ignore_index=True),
        notes,
    )


def pseudonymise_skipped(skipped: Skipped, key: bytes) -> Skipped:
    """The list of what was left out with pseudonyms of images for items, and reasons without details."""
    renamed = Skipped(skipped.stage)
    frame = skipped.to_frame()
    numbers = [None if pd.isna(value) else int(value) for value in frame["row"].tolist()]
    for item, reason, number in zip(frame["item"], frame["reason"], numbers, strict=True):
        renamed.add(pseudonym(key, "image", str(item)), without_details(str(reason)), number)
    return renamed


def hidden(notes: list[str]) -> list[str]:
    """How many notes a reader made, in place of the notes, which quote ids and cells."""
    if not notes:
        return []
    return [
        f"{len(notes)} notes on the data quote ids; import without pseudonyms, somewhere safe, to see them"
    ]


def without_details(text: str) -> str:
    """A reason without the values that it quotes; 'left out' where these come first.

    >>> without_details("unknown split (Doe)"), without_details("/ward/doe.png: cannot be read")
    ('unknown split', 'left out')
    """
    words = _DETAIL.sub("", text)
    return words if _OWN_WORDS.fullmatch(words) else "left out"


def _all(key: bytes, kind: str, values: pd.Series) -> pd.Series:
    known = {value: pseudonym(key, kind, value) for value in values.unique()}
    return values.map(known).astype(object)
