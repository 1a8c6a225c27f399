"""One vocabulary for radiographic views and patient positions."""

from __future__ import annotations

import re
from collections.abc import Iterable

VIEWS = ("PA", "AP", "LATERAL", "UNKNOWN")
POSITIONS = ("erect", "supine", "unknown")

# DICOM ViewPosition (0018,5101) defined terms and the spellings that data sets use instead.
_VIEW_OF = {
    "PA": "PA",
    "POSTEROANTERIOR": "PA",
    "POSTERO ANTERIOR": "PA",
    "AP": "AP",
    "ANTEROPOSTERIOR": "AP",
    "ANTERO POSTERIOR": "AP",
    "L": "LATERAL",
    "LL": "LATERAL",
    "RL": "LATERAL",
    "LAT": "LATERAL",
    "LATERAL": "LATERAL",
    "LEFT LATERAL": "LATERAL",
    "RIGHT LATERAL": "LATERAL",
}
_SUPINE = {"SUPINE", "LYING", "RECUMBENT", "AXIAL"}
_ERECT = {"ERECT", "UPRIGHT", "STANDING"}


def normalise_view(raw: object) -> tuple[str, str]:
    """Map a data set's view text to `(view, position)`.

    `raw`: any spelling (`"PA"`, `"AP Supine"`, `"L"`, `"LL"`, DICOM `ViewPosition`), blank, None or NaN.
    Returns view in `VIEWS` and position in `POSITIONS`; what is not understood is `UNKNOWN`/`unknown`.

    >>> normalise_view("AP Supine"), normalise_view("L"), normalise_view(None)
    (('AP', 'supine'), ('LATERAL', 'unknown'), ('UNKNOWN', 'unknown'))
    """
    if not isinstance(raw, str):
        return "UNKNOWN", "unknown"
    words = re.sub(r"[^A-Z]+", " ", raw.upper()).split()
    position = "supine" if _SUPINE & set(words) else "erect" if _ERECT & set(words) else "unknown"
    rest = " ".join(word for word in words if word not in _SUPINE | _ERECT)
    return _VIEW_OF.get(rest, "UNKNOWN"), position


def view_columns(texts: Iterable[object]) -> dict[str, list[str]]:
    """Columns `view` and `position` of N view texts (see `normalise_view`)."""
    pairs = [normalise_view(text) for text in texts]
    return {"view": [view for view, _ in pairs], "position": [position for _, position in pairs]}
