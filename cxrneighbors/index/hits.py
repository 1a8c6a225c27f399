"""What a search returns: a DataFrame that can be looked at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from cxrneighbors.errors import UserError
from cxrneighbors.index.gallery import Origin, gallery
from cxrneighbors.index.queries import Queries, listed
from cxrneighbors.index.query_encoding import Film
from cxrneighbors.notebook import Shown

if TYPE_CHECKING:
    from cxrneighbors.index.neighbor_index import NeighborIndex


def origin_of(
    studies: pd.DataFrame,
    queries: Queries,
    image: Film | Sequence[Film] | None,
    text: str | Sequence[str | None] | None,
) -> Origin:
    """What `queries`, made from `image` and `text`, refer to."""
    names = [str(name) for name in queries.names]
    films, texts = listed(image) or [], listed(text) or []
    rows = zip(names, queries.rows.tolist(), strict=True)
    return Origin(
        studies,
        {name: row for name, row in rows if row >= 0},
        dict(zip(names, films, strict=False)),
        {name: text for name, text in zip(names, texts, strict=False) if text},
    )


class SearchHits(pd.DataFrame):
    """Hits of `NeighborIndex.search`: a DataFrame, and its parts are, that remembers what was searched.

    What is written to a file, pickled or put together with others is a plain table: `show(hits, index)` shows
    that too.
    """

    _metadata = ["_origin"]  # noqa: RUF012  (pandas' own way to hand an attribute on to parts)
    _origin: Origin | None = None

    @classmethod
    def of(cls, table: pd.DataFrame, origin: Origin) -> SearchHits:
        """The hits in `table` of a search in `origin`."""
        hits = cls(table)
        hits._origin = origin
        return hits

    @property
    def _constructor(self) -> type[SearchHits]:
        return SearchHits

    def __getstate__(self) -> dict[str, Any]:
        """Pickled without what was searched."""
        state: Any = super().__getstate__()
        return {**state, "_origin": None}

    def show(self, queries: int = 10) -> Shown:
        """The first `queries` targets beside their neighbours, to be looked at: see `show`."""
        return show(self, queries=queries)


def show(hits: pd.DataFrame, index: NeighborIndex | None = None, queries: int = 10) -> Shown:
    """Each target beside its neighbours: films, findings with those shared marked, distances, ids.

    `hits`: what `search` returned, a part of it, or the same read from a file, then with the `index` that was
    searched. A notebook shows the answer; `.save("hits.html")` writes a page that opens without network.
    `queries`: how many of the queries, the first ones. Raises `UserError` for a table of another kind.
    """
    if not isinstance(hits, pd.DataFrame):
        raise UserError(f"hits: a {type(hits).__name__}; give the DataFrame that search returned")
    origin = getattr(hits, "_origin", None)
    if index is not None:
        known = origin or Origin(index.studies)
        origin = Origin(index.studies, known.rows, known.films, known.texts)
    if origin is None:
        raise UserError("hits: what was searched is not known any more; give it, show(hits, index)")
    return gallery(hits, origin, queries)
