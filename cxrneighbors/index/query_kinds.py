"""What a query can be, told by its type: ids and texts as text, films as files, arrays or pictures."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from cxrneighbors.arguments import a_thing
from cxrneighbors.errors import UserError

FILMS = "give files, arrays (H, W) or (1, H, W) in [0, 1], or PIL images"


def check_kinds(image_ids: Any, image: Any, text: Any, patient_id: Any) -> None:
    """Raise `UserError` for an argument of `read_queries` that is of another type than it takes."""
    if _is_film(image_ids):
        raise UserError(f"image_ids: {a_thing(image_ids)}; give films as search(image=...)")
    _check_texts("image_ids", image_ids, "give an image_id of the index, or a list of them")
    _check_texts("text", text, "give a text, or a list of texts", or_none=True)
    _check_texts("patient_id", patient_id, "give a patient's id as text")
    if image is not None and not _is_film(image) and not isinstance(image, str):
        several = isinstance(image, Iterable) and not isinstance(image, bytes | pd.DataFrame | dict)
        if not several or hasattr(image, "read"):
            raise UserError(f"image: {a_thing(image)}; {FILMS}")


def _is_film(value: Any) -> bool:
    return isinstance(value, Path | Image.Image) or (
        hasattr(value, "ndim") and not isinstance(value, pd.DataFrame) and value.ndim >= 2
    )


def _check_texts(name: str, value: Any, remedy: str, or_none: bool = False) -> None:
    """`UserError` unless `value` is None, a text, or several texts; `or_none`: None among them."""
    if value is None or isinstance(value, str):
        return
    if not isinstance(value, Iterable) or isinstance(value, bytes | dict | pd.DataFrame):
        raise UserError(f"{name}: {a_thing(value)}; {remedy}")
    if isinstance(value, list | tuple | np.ndarray | pd.Series | pd.Index):
        for each in value:
            if not isinstance(each, str) and not (or_none and each is None):
                raise UserError(f"{name}: {each!r} is {a_thing(each)}; {remedy}")
