"""Answers of the page against the index's own search."""

from __future__ import annotations

from cxrneighbors.app.query import Query
from cxrneighbors.app.searching import Searching


def test_hits_are_those_of_a_search(archive, uploads):
    film = archive.studies["image_id"].iloc[3]
    (answer,) = Searching(archive.index).answers(Query(image_ids=(film,), k=4), uploads)
    hits = archive.index.search(film, k=4, one_per=Query().one_per)
    assert [hit.film.image_id for hit in answer.hits] == hits["neighbor_id"].tolist()


def test_filters_are_those_of_the_index(archive):
    searching = Searching(archive.index)
    assert searching.allowed(Query()).all()
    views = searching.allowed(Query(views=("AP",)))
    assert (views == archive.index.rows_where("view == 'AP'")).all() and 0 < views.sum() < len(views)
