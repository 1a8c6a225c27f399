"""The archive against the index's own search and against counts by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cxrneighbors.app.archive import Archive
from cxrneighbors.app.film import Film
from cxrneighbors.app.query import Query
from cxrneighbors.app.uploads import Uploads
from cxrneighbors.data.pixels import read_pixels
from cxrneighbors.errors import UserError


@pytest.fixture
def image_id(archive: Archive) -> str:
    studies = archive.studies
    return str(studies["image_id"][(studies["view"] == "PA").idxmax()])


def test_neighbours_are_those_of_the_index(archive: Archive, uploads: Uploads, image_id: str) -> None:
    found = archive.search(Query(image_ids=(image_id,), k=4, one_per="image"), uploads)[0]
    expected = archive.index.search(image_id, k=4)
    assert [hit.film.image_id for hit in found.hits] == expected["neighbor_id"].tolist()
    for name in ("distance", "image_distance", "report_distance"):
        values = [getattr(hit, name) for hit in found.hits]
        assert values == pytest.approx(expected[name].tolist())
    shares = expected["image_distance"] ** 2 / expected["distance"] ** 2  # weights are 1 and 1
    assert [hit.image_share for hit in found.hits] == pytest.approx(shares.tolist())


@pytest.mark.parametrize(
    "asked",
    [
        {"where": "view == 'AP'", "policy": "diverse"},
        {"one_per": "study", "include_same_patient": True},
        {"weights": {"image": 0.5, "report": 1.5}},
    ],
)
def test_every_option_reaches_the_index(
    archive: Archive, uploads: Uploads, image_id: str, asked: dict
) -> None:
    given = {
        "where": "where",
        "policy": "policy",
        "one_per": "one_per",
        "include_same_patient": "same_patient",
    }
    options = {given[name]: value for name, value in asked.items() if name in given}
    options |= {"share": 0.25} if "weights" in asked else {}
    query = Query(image_ids=(image_id,), k=5, **({"one_per": "image"} | options))
    found = archive.search(query, uploads)[0]
    expected = archive.index.search(image_id, k=5, **asked)
    assert [hit.film.image_id for hit in found.hits] == expected["neighbor_id"].tolist()


def test_words_and_films_together(archive: Archive, uploads: Uploads, image_id: str) -> None:
    words = archive.search(Query(text="pleural effusion", k=3, one_per="image"), uploads)[0]
    expected = archive.index.search(text="pleural effusion", k=3)
    assert [hit.film.image_id for hit in words.hits] == expected["neighbor_id"].tolist()
    assert words.overlap is None and words.hits[0].image_share is None
    both = archive.search(Query((image_id,), text="pleural effusion", k=3, one_per="image"), uploads)[0]
    expected = archive.index.search(image_id, text=["pleural effusion"], k=3)
    assert [hit.film.image_id for hit in both.hits] == expected["neighbor_id"].tolist()


def test_an_uploaded_copy_is_known_and_its_patient_left_out(
    archive: Archive, uploads: Uploads, image_id: str
) -> None:
    path = archive.studies.set_index("image_id")["path"][image_id]
    token = uploads.add(read_pixels(path))
    found = archive.search(Query(uploads=(token,), k=3), uploads)[0]
    assert found.target.film == archive.film(image_id)
    assert found.target.film.patient not in {hit.film.patient for hit in found.hits}


def test_a_film_from_outside(archive: Archive, uploads: Uploads) -> None:
    token = uploads.add(np.random.default_rng(0).random((50, 40)).astype(np.float32))
    found = archive.search(Query(uploads=(token, "gone"), k=3), uploads)
    assert found[0].target.film is None and len(found[0].hits) == 3
    assert "choose the file again" in (found[1].error or "")


def test_the_overlap_is_counted_and_compared_with_random_films(
    archive: Archive, uploads: Uploads, image_id: str
) -> None:
    query = Query(image_ids=(image_id,), k=5, views=("PA",), one_per="image")
    found = archive.search(query, uploads)[0]
    overlap, own = found.overlap, set(found.target.findings)
    assert overlap is not None
    assert overlap.shared == sum(bool(own & set(hit.film.findings)) for hit in found.hits)
    studies = archive.studies
    others = studies[(studies["view"] == "PA") & (studies["patient_id"] != found.target.film.patient)]
    by_hand = np.mean([bool(own & set(names)) for names in others["findings"]])
    assert overlap.expected == pytest.approx(by_hand) and overlap.filtered
    assert "that pass the filters" in overlap.sentence()


def test_fewer_than_k_are_shown_not_refused(archive: Archive, uploads: Uploads, image_id: str) -> None:
    other = archive.studies["image_id"].iloc[-1]
    found = archive.search(Query((image_id,), k=5, where=f"image_id == {other!r}"), uploads)[0]
    assert len(found.hits) == 1 and found.wanted == 5
    none = archive.search(Query((image_id,), k=5, ages=(129, 130)), uploads)[0]
    assert none.hits == () and none.error is None and none.overlap is None


def test_filters_are_the_rows_that_a_table_would_give(archive: Archive) -> None:
    studies = archive.studies
    query = Query(views=("AP", "LATERAL"), sexes=("F",), ages=(40, 70), findings=("Effusion", "Mass"))
    expected = (
        studies["view"].isin(["AP", "LATERAL"])
        & (studies["sex"] == "F")
        & studies["age"].between(40, 70)
        & studies["findings"].map(lambda names: bool({"Effusion", "Mass"} & set(names)))
    )
    assert archive.allowed(query).tolist() == expected.tolist()
    assert archive.allowed(Query()).all()


@pytest.mark.parametrize("where", ["age > > 3", "wiew == 'PA'", "1) or (1", "view"])
def test_a_predicate_says_what_is_wrong(archive: Archive, where: str) -> None:
    with pytest.raises(UserError, match="where: "):
        archive.allowed(Query(where=where, views=("PA",)))


def test_an_unknown_film_has_an_answer_that_says_so(archive: Archive, uploads: Uploads) -> None:
    found = archive.search(Query(image_ids=("nobody",)), uploads)[0]
    assert "'nobody': not in this index" in (found.error or "")


def test_suggestions_have_every_word(archive: Archive, image_id: str) -> None:
    films, count = archive.suggest("EFFUSION pa", limit=3)
    assert len(films) == 3 <= count
    assert all("Effusion" in film.findings and film.view == "PA" for film in films)
    assert archive.suggest(image_id)[0][0] == archive.film(image_id)
    assert archive.suggest("no such film") == ([], 0)
    assert archive.suggest("")[1] == len(archive.studies)


def test_films_by_id_and_no_path(archive: Archive, image_id: str) -> None:
    row = archive.studies.set_index("image_id").loc[image_id]
    assert np.array_equal(archive.pixels(image_id), read_pixels(row["path"]))
    film = archive.film(image_id)
    assert (film.patient, film.findings) == (row["patient_id"], tuple(row["findings"]))
    assert row["path"] not in repr(film)


def test_a_film_that_is_gone_is_told_of_by_its_id(index_folder: Path) -> None:
    archive = Archive.open(index_folder)
    archive.index.studies["path"] = "/nowhere/x.png"
    image_id = archive.studies["image_id"].iloc[0]
    with pytest.raises(UserError) as error:
        archive.pixels(image_id)
    assert image_id in str(error.value) and "nowhere" not in str(error.value)


def test_a_film_with_nothing_known() -> None:
    row = pd.Series(
        {
            "image_id": "a",
            "patient_id": "p",
            "study_id": "s",
            "view": "UNKNOWN",
            "sex": None,
            "age": np.nan,
            "findings": [],
            "report": " ",
            "dataset": "d",
        }
    )
    film = Film.of(row)
    assert film.about() == "view unknown" and film.report is None and film.findings == ()
