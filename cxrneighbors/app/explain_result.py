"""An explanation as the page draws it, and as files to keep."""

from __future__ import annotations

import base64
import io
import tempfile
import zipfile
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from cxrneighbors.app.explain_work import Explained
from cxrneighbors.app.picture import film_png
from cxrneighbors.explain.answer import donor_words, evidence, evidence_words, question
from cxrneighbors.explain.colours import AGAINST, FOR, HEAT
from cxrneighbors.explain.explanation import Explanation
from cxrneighbors.explain.page import readable
from cxrneighbors.explain.pictures import draw_panel, panel_files, panel_png
from cxrneighbors.explain.places import place
from cxrneighbors.figures import to_svg
from cxrneighbors.files import plain

_drawing = Lock()  # matplotlib's settings are the process's
STEPS = 127  # of the heat map at its largest value


def payload(explained: Explained) -> dict[str, Any]:
    """JSON for the page: the answer, the label map, the heat map, weights, and neighbours without pixels.

    labels: uint16 (H, W), heat: int8 (H, W) in -127 .. 127 for -limit .. limit, both base64 in row order.
    """
    explanation = explained.explanation
    heat = explanation.heatmap()
    limit = float(np.abs(heat).max()) or 1.0
    changed = explanation.settings.get("counterfactual")
    content = {
        "question": question(explanation),
        "answer": explanation.answer(),
        "method": explanation.method,
        "target": readable(explanation.target),
        "image_id": explanation.image_id,
        "prediction": explanation.prediction,
        "fidelity": explanation.fidelity,
        "calls": explanation.settings["classifier_calls"],
        "size": list(explanation.segments.shape),
        "labels": _base64(explanation.segments.astype("<u2")),
        "heat": _base64(np.round(STEPS * heat / limit).astype(np.int8)),
        "limit": limit,
        "colours": {"for": _css(FOR), "against": _css(AGAINST), "heat": list(HEAT)},
        "segments": _segments(explanation),
        "neighbours": _neighbours(explanation),
        "changed": None if changed is None or explained.full.changed is None else changed,
    }
    return dict(plain(content))


def film_bytes(explained: Explained, changed: bool = False) -> bytes:
    """The explained film, or the film at which the decision turns, as PNG, as large as it is."""
    film = explained.full.changed if changed else explained.full.film
    assert film is not None
    return film_png(film.mean(axis=0), max(film.shape))


def panel(explained: Explained, kind: str) -> bytes:
    """The method's panel for print, as 'png' or 'svg'; drawn once."""
    with _drawing:
        if kind not in explained.drawn:
            explained.drawn[kind] = _png(explained) if kind == "png" else _svg(explained)
        return explained.drawn[kind]


def explanation_zip(explained: Explained) -> bytes:
    """The folder that `explain` writes, zipped: `Explanation.load` reads it back."""
    buffer = io.BytesIO()
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work, "explanation")
        with _drawing:
            files = panel_files(explained.explanation, explained.full)
        explained.explanation.save(folder, files)
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(folder.iterdir()):
                archive.write(path, f"explanation/{path.name}")
    return buffer.getvalue()


def _png(explained: Explained) -> bytes:
    return panel_png(explained.explanation, full=explained.full)


def _svg(explained: Explained) -> bytes:
    return to_svg(draw_panel(explained.explanation, full=explained.full))


def _segments(explanation: Explanation) -> list[dict[str, Any]]:
    """Every segment in label order: name, place, weight, agreement, standard error, and all as words."""
    rows = {row["segment"]: row for row in evidence(explanation, len(explanation.weights))}
    found = []
    for segment in range(len(explanation.weights)):
        row = rows.get(segment)
        if row is None:
            where = place(explanation.segments == segment)
            found.append(
                {"segment": segment, "weight": 0.0, "words": f"segment {segment} ({where}): weighs 0"}
            )
        else:
            found.append(row | {"words": evidence_words(explanation, row)})
    return found


def _neighbours(explanation: Explanation) -> list[dict[str, Any]]:
    table = explanation.neighbours
    rows = zip(
        table["neighbor_id"], table["distance"], table["findings"], donor_words(explanation), strict=True
    )
    return [
        {
            "id": name,
            "distance": float(distance),
            "findings": [readable(finding) for finding in findings],
            "shared": [readable(finding) for finding in findings if finding in explanation.findings],
            "words": words,
        }
        for name, distance, findings, words in rows
    ]


def _base64(values: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode("ascii")


def _css(colour: tuple[float, float, float]) -> str:
    return "#" + "".join(f"{round(255 * part):02x}" for part in colour)
