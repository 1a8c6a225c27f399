"""What the explanation tab asks the server for: scores of a film, jobs, and what came out of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Body, HTTPException, Response

from cxrneighbors.app.archive import Archive
from cxrneighbors.app.explain_ask import UPLOAD, Ask
from cxrneighbors.app.explain_jobs import Jobs
from cxrneighbors.app.explain_result import explanation_zip, film_bytes, panel, payload
from cxrneighbors.app.explain_work import Explained, Explaining
from cxrneighbors.app.uploads import Uploads
from cxrneighbors.errors import UserError
from cxrneighbors.explain.page import readable

T = TypeVar("T")
Made = Callable[[Explained], bytes]
FILES: dict[str, tuple[str, Made]] = {
    "film.png": ("image/png", film_bytes),
    "changed.png": ("image/png", lambda explained: film_bytes(explained, changed=True)),
    "panel.png": ("image/png", lambda explained: panel(explained, "png")),
    "panel.svg": ("image/svg+xml", lambda explained: panel(explained, "svg")),
    "explanation.zip": ("application/zip", explanation_zip),
}


def explain_routes(archive: Archive, uploads: Uploads) -> APIRouter:
    """The routes below /explain; none without a classifier. A `UserError` names what is wrong with it."""
    routes = APIRouter(prefix="/explain")
    if archive.classifier is None:
        return routes
    explaining = Explaining(archive, uploads)
    jobs = Jobs(explaining.explain)

    @routes.get("/scores")
    def scores(film: str) -> dict[str, Any]:
        found = _or_refused(lambda: explaining.scores(film))
        known = () if film.startswith(UPLOAD) else archive.film(film).findings
        return {
            "labelled": [readable(name) for name in known],
            "scores": [
                {"label": name, "title": readable(name), "score": score, "labelled": name in known}
                for name, score in found.items()
            ],
        }

    @routes.post("/jobs")
    def submit(ask: Annotated[dict[str, str | int], Body()]) -> dict[str, str]:
        return {"token": _or_refused(lambda: jobs.submit(read_ask(ask).checked(explaining.labels)))}

    @routes.get("/jobs/{token}")
    def status(token: str) -> dict[str, Any]:
        return _or_refused(lambda: jobs.status(token), 404)

    @routes.delete("/jobs/{token}")
    def cancel(token: str) -> dict[str, Any]:
        _or_refused(lambda: jobs.cancel(token), 404)
        return {}

    @routes.get("/jobs/{token}/result")
    def result(token: str) -> dict[str, Any]:
        return payload(_done(jobs, token))

    @routes.get("/jobs/{token}/{name}")
    def file(token: str, name: str) -> Response:
        explained = _done(jobs, token)
        missing = name == "changed.png" and explained.full.changed is None
        if name not in FILES or missing:
            raise HTTPException(404, "this explanation has no such file")
        kind, make = FILES[name]
        return Response(make(explained), media_type=kind)

    return routes


def read_ask(given: dict[str, str | int]) -> Ask:
    """An `Ask` from JSON; a `UserError` for a field that is missing, unknown or of another type."""
    try:
        ask = Ask(**given)  # type: ignore[arg-type]
    except TypeError:
        raise UserError("film, target, method, k, masks and segmentation are what can be asked for") from None
    for name, value in vars(ask).items():
        if not isinstance(value, int if name in ("k", "masks") else str) or isinstance(value, bool):
            raise UserError(f"{name} {value!r}: not what is needed there; choose again")
    return ask


def _done(jobs: Jobs, token: str) -> Explained:
    job = _or_refused(lambda: jobs.job(token), 404)
    if job.state != "done":
        raise HTTPException(409, "the explanation is not finished")
    explained: Explained = job.result
    return explained


def _or_refused(act: Callable[[], T], status: int = 422) -> T:
    try:
        return act()
    except UserError as error:
        raise HTTPException(status, str(error)) from None
