"""The explanation tab."""

from __future__ import annotations

import gradio as gr

from cxrneighbors.app.archive import Archive
from cxrneighbors.app.empty import empty_state
from cxrneighbors.app.uploads import Uploads


def build(archive: Archive, uploads: Uploads) -> None:
    """Lay out the tab inside `gr.Blocks` and connect its events."""
    gr.HTML(
        empty_state(
            "No classifier is open",
            "Explanations show which parts of a film made a classifier say so.",
            "cxrneighbors explore IDX --classifier DIR",
        )
    )
