"""The search tab."""

from __future__ import annotations

import gradio as gr

from cxrneighbors.app.archive import Archive
from cxrneighbors.app.empty import empty_state
from cxrneighbors.app.uploads import Uploads


def build(archive: Archive, uploads: Uploads) -> None:
    """Lay out the tab inside `gr.Blocks` and connect its events."""
    gr.HTML(empty_state("Search", "Choose a film, upload one, or describe one in words."))
