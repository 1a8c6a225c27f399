"""Filters of the page as one expression."""

from __future__ import annotations

import pytest

from cxrneighbors.app.query import Query


def test_no_filter_is_none() -> None:
    assert Query(image_ids=("a",), where="  ").filter() is None


def test_a_predicate_cannot_leave_its_brackets() -> None:
    assert Query(views=("PA",), where="age > 1 or age < 9").filter() == (
        "view in ['PA'] and (age > 1 or age < 9)"
    )


@pytest.mark.parametrize(("share", "weights"), [(None, None), (0.25, {"image": 0.5, "report": 1.5})])
def test_weights_of_a_share(share: float | None, weights: dict | None) -> None:
    assert Query(share=share).weights == weights


@pytest.mark.parametrize("query", [Query(text=" "), Query(k=3)])
def test_nothing_to_search_by(query: Query) -> None:
    assert not query.asks
