"""Answers as HTML: the target beside the cards of its neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import quote

from markupsafe import Markup

from cxrneighbors.app.answer import Answer
from cxrneighbors.app.film import Film
from cxrneighbors.app.link import to_link
from cxrneighbors.app.query import Query
from cxrneighbors.app.report_html import report_html

if TYPE_CHECKING:
    from jinja2 import Environment

BY = {"image": "By image", "report": "By report", "fused": "By image and report"}
POLICY = {
    "nearest": "the nearest",
    "diverse": "near, but unlike in findings",
    "cluster": "of the target's cluster",
    "random": "drawn at random",
}


def answers_html(answers: Sequence[Answer], query: Query, explains: bool = False) -> str:
    """The results of a search; `explains`: a classifier is there to explain films.

    Every text from the data is escaped by the template engine.
    """
    long = all(len(answer.hits) <= 12 for answer in answers)
    return (
        environment()
        .get_template("answers.html")
        .render(
            answers=answers,
            link=to_link(query),
            has_upload=bool(query.uploads),
            open_reports=long,
            explains=explains,
            how=lambda answer: how_line(answer, query),
        )
    )


def how_line(answer: Answer, query: Query) -> str:
    """How the neighbours were chosen: 'By image: the nearest, of other patients.'"""
    own = "of all patients" if query.same_patient else "of other patients"
    if answer.target.film is None:
        own = "of all patients"
    each = "" if query.one_per == "image" else f", one of each {query.one_per}"
    filtered = ", that pass the filters" if query.filter() else ""
    return f"{BY[answer.modality]}: {POLICY[query.policy]}, {own}{each}{filtered}."


def film_source(film: Film) -> str:
    """Where the server has the film's picture."""
    return f"film/{quote(film.image_id, safe='')}.png"


@cache
def environment() -> Environment:
    """The templates, which escape what is put into them."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader("cxrneighbors.app", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "marked": lambda text: Markup(report_html(text)),
        "readable": lambda name: name.replace("_", " "),
        "source": film_source,
    }
    return made
