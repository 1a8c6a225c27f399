"""Which view an image is, from the texts that describe it, and which of them said so."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import pandas as pd

from cxrneighbors.data.views import normalise_view

NO_SOURCE = "none"
# The texts in the order in which they are asked; the first two name a view, the others describe.
CODED = ("ViewPosition", "ViewCodeSequence")
DESCRIBED = ("PerformedProcedureStepDescription", "SeriesDescription")
ORIENTATION = "PatientOrientationCodeSequence"


@cache
def _rules() -> dict[str, Any]:
    text = files("cxrneighbors.data.mimic").joinpath("views.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def coded_view(text: str) -> tuple[str, str] | None:
    """`(view, position)` of a ViewPosition or a ViewCodeSequence meaning; None when it is not understood.

    >>> coded_view("postero-anterior"), coded_view("LAO"), coded_view("?")
    (('PA', 'unknown'), ('UNKNOWN', 'unknown'), None)
    """
    key = " ".join(re.sub(r"[^A-Z]+", " ", text.upper()).split())
    if key in _rules()["texts"]:
        return _rules()["texts"][key], "unknown"
    view, position = normalise_view(text)
    return None if view == "UNKNOWN" else (view, position)


def described_view(text: str) -> tuple[str, str] | None:
    """`(view, 'unknown')` where a description names exactly one view, else None.

    >>> described_view("CHEST (PORTABLE AP)"), described_view("CHEST (PA AND LAT)")
    (('AP', 'unknown'), None)
    """
    text = text.upper()
    rules = _rules()["description"]
    named = [view for view, patterns in rules.items() if any(re.search(p, text) for p in patterns)]
    return (named[0], "unknown") if len(named) == 1 and named[0] != "undecided" else None


def choose_views(texts: Mapping[str, Sequence[str]], count: int) -> pd.DataFrame:
    """View, position and source of N images.

    `texts`: for any of `CODED`, `DESCRIBED` and `ORIENTATION` the N texts, '' where blank. The first text
    that is understood decides; `view_source` is its name, `NO_SOURCE` where none did and the view is
    UNKNOWN. A view that is known and none of PA, AP and LATERAL (an oblique) is UNKNOWN with its source.

    Returns columns `view`, `position`, `view_source`, N rows.
    """
    result = pd.DataFrame({"view": "UNKNOWN", "position": "unknown", "view_source": NO_SOURCE}, range(count))
    result = result.astype(object)
    for name in (*CODED, *DESCRIBED):
        if name not in texts:
            continue
        meaning = _meanings(texts[name], coded_view if name in CODED else described_view)
        column = pd.Series(list(texts[name]), dtype=object)
        rows = ((result["view_source"] == NO_SOURCE) & column.isin(list(meaning))).to_numpy()
        said = [meaning[text] for text in column[rows]]
        result.loc[rows, "view"] = [view for view, _ in said]
        result.loc[rows, "position"] = [position for _, position in said]
        result.loc[rows, "view_source"] = name
    if ORIENTATION in texts:
        positions = {text: normalise_view(text)[1] for text in set(texts[ORIENTATION])}
        given = pd.Series([positions[text] for text in texts[ORIENTATION]], dtype=object)
        result["position"] = result["position"].where(result["position"] != "unknown", given)
    return result


def _meanings(texts: Iterable[str], read: Any) -> dict[str, tuple[str, str]]:
    """What each different text means; those that mean nothing are left out."""
    return {text: said for text in set(texts) if (said := read(text)) is not None}
