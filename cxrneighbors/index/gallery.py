"""Hits to look at: each target beside its neighbours, with findings, those shared marked, and distances."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cxrneighbors.errors import UserError
from cxrneighbors.index.query_encoding import Film, film_pixels
from cxrneighbors.notebook import Shown, film_tag

NEEDED = ("query_id", "rank", "neighbor_id", "distance")
PARTS = {"image_distance": "image", "report_distance": "report"}


@dataclass(frozen=True)
class Origin:
    """What hits refer to. `studies`: the study table; by query_id `rows`: which of its rows a query from
    outside is, `films` and `texts`: what was searched by."""

    studies: pd.DataFrame
    rows: Mapping[str, int] = field(default_factory=dict)
    films: Mapping[str, Film] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Card:
    """One film, or a text: `name`, HTML of its picture, findings, what is known of it in a line, and
    what to say where it has no findings."""

    name: str
    picture: str
    findings: tuple[str, ...] = ()
    known: str = ""
    unlabelled: str = ""


def gallery(hits: pd.DataFrame, origin: Origin, queries: int = 10) -> Shown:
    """Target and neighbours of the first `queries` queries of `hits` (columns of `NeighborIndex.search`).

    A column `method` tells several searches of one query apart. Findings of a neighbour that the target has
    too are marked. A film whose file is gone or unreadable is a
    card without a picture. No path and no report text is on the page. Raises `UserError` for a table that
    lacks a column, and for neighbours that the study table does not hold.
    """
    missing = [name for name in NEEDED if name not in hits.columns]
    if missing:
        raise UserError(
            f"hits: no column {missing[0]!r}; give what search returned, with {', '.join(NEEDED)}"
        )
    if queries < 1:
        raise UserError(f"queries: {queries} queries cannot be shown; ask for 1 or more")
    rows = pd.Index(origin.studies["image_id"])
    keys = [name for name in ("method", "query_id") if name in hits.columns]
    groups = list(hits.groupby(keys, sort=False))
    parts = [_row(key, part.sort_values("rank"), origin, rows) for key, part in groups[:queries]]
    if (left := len(groups) - queries) > 0:
        parts.append(f'<p class="quiet">… and {left} more, with show(queries={len(groups)})</p>')
    n, k = len(groups), hits.groupby(keys, sort=False).size().max() if groups else 0
    return Shown(f"{n} quer{'y' if n == 1 else 'ies'}, {k} neighbours each", "".join(parts))


def _row(key: tuple[Any, ...], hits: pd.DataFrame, origin: Origin, rows: pd.Index) -> str:
    """HTML of one target and its neighbours, by rank; `key`: a method or none, and the query."""
    *method, query = map(str, key)
    target = _target(query, origin, rows)
    places = rows.get_indexer(pd.Index(hits["neighbor_id"]))
    if (places < 0).any():
        unknown = hits["neighbor_id"].iloc[int(np.argmin(places))]
        raise UserError(f"hits: image {unknown!r} is not in this index; show them with the index searched")
    found = [_film_card(origin.studies.iloc[place]) for place in places]
    cards = [
        _figure(card, f"{hit['rank']}: {card.name}", _distance(hit), target.findings)
        for card, hit in zip(found, hits.to_dict("records"), strict=True)
    ]
    sharing = sum(bool(set(card.findings) & set(target.findings)) for card in found)
    said = f"{sharing} of {len(found)} neighbours share a finding with it" if target.findings else ""
    head = f"<p><b>{escape(', '.join((target.name, *method)))}</b> {escape(said)}</p>"
    return head + f'<div class="row">{_figure(target, target.name, "target")}{"".join(cards)}</div>'


def _target(query: str, origin: Origin, rows: pd.Index) -> _Card:
    """The card of a query: a film of the table, one from outside, or a text."""
    outside, text = origin.films.get(query), origin.texts.get(query)
    row = origin.rows.get(query, -1)
    if outside is None and text is None and row < 0:
        row = int(rows.get_indexer(pd.Index([query]))[0])
    name = Path(query).name  # of a file no folders
    if row >= 0:
        card = _film_card(origin.studies.iloc[row])
        return replace(card, known=_joined(card.known, _quoted(text)))
    if outside is not None:
        return _Card(name, _picture(outside, name), known=_quoted(text))
    if text is not None:
        return _Card(name, f'<div class="none">{escape(text)}</div>')
    return _Card(name, _picture(query, name) if Path(query).is_file() else _nothing("not in this index"))


def _film_card(row: pd.Series) -> _Card:
    age = "" if pd.isna(row["age"]) else f"{row['age']:.0f} years"
    known = _joined(*("" if pd.isna(value) else str(value) for value in (row["view"], row["sex"])), age)
    name = str(row["image_id"])
    return _Card(name, _picture(row["path"], name), tuple(row["findings"]), known, "not labelled")


def _picture(film: Any, name: str) -> str:
    if film is None or (isinstance(film, float) and np.isnan(film)):
        return _nothing("no image file")
    try:
        return film_tag(film_pixels(film), f"film {name}")
    except UserError:
        return _nothing("its file cannot be read")


def _nothing(reason: str) -> str:
    return f'<div class="none">{escape(reason)}</div>'


def _figure(card: _Card, title: str, note: str, shared_with: Sequence[str] | None = None) -> str:
    """One film with its captions; `shared_with`: the target's findings, None for the target itself."""
    names = [
        f"<mark>✓ {escape(name)}</mark>" if name in (shared_with or ()) else escape(name)
        for name in card.findings
    ]
    lines = [f"<b>{escape(title)}</b>", escape(note), escape(card.known), ", ".join(names) or card.unlabelled]
    kind = ' class="target"' if shared_with is None else ""
    caption = "<br>".join(text for text in lines if text)
    return f"<figure{kind}>{card.picture}<figcaption>{caption}</figcaption></figure>"


def _distance(hit: Mapping[Hashable, Any]) -> str:
    """'distance 0.52 (image 0.48, report 0.55)'."""
    parts = [f"{name} {hit[column]:.2f}" for column, name in PARTS.items() if not pd.isna(hit.get(column))]
    return f"distance {hit['distance']:.2f}" + (f" ({', '.join(parts)})" if len(parts) > 1 else "")


def _quoted(text: str | None) -> str:
    return f"“{text}”" if text and text.strip() else ""


def _joined(*texts: str) -> str:
    return ", ".join(text for text in texts if text)
