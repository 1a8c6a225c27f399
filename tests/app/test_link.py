"""A query to a link and back; a link from anyone."""

from __future__ import annotations

import pytest

from cxrneighbors.app.link import from_link, to_link
from cxrneighbors.app.query import MANY, MOST, Query

FULL = Query(
    image_ids=("a b", "ü&=?"),
    text="large effusion\nno tube",
    share=0.35,
    k=12,
    views=("AP", "PA"),
    sexes=("F",),
    ages=(10, 90),
    findings=("Pleural_Thickening", "Mass"),
    where="age > 3 and view == 'PA' # & ?",
    same_patient=True,
    one_per="study",
    policy="diverse",
)


def test_there_and_back() -> None:
    assert from_link(to_link(FULL)) == FULL
    assert to_link(Query()) == "" and from_link("") == Query()


def test_an_uploaded_film_is_in_no_link() -> None:
    assert to_link(Query(uploads=("token",), k=3)) == "?k=3"


@pytest.mark.parametrize(
    "link",
    [
        "?k=x",
        "?k=nan",
        "?view=XX",
        "?sex=?",
        "?age=a-b",
        "?age=5",
        "?image_share=2",
        "?policy=all",
        "?%ff=%00",
    ],
)
def test_what_cannot_be_read_is_as_on_an_empty_page(link: str) -> None:
    assert from_link(link) == Query()


def test_limits_hold_for_links() -> None:
    query = from_link("?k=100000&age=-5-500&" + "&".join(f"film={n}" for n in range(50)))
    assert query.k == MOST and len(query.image_ids) == MANY and query.ages == (0, 130)
