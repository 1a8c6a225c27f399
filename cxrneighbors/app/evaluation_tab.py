"""The evaluation tab: does it find films with the same findings, more often than chance?"""

from __future__ import annotations

import gradio as gr
from fastapi import APIRouter, HTTPException, Response

from cxrneighbors.app.archive import Archive
from cxrneighbors.app.empty import empty_state
from cxrneighbors.app.evaluation_folder import TYPES, EvaluationFolder
from cxrneighbors.app.evaluation_html import evaluation_html
from cxrneighbors.app.uploads import Uploads


def build(archive: Archive, uploads: Uploads) -> None:
    """Lay out the tab inside `gr.Blocks`; a `UserError` names what is wrong with the folder."""
    if archive.evaluation is None:
        gr.HTML(
            empty_state(
                "No evaluation is open",
                "An evaluation tells how often neighbours share findings, against random films.",
                "cxrneighbors evaluate IDX --out DIR\ncxrneighbors explore IDX --evaluation DIR",
            )
        )
        return
    gr.HTML(
        evaluation_html(EvaluationFolder.read(archive.evaluation), archive.studies),
        js_on_load=None,
        apply_default_css=False,
        elem_id="cxr-evaluation",
    )


def evaluation_routes(archive: Archive) -> APIRouter:
    """The files of the open evaluation below /evaluation, and no others."""
    routes = APIRouter(prefix="/evaluation")
    files = {} if archive.evaluation is None else EvaluationFolder.read(archive.evaluation).files

    @routes.get("/{name:path}")
    def file(name: str) -> Response:
        path = files.get(name)
        if path is None or not path.is_file():
            raise HTTPException(404, "the evaluation has no such file")
        shown = "inline" if path.suffix in (".png", ".svg") else "attachment"
        headers = {"Content-Disposition": f'{shown}; filename="{path.name}"'}
        return Response(path.read_bytes(), media_type=TYPES[path.suffix], headers=headers)

    return routes
