"""The explorer's server: the page, its films, and who may have them."""

from __future__ import annotations

from pathlib import Path

import gradio as gr
from fastapi import FastAPI, HTTPException, Response
from fastapi.staticfiles import StaticFiles

from cxrneighbors.app.archive import Archive
from cxrneighbors.app.evaluation_tab import evaluation_routes
from cxrneighbors.app.explain_routes import explain_routes
from cxrneighbors.app.map_routes import map_routes
from cxrneighbors.app.page import build_page, theme
from cxrneighbors.app.picture import SIZES, film_png
from cxrneighbors.app.uploads import Uploads
from cxrneighbors.errors import UserError

STATIC = Path(__file__).parent / "static"
HEAD = '<script src="/explorer/explorer.js" defer></script>'


def make_app(archive: Archive) -> FastAPI:
    """The web application over one archive."""
    app, uploads = FastAPI(docs_url=None, redoc_url=None, openapi_url=None), Uploads()

    @app.get("/film/{image_id:path}.png")
    def film(image_id: str, size: int = 512) -> Response:
        if size not in SIZES:
            raise HTTPException(422, f"size: one of {', '.join(map(str, SIZES))}")
        try:
            return Response(film_png(archive.pixels(image_id), size), media_type="image/png")
        except UserError as error:
            raise HTTPException(404, str(error)) from None

    app.include_router(map_routes(archive))
    app.include_router(evaluation_routes(archive))
    app.include_router(explain_routes(archive, uploads))
    app.mount("/explorer", StaticFiles(directory=STATIC))
    return gr.mount_gradio_app(
        app,
        build_page(archive, uploads),
        path="/",
        footer_links=[],
        run_history=False,
        ssr_mode=False,
        theme=theme(),
        css_paths=[STATIC / "explorer.css"],
        head=HEAD,
    )


def launch(archive: Archive, host: str, port: int) -> None:
    """Serve until interrupted."""
    import uvicorn

    uvicorn.run(make_app(archive), host=host, port=port, log_level="warning")
