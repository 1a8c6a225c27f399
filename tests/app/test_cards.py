"""Answers as HTML: what is shared, what is escaped, what is said of few or no neighbours."""

from __future__ import annotations

import re

import numpy as np

from cxrneighbors.app.answer import Answer, Hit, Overlap, Target
from cxrneighbors.app.cards import answers_html, film_source, how_line
from cxrneighbors.app.film import Film
from cxrneighbors.app.query import Query

EVIL = "<script>alert('x')</script>"


def film(image_id: str, findings: tuple[str, ...] = (), report: str | None = None) -> Film:
    return Film(image_id, "p" + image_id, "s", "PA", "F", 50.0, findings, report, "d")


def hit(image_id: str, findings: tuple[str, ...] = (), report: str | None = None) -> Hit:
    return Hit(film(image_id, findings, report), 1.25, 1.0, 0.75, 0.64)


def answer(*hits: Hit, **more: object) -> Answer:
    target = Target(film("t", ("Mass", "Edema"), "No effusion. Mass."))
    return Answer(target, hits, "fused", len(hits), **more)


def plain(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def test_shared_findings_are_marked_in_words_too() -> None:
    html = answers_html([answer(hit("a", ("Mass", "Nodule")))], Query())
    assert re.search(r'<li class="shared">.*?✓</span>Mass<span class="sr-only"> \(shared', html, re.S)
    assert re.search(r"<li>Nodule</li>", html)
    assert "Mass 1/1" in plain(html) and "Edema 0/1" in plain(html)


def test_the_distance_is_split() -> None:
    text = plain(answers_html([answer(hit("a"))], Query()))
    assert "1.25 away" in text and "image 64 % report 36 %" in text


def test_a_neighbour_without_a_report_says_how_it_was_counted() -> None:
    alone = Hit(film("a"), 1.0, 0.5, float("nan"), None)
    assert "no report: taken at its mean distance" in plain(answers_html([answer(alone)], Query()))


def test_everything_from_the_data_is_escaped() -> None:
    evil = film(EVIL, (EVIL,), EVIL)
    html = answers_html(
        [
            Answer(Target(evil, text=EVIL), (Hit(evil, 1, 1, 1, None),), "image", 1),
            Answer(Target(), error=EVIL),
        ],
        Query(image_ids=(EVIL,), text=EVIL),
    )
    assert "<script" not in html and "&lt;script" in html


def test_the_source_of_a_film_is_its_id_quoted() -> None:
    assert film_source(film("../a b/ü?#.png")) == "film/..%2Fa%20b%2F%C3%BC%3F%23.png.png"


def test_too_few_and_none() -> None:
    few = Answer(Target(film("t")), (hit("a"),), "fused", 6)
    assert "Only 1 of the 6 asked for pass the filters." in plain(answers_html([few], Query()))
    none = Answer(Target(film("t")), (), "fused", 6)
    assert "No film passes the filters." in plain(answers_html([none], Query()))


def test_films_that_nobody_explains_have_no_button_for_it() -> None:
    assert "data-explain" not in answers_html([answer(hit("a"))], Query())
    assert "data-explain" in answers_html([answer(hit("a"))], Query(), explains=True)


def test_sentences() -> None:
    assert Overlap(1, 1, 0.5).sentence().startswith("1 of 1 neighbour shares a finding")
    assert "3 of 6 neighbours are labelled No Finding, as this film is" in Overlap(3, 6, 0.5, True).sentence()


def test_how_the_neighbours_were_chosen() -> None:
    said = how_line(answer(hit("a")), Query(policy="diverse", one_per="image", views=("PA",)))
    assert (
        said == "By image and report: near, but unlike in findings, of other patients, that pass the filters."
    )


def test_findings_are_counted_the_targets_own_first() -> None:
    counted = answer(hit("a", ("Nodule", "Edema")), hit("b", ("Nodule",))).counts()
    assert list(counted.items()) == [("Mass", 0), ("Edema", 1), ("Nodule", 2)]


def test_an_outside_film_has_its_neighbours_findings_counted() -> None:
    outside = Answer(Target(upload="token"), (hit("a", ("Mass",)), hit("b", ("Mass",))), "image", 2)
    html = answers_html([outside], Query(uploads=("token",)))
    assert "Among 2 neighbours: Mass 2." in plain(html)
    assert 'src="uploaded/token.png' in html and 'data-upload="yes"' in html
    assert np.isfinite(outside.hits[0].distance)
