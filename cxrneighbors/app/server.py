"""The explorer's server: the page, its films, and who may have them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import gradio as gr
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.staticfiles import StaticFiles
from starlette.concurrency import run_in_threadpool

from cxrneighbors.app.archive import Archive
from cxrneighbors.app.decoding import MOST_BYTES, Decoders
from cxrneighbors.app.evaluation_tab import evaluation_routes
from cxrneighbors.app.explain_routes import explain_routes
from cxrneighbors.app.guard import LOOPBACK, Guard, check_host
from cxrneighbors.app.map_routes import map_routes
from cxrneighbors.app.page import build_page, theme
from cxrneighbors.app.picture import SIZES, film_png
from cxrneighbors.app.uploads import Uploads
from cxrneighbors.errors import UserError
from cxrneighbors.progress import say

STATIC = Path(__file__).parent / "static"
SMALL = 512  # pixels; pictures up to this size are kept, `KEPT` of them
KEPT = 512
AT_ONCE = 2  # uploads that are decoded
A_WHILE = {"Cache-Control": "private, max-age=600"}


def make_app(archive: Archive, host: str = LOOPBACK[0], password: str | None = None) -> FastAPI:
    """The web application over one archive, as served on `host`."""
    uploads, decoders = Uploads(), Decoders()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        decoders.start_ahead()
        threading.Thread(target=archive.load_encoders, daemon=True).start()
        yield
        decoders.close()

    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)
    _add_films(app, archive)
    _add_uploads(app, uploads, decoders)
    app.include_router(map_routes(archive, paths=host in LOOPBACK))
    app.include_router(evaluation_routes(archive))
    app.include_router(explain_routes(archive, uploads))
    app.mount("/explorer", StaticFiles(directory=STATIC))
    mounted: FastAPI = gr.mount_gradio_app(
        app,
        build_page(archive, uploads),
        path="/",
        footer_links=[],
        run_history=False,
        ssr_mode=False,
        show_error=False,
        max_file_size=1,
        enable_monitoring=False,
        theme=theme(),
        css_paths=sorted(STATIC.glob("*.css")),
        head="".join(
            f'<script src="explorer/{path.name}" defer></script>' for path in sorted(STATIC.glob("*.js"))
        ),
    )
    hosts = {*LOOPBACK, host} if host in LOOPBACK else None
    mounted.add_middleware(Guard, hosts=hosts, password=password)
    return mounted


def _add_films(app: FastAPI, archive: Archive) -> None:
    """Films by their id, never by a path, and what fits a text that is typed."""
    small = lru_cache(KEPT)(lambda image_id, size: film_png(archive.pixels(image_id), size))

    @app.get("/film/{image_id:path}.png")
    def film(image_id: str, size: int = SMALL) -> Response:
        make = small if check_size(size) <= SMALL else small.__wrapped__
        try:
            return Response(make(image_id, size), media_type="image/png", headers=A_WHILE)
        except UserError as error:
            raise HTTPException(404, str(error)) from None

    @app.get("/suggest")
    def suggest(text: str = "") -> dict[str, Any]:
        films, count = archive.suggest(text[:200])
        shown = [
            {"id": film.image_id, "about": film.about(), "findings": list(film.findings)} for film in films
        ]
        return {"films": shown, "count": count}


def _add_uploads(app: FastAPI, uploads: Uploads, decoders: Decoders) -> None:
    """Films that a visitor brings: decoded, kept in memory for a while, written nowhere."""
    free = asyncio.Semaphore(AT_ONCE)

    @app.post("/upload")
    async def upload(request: Request) -> dict[str, str]:
        content = await _body(request)
        try:
            async with free:
                pixels = await run_in_threadpool(decoders.decode, content)
        except UserError as error:
            raise HTTPException(415, str(error)) from None
        return {"token": uploads.add(pixels)}

    @app.delete("/upload/{token}")
    def drop(token: str) -> None:
        uploads.drop(token)

    @app.get("/uploaded/{token}.png")
    def uploaded(token: str, size: int = SMALL) -> Response:
        try:
            return Response(film_png(uploads.pixels(token), check_size(size)), media_type="image/png")
        except UserError as error:
            raise HTTPException(404, str(error)) from None


async def _body(request: Request) -> bytes:
    """The body of an upload, given up as soon as it is too large, whatever length it claims."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > MOST_BYTES:
            raise HTTPException(413, f"the file is too large: at most {MOST_BYTES // 2**20} MB are taken")
        parts.append(part)
    return b"".join(parts)


def check_size(size: int) -> int:
    """A side in pixels that pictures are made in, or an error of the request."""
    if size not in SIZES:
        raise HTTPException(422, f"size: one of {', '.join(map(str, SIZES))}")
    return size


def launch(archive: Archive, host: str, port: int, password: str | None = None) -> None:
    """Serve until interrupted. A `UserError` for a host beyond this machine without a password, or a port
    that is taken."""
    import socket

    import uvicorn

    check_host(host, password)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((host, port))
        except OSError as error:
            raise UserError(
                f"port {port} of {host}: cannot be served ({error.strerror}); give another --port"
            ) from None
        server = uvicorn.Server(uvicorn.Config(make_app(archive, host, password), log_level="warning"))
        shown = f"[{host}]" if ":" in host else host
        say(f"explorer of {archive.name}: open http://{shown}:{listening.getsockname()[1]}/ (Ctrl-C ends it)")
        with suppress(KeyboardInterrupt):  # how a server is meant to end
            server.run(sockets=[listening])
