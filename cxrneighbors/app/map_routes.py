"""What the map asks the server for: layouts and colours as bytes, films as text, tagged tables to keep."""

from __future__ import annotations

import hashlib
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Body, HTTPException, Query, Response

from cxrneighbors.app.archive import Archive
from cxrneighbors.app.colouring import GROUND, Colouring, colourings
from cxrneighbors.app.film import Film
from cxrneighbors.app.projection import METHODS, NO_UMAP, Projections, has_umap
from cxrneighbors.app.tags import read_tags, tagged_file, tagged_table
from cxrneighbors.errors import UserError
from cxrneighbors.explain.page import readable

AT_ONCE = 50  # films told of in one answer
WAIT = 20.0  # seconds for a layout before the page is told to come again
TYPES = {"parquet": "application/vnd.apache.parquet", "csv": "text/csv; charset=utf-8"}
SPACES = {"fused": "image and report", "image": "image", "report": "report"}
LAYOUTS = {"pca": "PCA", "umap": "UMAP"}


def map_routes(archive: Archive, paths: bool = True) -> APIRouter:
    """The routes below /map; `paths`: whether tagged study tables keep where the films' files lie."""
    routes = APIRouter(prefix="/map")
    projections = Projections(archive.index.store)
    colours = colourings(archive.studies)
    ids = "\n".join(archive.studies["image_id"])
    about = _about(projections, colours, hashlib.sha256(ids.encode()).hexdigest()[:16])
    about["explains"] = archive.classifier is not None

    @routes.get("/about")
    def tell() -> dict[str, Any]:
        return about

    @routes.get("/points")
    def points(space: str, method: str, colour: str) -> Response:
        """float32 (N, 2) in row order, then uint8 (N,); 202 while the layout is being made."""
        if colour not in colours:
            raise HTTPException(422, "colour: not one of this map's")
        try:
            layout = projections.layout(space, method, WAIT if method == "pca" else 0.5)
        except UserError as error:
            raise HTTPException(422, str(error)) from None
        if layout is None:
            return Response(status_code=202)
        content = layout.astype("<f4").tobytes() + colours[colour].codes.tobytes()
        return Response(content, media_type="application/octet-stream")

    @routes.get("/films")
    def films(row: Annotated[list[int], Query(max_length=AT_ONCE)]) -> list[dict[str, Any]]:
        if not all(0 <= each < len(archive.studies) for each in row):
            raise HTTPException(404, "row: there is no such film")
        return [_told(each, Film.of(archive.studies.iloc[each])) for each in row]

    @routes.post("/tagged/{kind}")
    def tagged(kind: str, tags: Annotated[dict[str, str], Body()]) -> Response:
        try:
            table = tagged_table(archive.studies, read_tags(tags, len(archive.studies)))
            content = tagged_file(table if paths else table.assign(path=None), kind)
        except UserError as error:
            raise HTTPException(422, str(error)) from None
        named = {"Content-Disposition": f'attachment; filename="tagged-studies.{kind}"'}
        return Response(content, media_type=TYPES[kind], headers=named)

    return routes


def _about(projections: Projections, colours: dict[str, Colouring], key: str) -> dict[str, Any]:
    """What the page needs before the first point; `key`: of this index, under which a page keeps its tags."""
    missing = {} if has_umap() else {"umap": NO_UMAP}
    return {
        "key": key,
        "count": len(projections.store.studies),
        "spaces": [{"key": name, "title": SPACES[name]} for name in projections.spaces],
        "methods": [{"key": name, "title": LAYOUTS[name], "missing": missing.get(name)} for name in METHODS],
        "colourings": [colouring.record() for colouring in colours.values()],
        "ground": GROUND,
    }


def _told(row: int, film: Film) -> dict[str, Any]:
    years = None if np.isnan(film.age) else round(film.age)
    return {
        "row": row,
        "id": film.image_id,
        "view": film.view,
        "sex": film.sex,
        "age": years,
        "findings": [readable(name) for name in film.findings],
    }
