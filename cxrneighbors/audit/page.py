"""report.html of an audit: what was found in sentences, with the films to look at."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from cxrneighbors.data.pixels import read_pixels, resize
from cxrneighbors.errors import UserError
from cxrneighbors.pages.page import film_uri, render

if TYPE_CHECKING:
    from cxrneighbors.audit.run import AuditResult

TEMPLATE = Path(__file__).parent / "templates" / "audit.html"
GROUPS, FILMS, ROWS = 24, 24, 60  # shown at most; the CSVs hold all
LARGEST_GROUP = 12
SIDE = 160


def render_page(result: AuditResult) -> str:
    """The page as HTML, with pictures of at most `GROUPS` groups of copies and twice `FILMS` films."""
    tables, show = result.tables, _Films(result.studies)
    copies = [
        show.cards(group.head(LARGEST_GROUP), lambda row: f"{row.kind}, {row.correlation:.3f}")
        for _, group in tables["copies"].groupby("group", sort=False)
    ]
    return render(
        TEMPLATE,
        c=result.counts,
        sentences=sentences(result.counts),
        copies=[(number, list(cards)) for number, cards in enumerate(copies[:GROUPS], start=1)],
        views=list(show.cards(tables["views"].head(FILMS), _view)),
        writing=list(show.cards(tables["writing"].head(FILMS), lambda row: f"{row.letters} spots")),
        splits=tables["splits"].head(ROWS).to_dict("records"),
        labels=tables["labels"].head(ROWS).to_dict("records"),
        counts={name: len(table) for name, table in tables.items()},
        n_groups=tables["copies"]["group"].nunique(),
        skipped=result.skipped.summary() if len(result.skipped) else "",
    )


def sentences(counts: dict[str, Any]) -> list[str]:
    """What matters most, one sentence each: copies across patients and splits, torn patients, labels."""
    copies = counts["copies"]
    found = [
        _sentence(
            copies["groups_across_patients"],
            "One picture stands under several patients in {n} group{s} of films ({films} films): they find "
            "each other as other patients, and make neighbours look better than they are.",
            films=copies["films_across_patients"],
        ),
        _sentence(
            copies["groups_across_splits"],
            "Copies stand in two splits in {n} group{s} ({films} films): what was trained on is tested.",
            films=copies["films_across_splits"],
        ),
        _sentence(counts["patients_in_two_splits"], "{n} patient{s} stand{v} in two splits."),
        _sentence(counts["films_with_contradicting_labels"], "{n} film{s} ha{h} labels that contradict."),
        _sentence(
            counts["views_that_disagree"] or 0, "{n} view tag{s} look{v} wrong to the view classifier."
        ),
    ]
    return [sentence for sentence in found if sentence] or ["Nothing of this was found."]


def _sentence(n: int, text: str, **values: int) -> str:
    one = n == 1
    words = {"n": f"{n:,}", "s": "" if one else "s", "v": "s" if one else "", "h": "s" if one else "ve"}
    return text.format(**words, **values) if n else ""


def _view(row: Any) -> str:
    return f"tagged {row.view}, looks {row.view_predicted} ({row.view_probability:.2f})"


class _Films:
    """Cards of films: picture, id, patient, findings, and what was found."""

    def __init__(self, studies: pd.DataFrame) -> None:
        self._by_id: dict[Any, dict[Any, Any]] = studies.set_index("image_id").to_dict("index")

    def cards(self, rows: pd.DataFrame, said: Any) -> Iterable[dict[str, str]]:
        for row in rows.itertuples():
            film = self._by_id[row.image_id]
            yield {
                "id": str(row.image_id),
                "patient": f"{film['dataset']} {film['patient_id']}",
                "about": f"{film['view']}, {film['split']}",
                "findings": ", ".join(film["findings"]) or "not labelled",
                "said": said(row),
                "uri": _picture(film["path"]),
            }


def _picture(path: str | None) -> str:
    try:
        return "" if path is None else film_uri(resize(read_pixels(path), SIDE))
    except UserError:
        return ""
