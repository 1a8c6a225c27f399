"""A radiology report for a study: sections, paraphrases, negations, doubt, and what gets left out.

Reports are imperfect on purpose. Subtle findings are missed or hedged more often than plain ones, findings
that are absent are sometimes suspected, and statements on bones or the aorta have nothing to do with the
labels. So neither film nor report tells all.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from cxrneighbors.phantom.patients import FINDINGS, Lesion, Patient, Study

# A finding of severity s goes unmentioned with MISSED * (1 - s)^2 + MISSED_PLAIN, and is hedged with
# probability HEDGED * (1 - s) + HEDGED_PLAIN otherwise.
MISSED, MISSED_PLAIN = 0.35, 0.05
HEDGED, HEDGED_PLAIN = 0.40, 0.10
SUSPECTED = 0.03  # an absent finding is brought up as a possibility
UNCHANGED = 0.05  # a follow-up report says 'unchanged' instead of telling again what was seen
BRIEF = 0.03  # a first report that leaves the findings to another examination
NEGATED = {"Effusion": 0.75, "Pneumothorax": 0.75, "Consolidation": 0.6, "Cardiomegaly": 0.5, "Edema": 0.25}
_NEGATED_OTHER = 0.04
_DEGREES = ("mild", "mild", "moderate", "severe")
_SIZES = ("trace", "small", "moderate", "large")


@dataclass(frozen=True)
class Report:
    """A report's text, its sections by lower-case name, and what it says of each finding that it mentions.

    mentions: finding -> 'present', 'uncertain' or 'absent'; findings it passes over are not in it.
    """

    text: str
    sections: dict[str, str]
    mentions: dict[str, str]


def write_report(patient: Patient, study: Study, rng: np.random.Generator) -> Report:
    """Write the report of one study; the same generator state gives the same text."""
    phrases = _phrases()
    first = study.study_id.endswith("_S1")
    mentions = _choose_mentions(study, rng)
    if rng.random() < (BRIEF if first else UNCHANGED):
        mentions = {name: status for name, status in mentions.items() if status == "absent"}
        return _report(patient, study, mentions, phrases["brief" if first else "unchanged"], rng)
    return _report(patient, study, mentions, [], rng)


def _report(
    patient: Patient, study: Study, mentions: dict[str, str], instead: list[str], rng: np.random.Generator
) -> Report:
    """The report that states `mentions`; its impression is one of `instead` where there are any."""
    phrases = _phrases()
    first = study.study_id.endswith("_S1")
    sections = {
        "indication" if rng.random() < 0.35 else "history": _history(patient, study, rng),
        "comparison": _pick(rng, phrases["comparison_first" if first else "comparison_later"]),
        "technique": _pick(rng, phrases["technique"][" ".join(study.views)]),
        "findings": _findings(study, mentions, rng),
        "impression": _pick(rng, instead) if instead else _impression(study, mentions, rng),
    }
    for name, dropped in (("technique", 0.5), ("comparison", 0.12), ("history", 0.05), ("findings", 0.04)):
        if name in sections and rng.random() < dropped:
            del sections[name]
    text = "\n\n".join(f"{name.upper()}: {body}" for name, body in sections.items())
    stated = mentions if "findings" in sections else _stated_in_impression(mentions)
    return Report(text, sections, stated)


def _choose_mentions(study: Study, rng: np.random.Generator) -> dict[str, str]:
    severity = {
        name: max(le.severity for le in study.lesions if le.finding == name) for name in study.findings
    }
    mentions = {}
    for finding in FINDINGS:
        draw = rng.random(2)
        if finding in severity:
            subtle = 1.0 - severity[finding]
            if draw[0] >= MISSED * subtle**2 + MISSED_PLAIN:
                mentions[finding] = "uncertain" if draw[1] < HEDGED * subtle + HEDGED_PLAIN else "present"
        elif draw[0] < SUSPECTED:
            mentions[finding] = "uncertain"
        elif draw[1] < NEGATED.get(finding, _NEGATED_OTHER):
            mentions[finding] = "absent"
    return mentions


def _history(patient: Patient, study: Study, rng: np.random.Generator) -> str:
    # One in seven histories is off the point, as requests for films are.
    histories = _phrases()["history"]
    condition = patient.condition if rng.random() > 0.15 else _pick(rng, sorted(histories))
    text = _pick(rng, histories[condition])
    if rng.random() < 0.4:
        person = "woman" if patient.anatomy.sex == "F" else "man"
        text = f"___-year-old {person}. {text}"
    return text


def _findings(study: Study, mentions: dict[str, str], rng: np.random.Generator) -> str:
    phrases = _phrases()
    positive, negative = [], _negatives(mentions, rng)
    for finding, status in mentions.items():
        if status == "present":
            positive.append(_fill(_pick(rng, phrases["present"][finding]), finding, study, rng))
        elif status == "uncertain":
            positive.append(_fill(_pick(rng, phrases["uncertain"]), finding, study, rng))
    rng.shuffle(positive)
    n_normal = int(rng.integers(1, 3)) if not positive else int(rng.random() < 0.3)
    filler = _normal(mentions, study, n_normal, rng)
    devices = [_pick(rng, phrases["devices"][name]) for name in study.devices if rng.random() < 0.6]
    incidental = []
    for chance in (0.3, 0.1):
        if rng.random() < chance:
            incidental.append(_fill(_pick(rng, phrases["incidental"]), "", study, rng))
    blocks = (
        [devices, positive, filler + negative]
        if rng.random() < 0.6
        else [filler, positive, negative, devices]
    )
    return " ".join(sentence for block in [*blocks, dict.fromkeys(incidental)] for sentence in block)


def _negatives(mentions: dict[str, str], rng: np.random.Generator) -> list[str]:
    phrases = _phrases()
    left = [finding for finding, status in mentions.items() if status == "absent"]
    sentences = []
    for pair, variants in phrases["absent_pairs"].items():
        names = pair.split("|")
        if all(name in left for name in names) and rng.random() < 0.6:
            sentences.append(_pick(rng, variants))
            left = [name for name in left if name not in names]
    sentences += [_pick(rng, phrases["absent"][finding]) for finding in left]
    rng.shuffle(sentences)
    return sentences


def _normal(mentions: dict[str, str], study: Study, n: int, rng: np.random.Generator) -> list[str]:
    """Statements of normality; 'clear lungs' only where no lung finding is mentioned."""
    sentences = list(_phrases()["normal"])
    ill = [finding for finding, status in mentions.items() if status != "absent"]
    if ill:
        sentences = [text for text in sentences if "clear" not in text and "silhouette" not in text]
    if set(ill) & {"Edema", "Emphysema", "Cardiomegaly"}:
        sentences = [text for text in sentences if "vasculature" not in text and "volumes" not in text]
    return [str(text) for text in rng.choice(sentences, size=min(n, len(sentences)), replace=False)]


def _impression(study: Study, mentions: dict[str, str], rng: np.random.Generator) -> str:
    phrases = _phrases()["impression"]
    stated = _stated_in_impression(mentions)
    sure = [finding for finding, status in stated.items() if status == "present"]
    sentences = []
    rng.shuffle(sure)
    for first in range(0, len(sure), 2):
        pair = sure[first : first + 2]
        form = _pick(rng, phrases["several" if len(pair) == 2 else "one"])
        sentences.append(_fill(form, pair[0], study, rng, other=pair[-1]))
    for finding, status in stated.items():
        if status == "uncertain":
            sentences.append(_fill(_pick(rng, phrases["uncertain"]), finding, study, rng))
    if not sentences:
        sentences.append(_pick(rng, phrases["normal"]))
    if rng.random() < 0.25:
        sentences.append(_pick(rng, phrases["tail"]))
    return " ".join(sentences)


def _stated_in_impression(mentions: dict[str, str]) -> dict[str, str]:
    return {finding: status for finding, status in mentions.items() if status != "absent"}


def _fill(form: str, finding: str, study: Study, rng: np.random.Generator, other: str = "") -> str:
    lesions = [lesion for lesion in study.lesions if lesion.finding == finding]
    severity = max((lesion.severity for lesion in lesions), default=0.2)
    # Radiologists do not grade alike: the word is the severity seen through some noise.
    grade = int(np.clip((severity + rng.normal(0.0, 0.12)) * 4.0, 0, 3))
    names = _phrases()["names"]
    side = _side(lesions, rng)
    words = {
        "degree": _DEGREES[grade],
        "degree_ly": ("mildly", "mildly", "moderately", "severely")[grade],
        "size": _SIZES[grade],
        "side": side,
        "where": "basilar" if side == "bilateral" else f"{side} lung",
        "side_or_blank": f"{side} " if side in ("left", "right") and finding != "Cardiomegaly" else "",
        "zone": _zone(lesions, rng),
        "name": _pick(rng, names[finding]) if finding else "",
        "other": _pick(rng, names[other]) if other else "",
        "cm_small": f"{0.9 + 1.6 * max((le.extent for le in lesions), default=0.2):.1f}",
        "cm_large": f"{3.2 + 3.5 * max((le.extent for le in lesions), default=0.2):.1f}",
    }
    words |= {key.capitalize(): value[:1].upper() + value[1:] for key, value in words.items()}
    return form.format(**words)


def _side(lesions: list[Lesion], rng: np.random.Generator) -> str:
    sides = {lesion.side for lesion in lesions if lesion.side != "middle"}
    if len(sides) == 2:
        return "bilateral"
    return sides.pop() if sides else _pick(rng, ["right", "left"])


def _zone(lesions: list[Lesion], rng: np.random.Generator) -> str:
    if not lesions:
        return _pick(rng, ["upper", "mid", "lower"])
    height = lesions[0].place[1]
    return "lower" if height < 0.36 else "mid" if height < 0.62 else "upper"


def _pick(rng: np.random.Generator, values: list[str]) -> str:
    """One of `values`; earlier ones more often, as a few turns of phrase make up most of real reports."""
    weights = 1.0 / (1.0 + np.arange(len(values)))
    return values[int(rng.choice(len(values), p=weights / weights.sum()))]


@cache
def _phrases() -> dict[str, Any]:
    text = files("cxrneighbors.phantom").joinpath("report_phrases.json").read_text(encoding="utf-8")
    phrases: dict[str, Any] = json.loads(text)
    return phrases
