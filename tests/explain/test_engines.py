"""Films explained with steps side by side: the bytes of one after the other, mistakes at their own film."""

from __future__ import annotations

import os
import signal
import sys

import numpy as np
import pytest

from cxrneighbors.data.skipped import read_skipped
from cxrneighbors.errors import UserError
from cxrneighbors.explain import engines
from cxrneighbors.explain.cohort import Asked, Cohort, Unwritten
from cxrneighbors.explain.many import explain_many
from cxrneighbors.explain.registry import build_explainer

FILMS = ["p0", "p77", "p1", "p0", "p2"]


@pytest.fixture
def build(world, model, options):
    def make(**more):
        given = {**options, "n_masks": 12, "k": 2, "segmentation": "slic", **more}
        return build_explainer("kp-lime", model, world.index, **given)

    return make


@pytest.fixture
def in_processes(monkeypatch):
    """Panels are drawn by another process, however few films there are."""
    monkeypatch.setattr(engines, "WORTH", 1)
    monkeypatch.setattr(engines, "usable_cpus", lambda: 2)


def files_of(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def one_after_the_other(explainer, films, out):
    """The bytes that each film by itself leaves, and the rows."""
    cohort = Cohort(explainer, "Nodule", out, 0.5)
    return [cohort.one(Asked(film)) for film in films], files_of(out)


def test_the_same_bytes_as_one_after_the_other_also_after_an_interruption(
    build, in_processes, tmp_path, monkeypatch
):
    explainer, seen = build(), []
    real = type(explainer).explain_film

    def stopped(self, film, target):
        seen.append(film.image_id)
        if len(seen) == 3:
            raise KeyboardInterrupt
        return real(self, film, target)

    with monkeypatch.context() as patch:
        patch.setattr(type(explainer), "explain_film", stopped)
        with pytest.raises(KeyboardInterrupt):
            explain_many(explainer, FILMS, "Nodule", tmp_path / "out")
        # What was scored has been written.
        assert {path.parent.name for path in (tmp_path / "out").glob("films/*/panel.png")} == {"p0", "p1"}
        patch.setattr(engines, "WORTH", 16)
        table = explain_many(explainer, FILMS, "Nodule", tmp_path / "out")
    assert seen == ["p0", "p1", "p2", "p2"]
    rows, files = one_after_the_other(build(), FILMS, tmp_path / "alone")
    found = files_of(tmp_path / "out")
    assert {name: found[name] for name in files} == files and len(files) == 3 * 4
    assert table.to_dict(orient="records") == [rows[place] for place in (0, 2, 4)]
    assert read_skipped(tmp_path / "out")["item"].tolist() == ["p77"]


def test_a_mistake_in_the_look_ahead_is_told_at_its_own_film(build, tmp_path, monkeypatch):
    explainer, at = build(), {}
    read, explain = type(explainer.reader).read, type(explainer).explain_film

    def noted(self, image, *said):
        at.setdefault(image, len(done))
        return read(self, image, *said)

    def slow(self, film, target):
        done.append(film.image_id)
        return explain(self, film, target)

    done = []
    monkeypatch.setattr(type(explainer.reader), "read", noted)
    monkeypatch.setattr(type(explainer), "explain_film", slow)
    outcomes = engines.locally(Cohort(explainer, "Nodule", tmp_path, 0.5), [Asked(each) for each in FILMS])
    assert next(outcomes)["image_id"] == "p0" and done == ["p0"]
    assert "'p77': not in the index" in str(next(outcomes)) and done == ["p0"]
    assert [row["image_id"] for row in outcomes] == ["p1", "p0", "p2"] and done == ["p0", "p1", "p2"]


def test_a_killed_process_of_panels_is_told_and_the_run_goes_on(build, in_processes, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(Unwritten, "write", _die)
        with pytest.raises(UserError, match=r"panels is lost \(\w+\).*run the same command again"):
            explain_many(build(), FILMS[:3], "Nodule", tmp_path / "out")  # as many as are handed over
    monkeypatch.setattr(engines, "WORTH", 16)
    assert len(explain_many(build(), FILMS[:1], "Nodule", tmp_path / "out")) == 1


def _die(self):
    os.kill(os.getpid(), signal.SIGKILL)


def test_without_ray_the_extra_is_named_and_nothing_written(build, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UserError, match=r"pip install 'cxrneighbors\[ray\]'"):
        explain_many(build(), ["p0"], "Nodule", tmp_path / "out", engine="ray")
    with pytest.raises(UserError, match="unknown engine 'spark'; choose one of: local, ray"):
        explain_many(build(), ["p0"], "Nodule", tmp_path / "out", engine="spark")
    assert not list(tmp_path.iterdir())


def test_on_ray_a_film_is_in_one_hand(build, world, tmp_path, monkeypatch):
    """Actors played by a loop: groups of askings of one film, and their outcomes in order."""
    groups = []

    def played(cohort, work, items, device):
        groups.extend(items)
        return iter([work(cohort, item) for item in items])

    monkeypatch.setattr(engines, "by_actors", played)
    film = np.ones((48, 48)) / 2
    asked = [Asked(image) for image in ("p0", film, "p1", world.folder / "p0.png", "p77")]
    outcomes = list(engines.on_ray(Cohort(build(), "Nodule", tmp_path, 0.5), asked))
    assert [len(group) for group in groups] == [2, 1, 1, 1]
    assert outcomes[0] == outcomes[3] and outcomes[2]["image_id"] == "p1"
    assert outcomes[1]["folder"].startswith("films/array-") and "not in the index" in str(outcomes[4])
