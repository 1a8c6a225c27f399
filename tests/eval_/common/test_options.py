from __future__ import annotations

from pathlib import Path

import pytest

from common.options import RESULTS, options, run, sample_name
from cxrneighbors.errors import UserError


def test_shared_options_have_usual_defaults_unless_the_script_has_its_own():
    given = options("What it does.", "root", "-k", "--epochs", "--results", epochs=3).parse_args(["data"])
    assert vars(given) == {"root": Path("data"), "k": 5, "epochs": 3, "results": RESULTS}
    assert Path(__file__).parents[3] / "eval" / "results" == RESULTS


def test_an_option_that_was_not_asked_for_is_refused(capsys):
    with pytest.raises(SystemExit):
        options("", "-k").parse_args(["--epochs", "3"])
    assert "--epochs" in capsys.readouterr().err


def test_training_sets_are_pairs_and_the_sample_is_named_by_data_set_and_folder():
    parser = options("", "dataset", "root", "--train", "--name")
    given = parser.parse_args(["openi", "a/b", "--train", "x", "y", "--train", "z", "w"])
    assert given.train == [["x", "y"], ["z", "w"]]
    assert sample_name(given) == "openi-b"
    assert sample_name(parser.parse_args(["openi", "a/b", "--name", "mine"])) == "mine"


def test_a_users_mistake_is_one_line_and_exit_code_2(capsys):
    def main() -> None:
        raise UserError("root: no such folder; give one")

    with pytest.raises(SystemExit) as stopped:
        run(main)
    assert stopped.value.code == 2
    assert capsys.readouterr().err == "root: no such folder; give one\n"
