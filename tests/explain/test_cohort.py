"""One film of many: its folder's name, its steps, and what is known of it before it is decoded."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from PIL import Image

from cxrneighbors.errors import UserError
from cxrneighbors.explain.cohort import Asked, Cohort, Read, Unwritten, film_name
from cxrneighbors.explain.explanation import Explanation
from cxrneighbors.explain.films import Film, FilmReader
from cxrneighbors.explain.registry import build_explainer


@pytest.fixture
def cohort(world, model, options, tmp_path):
    def make(**more):
        given = {**options, "n_masks": 20, "k": 2, "segmentation": "slic", **more}
        explainer = build_explainer("kp-lime", model, world.index, **given)
        return Cohort(explainer, "Nodule", tmp_path / "out", 0.5)

    return make


def test_names_of_folders_are_safe_and_do_not_meet(world, tmp_path):
    def named(image_id):
        return film_name(Film(np.zeros((1, 2, 2), np.float32), image_id), image_id)

    assert named("00000075_000.png") == "00000075_000.png"
    odd = [named(each) for each in ("a/b", "a_b", "../x", "..", "a b", "", "x" * 300, "x" * 301)]
    assert (
        len(set(odd)) == 8
        and max(map(len, odd)) < 120
        and all("/" not in name and not name.startswith(".") for name in odd)
    )
    for folder, value in (("one", 1), ("two", 2)):
        (tmp_path / folder).mkdir()
        Image.fromarray(np.full((9, 9), value, np.uint8)).save(tmp_path / folder / "film.png")
    reader = FilmReader(None, None)
    paths = [tmp_path / "one" / "film.png", tmp_path / "two" / "film.png"]
    assert len({film_name(reader.read(path), path) for path in paths}) == 2
    said = [{}, {"patient_id": "1"}, {"patient_id": "2"}, {"text": "1"}, {"view": "PA"}]
    assert len({film_name(reader.read(paths[0], **each), paths[0]) for each in said}) == 5
    arrays = [np.zeros((4, 4)), np.zeros((2, 8)), np.ones((4, 4))]
    assert len({film_name(reader.read(array), array) for array in arrays}) == 3


def test_one_film_is_its_steps_whoever_writes_it(cohort):
    films = cohort()
    made = films.explained(films.read(Asked("p0")))
    assert isinstance(made, Unwritten) and not made.folder.exists() and not made.kept
    sent = pickle.loads(pickle.dumps(made))  # noqa: S301
    assert set(sent.reader.studies["image_id"]) == {"p0", *made.explanation.neighbours["neighbor_id"]}
    row = sent.write()
    assert row == made.row and (films.folder / row["folder"] / "panel.png").is_file()
    assert films.explained(films.read(Asked("p0"))) == row == films.one(Asked("p0"))
    alone = films.explainer.explain("p0", "Nodule")
    assert (Explanation.load(films.folder / "films/p0").weights == alone.weights).all()


def test_a_panel_that_is_missing_is_drawn_and_nothing_explained_again(cohort, monkeypatch):
    films = cohort()
    row = films.one(Asked("p0"))
    panel = films.folder / "films/p0/panel.png"
    content = panel.read_bytes()
    films.explainer.explain("p0", "Nodule").save(panel.parent)
    assert not panel.exists()
    monkeypatch.setattr(type(films.explainer), "explain_film", None)
    assert films.one(Asked("p0")) == row and panel.read_bytes() == content


def test_mistakes_are_handed_back(cohort, tmp_path, monkeypatch):
    films = cohort()
    assert "not in the index" in str(films.one(Asked("p77")))
    made = films.explained(films.read(Asked("p0")))
    monkeypatch.setattr("cxrneighbors.explain.cohort.full_size", _refuse)
    assert str(made.write()) == "no" and (made.folder / "explanation.npz").is_file()


def _refuse(*arguments):
    raise UserError("no")


def test_reading_ahead_cuts_the_film_where_that_is_safe(cohort):
    for more, ahead in (({}, 1), ({"segmentation": lambda film: np.arange(48 * 48).reshape(48, 48) % 5}, 0)):
        films = cohort(**more)
        read = films.read_ahead(Asked("p0"))
        assert isinstance(read, Read) and len(films.explainer.masking.segments._maps) == ahead


def test_a_film_of_one_segment_is_told_when_it_is_explained(cohort, tmp_path):
    Image.fromarray(np.full((48, 48), 90, np.uint8)).save(tmp_path / "flat.png")
    films = cohort(segmentation="felzenszwalb")
    read = films.read_ahead(Asked(tmp_path / "flat.png"))
    assert isinstance(read, Read) and "one segment covers the whole film" in str(films.explained(read))


def test_equal_folders_have_equal_keys(cohort, world, tmp_path):
    films, array = cohort(), np.zeros((48, 48))
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        Image.fromarray(np.full((9, 9), 7, np.uint8)).save(tmp_path / name / "film.png")
    one, two = tmp_path / "one/film.png", tmp_path / "two/film.png"
    same = [("p3", world.folder / "p3.png"), (one, two), (array, array[None]), (tmp_path, tmp_path / "none")]
    keys = [[films.key(Asked(image)) for image in pair] for pair in same]
    assert all(first == second for first, second in keys) and len({first for first, _ in keys}) == 4
    assert films.key(Asked(one, "4")) != keys[1][0] and keys[3][0] == ""
    for pair in same[:3]:
        assert len({read.folder for read in map(films.read, map(Asked, pair))}) == 1
