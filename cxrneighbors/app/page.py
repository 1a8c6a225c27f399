"""The page: a head with the banner, and one tab for each way to look at an index.

A tab is a function `build(archive, uploads)` that lays out Gradio components. Tabs reach each other in the
browser through `window.cxr` (static/explorer.js): `cxr.search(ids)`, `cxr.explain(id)`, `cxr.open(name)`;
a button in any HTML with `data-search="ID"` or `data-explain="ID"` does the same.
"""

from __future__ import annotations

from html import escape

import gradio as gr

from cxrneighbors.app import evaluation_tab, explain_tab, map_tab, search_tab
from cxrneighbors.app.archive import Archive
from cxrneighbors.app.uploads import Uploads

TITLE = "cxrneighbors explorer"
BANNER = "Research use only. Not for diagnosis or treatment."
TABS = {
    "search": ("Search", search_tab.build),
    "map": ("Map", map_tab.build),
    "explain": ("Explain", explain_tab.build),
    "evaluation": ("Evaluation", evaluation_tab.build),
}


def build_page(archive: Archive, uploads: Uploads) -> gr.Blocks:
    """All tabs over one archive."""
    page: gr.Blocks = gr.Blocks(title=TITLE, analytics_enabled=False, fill_width=True)
    with page:
        gr.HTML(head_html(archive), elem_id="cxr-head")
        with gr.Tabs(elem_id="cxr-tabs", overflow_behavior="wrap"):
            for name, (label, build) in TABS.items():
                with gr.Tab(label, id=name, elem_id=f"cxr-tab-{name}"):
                    build(archive, uploads)
    return page


def head_html(archive: Archive) -> str:
    """The page's head: what is open, and that it is for research."""
    films = len(archive.studies)
    patients = len(set(archive.index.store.patients.tolist()))
    return (
        f'<header class="cxr-head"><h1>{TITLE}</h1>'
        f"<p><b>{escape(archive.name)}</b> · {films:,} films · {patients:,} patients</p>"
        f'<p class="cxr-banner" role="note">{BANNER}</p></header>'
    )


def theme() -> gr.themes.Base:
    """Gradio's base theme with the system's own fonts (nothing is loaded for them), and text dark enough."""
    made = gr.themes.Base(
        primary_hue="sky",
        neutral_hue="slate",
        font=["system-ui", "sans-serif"],
        font_mono=["ui-monospace", "monospace"],
    )
    return made.set(
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_300",
        block_label_text_color="*neutral_700",
        block_label_text_color_dark="*neutral_200",
        block_title_text_color="*neutral_800",
        block_title_text_color_dark="*neutral_100",
        block_title_text_weight="600",
        block_title_text_size="*text_sm",
        block_border_width="0px",
        block_padding="0px",
        block_background_fill="transparent",
        block_background_fill_dark="transparent",
        background_fill_primary_dark="#151b26",
        body_background_fill_dark="#0f141d",
        input_background_fill="white",
        input_background_fill_dark="#1d2532",
        input_border_width="1px",
        input_border_color="*neutral_400",
        input_border_color_dark="*neutral_500",
        input_placeholder_color="*neutral_500",
        input_placeholder_color_dark="*neutral_400",
        color_accent="#0b6aa8",
        button_primary_background_fill="#0b6aa8",
        button_primary_background_fill_hover="#095585",
        button_primary_background_fill_dark="#0b6aa8",
        button_primary_background_fill_hover_dark="#0d7cc4",
        button_primary_text_color="white",
        checkbox_label_background_fill="transparent",
        checkbox_label_background_fill_dark="transparent",
        checkbox_label_border_width="1px",
        checkbox_label_border_color="*neutral_300",
        checkbox_label_border_color_dark="*neutral_600",
        checkbox_label_padding="2px 8px",
    )
