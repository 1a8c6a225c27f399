"""The labeler on sentences whose author had not seen its rules; `sentences_of_others.csv` holds them.

`none` says that the sentence states nothing of the finding (an indication, a limitation, a decoy). Rules may
be improved on the development half, the held-back half is only measured. "Likely", "consistent with" count as
present, "may", "versus", "concerning for", "borderline" as uncertain, "no definite", "no large" as absent;
what is old, healed or unchanged is present, what has resolved or been removed is absent.
"""

import csv
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from cxrneighbors.reports.labeler.labels import label_report
from cxrneighbors.reports.labeler.rules import load_rules

STATUSES = ("present", "uncertain", "absent", "none")
PARTS = ("development", "held-back")
FLOOR = 0.8  # of the checks of a part


def read_checks() -> list[dict[str, str]]:
    with Path(__file__).with_name("sentences_of_others.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


CHECKS = read_checks()


def sentences(part: str) -> set[str]:
    return {check["sentence"] for check in CHECKS if check["part"] == part}


def test_every_check_has_its_four_known_values():
    names = load_rules().groups
    for check in CHECKS:
        assert list(check) == ["part", "sentence", "finding", "status"]
        assert check["part"] in PARTS and check["status"] in STATUSES, check
        assert check["finding"] in names, check
        assert check["sentence"] == check["sentence"].strip() != "", check


def test_no_check_and_no_sentence_comes_twice():
    pairs = Counter((check["sentence"].lower(), check["finding"]) for check in CHECKS)
    assert max(pairs.values()) == 1
    assert not sentences("development") & sentences("held-back")


def test_the_halves_are_halves():
    development, held_back = (len(sentences(part)) for part in PARTS)
    assert development + held_back >= 400
    assert abs(development - held_back) <= 1


@pytest.mark.parametrize("part", PARTS)
def test_most_statuses_are_right(part):
    right, total = defaultdict(int), defaultdict(int)
    for check in (check for check in CHECKS if check["part"] == part):
        found = {label.finding: label.status for label in label_report(check["sentence"])}
        total[check["status"]] += 1
        right[check["status"]] += found.get(check["finding"], "none") == check["status"]
    shares = ", ".join(f"{status} {right[status]}/{total[status]}" for status in STATUSES)
    share = sum(right.values()) / sum(total.values())
    print(f"{part}: {share:.3f} right of {sum(total.values())} ({shares})")
    assert share >= FLOOR
