"""A query as a link: what was asked, in the address of the page."""

from __future__ import annotations

from urllib.parse import parse_qs, urlencode

from cxrneighbors.app.query import MANY, MOST, OLDEST, Query
from cxrneighbors.data.views import VIEWS
from cxrneighbors.index.search import POLICIES
from cxrneighbors.statistics.patients import ONE_PER


def to_link(query: Query) -> str:
    """The query string of a query, what is as on an empty page left out; uploaded films are never in it.

    >>> to_link(Query(image_ids=("a 1",), views=("AP",), ages=(40, 130)))
    '?film=a+1&view=AP&age=40-130'
    """
    plain, pairs = Query(), [("film", name) for name in query.image_ids]
    if query.text.strip():
        pairs.append(("text", query.text.strip()))
    if query.share is not None:
        pairs.append(("image_share", f"{query.share:g}"))
    pairs += [("view", view) for view in query.views] + [("sex", sex) for sex in query.sexes]
    if query.ages != plain.ages:
        pairs.append(("age", f"{query.ages[0]}-{query.ages[1]}"))
    pairs += [("finding", name) for name in query.findings]
    if query.where.strip():
        pairs.append(("where", query.where.strip()))
    for name in ("k", "policy", "one_per"):
        if getattr(query, name) != getattr(plain, name):
            pairs.append((name, str(getattr(query, name))))
    if query.same_patient:
        pairs.append(("same_patient", "yes"))
    return "?" + urlencode(pairs) if pairs else ""


def from_link(link: str) -> Query:
    """The query of a query string; what cannot be read is as on an empty page.

    >>> from_link(to_link(Query(text="tube", share=0.25, k=12))) == Query(text="tube", share=0.25, k=12)
    True
    """
    values, plain = parse_qs(link.lstrip("?")), Query()

    def one(name: str) -> str:
        return values.get(name, [""])[0]

    def of(name: str, known: tuple[str, ...], default: str) -> str:
        return one(name) if one(name) in known else default

    share = _number(one("image_share"))
    k = _number(one("k"))
    low, _, high = one("age").partition("-")
    ages = _number(low), _number(high)
    return Query(
        image_ids=tuple(values.get("film", [])[:MANY]),
        text=one("text"),
        share=None if share is None or not 0 <= share <= 1 else share,
        k=plain.k if k is None else int(min(max(k, 1), MOST)),
        views=tuple(name for name in values.get("view", []) if name in VIEWS),
        sexes=tuple(name for name in values.get("sex", []) if name in ("F", "M")),
        ages=plain.ages if None in ages else _range(*ages),
        findings=tuple(values.get("finding", [])),
        where=one("where"),
        same_patient=one("same_patient") == "yes",
        one_per=of("one_per", ONE_PER, plain.one_per),
        policy=of("policy", tuple(POLICIES), plain.policy),
    )


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if abs(value) < 1e9 else None


def _range(low: float | None, high: float | None) -> tuple[int, int]:
    first, last = sorted(int(min(max(age or 0, 0), OLDEST)) for age in (low, high))
    return first, last
