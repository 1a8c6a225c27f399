"""The map tab: all films as points, near where the index holds them near; pick one, or tag a group."""

from __future__ import annotations

from pathlib import Path

import gradio as gr

from cxrneighbors.app.archive import Archive
from cxrneighbors.app.uploads import Uploads

TEMPLATE = Path(__file__).parent / "templates" / "map.html"
MOUNT = "import(new URL('explorer/modules/map.js', document.baseURI)).then((map) => map.mount(element))"


def build(archive: Archive, uploads: Uploads) -> None:
    """Lay out the tab inside `gr.Blocks`; its points come from `map_routes`."""
    gr.HTML(
        TEMPLATE.read_text(encoding="utf-8"),
        js_on_load=MOUNT,
        apply_default_css=False,
        elem_id="cxr-map",
    )
