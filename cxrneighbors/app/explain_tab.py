"""The explanation tab: which parts of a film made the classifier say so?"""

from __future__ import annotations

from html import escape
from pathlib import Path

import gradio as gr

from cxrneighbors.app.archive import Archive
from cxrneighbors.app.empty import empty_state
from cxrneighbors.app.explain_ask import ABOUT, LARGEST_K, LARGEST_P
from cxrneighbors.app.uploads import Uploads
from cxrneighbors.explain.registry import METHODS

TEMPLATE = Path(__file__).parent / "templates" / "explain.html"
MOUNT = "import(new URL('explorer/modules/explain.js', document.baseURI)).then((tab) => tab.mount(element))"


def build(archive: Archive, uploads: Uploads) -> None:
    """Lay out the tab inside `gr.Blocks`; its work is done by `explain_routes`."""
    if archive.classifier is None:
        gr.HTML(
            empty_state(
                "No classifier is open",
                "Explanations show which parts of a film made a classifier say so.",
                "cxrneighbors train-classifier STUDIES --model small-cnn --out DIR\n"
                "cxrneighbors explore IDX --classifier DIR",
            )
        )
        return
    gr.HTML(
        explain_html(),
        js_on_load=MOUNT,
        apply_default_css=False,
        elem_id="cxr-explain",
    )


def explain_html() -> str:
    """The tab's markup, whose parts the script fills."""
    methods = "".join(
        f'<option value="{name}" data-about="{escape(about)}">{escape(METHODS[name].title)}</option>'
        for name, about in ABOUT.items()
    )
    text = TEMPLATE.read_text(encoding="utf-8")
    for name, value in (("methods", methods), ("most_k", LARGEST_K), ("most_p", LARGEST_P)):
        text = text.replace(f"{{{{ {name} }}}}", str(value))
    return text
