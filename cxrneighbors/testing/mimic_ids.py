"""MIMIC's ids, dates and view texts for the rows of any study table."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
import pandas as pd

from cxrneighbors.data.splits import uniform_hash

# Where an image's view is written: share of images, cumulated.
_PLACES = ((0.70, "ViewPosition"), (0.82, "ViewCodeSequence"), (0.94, "description"), (1.0, "nowhere"))
_CODE_MEANING = {"PA": "postero-anterior", "AP": "antero-posterior", "LATERAL": "lateral"}
_PROCEDURE = {"PA": "CHEST (PA AND LAT)", "LATERAL": "CHEST (PA AND LAT)", "AP": "CHEST (PORTABLE AP)"}
_ORIENTATION = {"erect": "Erect", "supine": "Recumbent", "unknown": ""}
_KEPT = ("view", "position", "sex", "age", "findings", "report", "sections", "split")
_FIRST_YEAR, _YEARS = 2110, 80  # MIMIC-IV shifts dates into the next centuries


def shape_rows(studies: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """One row per image in MIMIC's order (subject, study, image), with ids hashed from the source's ids and
    MIMIC's dates and texts on the view, beside the source's findings, report and sections.

    Ids have MIMIC's form: subject 1nnnnnnn, study 5nnnnnnn, dicom_id five groups of eight hex digits. Two
    source ids that hash to one number take the next free one.
    """
    patients = [f"{d}/{p}" for d, p in zip(studies["dataset"], studies["patient_id"], strict=True)]
    visits = [f"{p}/{s}" for p, s in zip(patients, studies["study_id"], strict=True)]
    subject_of, study_of = _numbers(patients, 10_000_000), _numbers(visits, 50_000_000)
    rows = pd.DataFrame(
        {
            "source_id": studies["image_id"].to_numpy(),
            "source_study": visits,
            "source_path": studies["path"].to_numpy(),
            "image_id": [_dicom_id(p, i) for p, i in zip(patients, studies["image_id"], strict=True)],
            "patient_id": [subject_of[patient] for patient in patients],
            "study_id": [study_of[visit] for visit in visits],
            **{name: studies[name].to_numpy() for name in _KEPT},
        }
    )
    rows["uid"] = [f"2.25.{_number(image)}" for image in rows["image_id"]]
    rows["study_uid"] = [f"2.25.{_number('study' + study)}" for study in rows["study_id"]]
    _add_dates(rows)
    views = zip(rows["image_id"], rows["view"], rows["position"], strict=True)
    rows = rows.join(pd.DataFrame([_view_texts(*view, seed) for view in views]))
    return rows.sort_values(["patient_id", "study_id", "image_id"], kind="stable", ignore_index=True)


def unique_texts(texts: Iterable[object]) -> list[str]:
    """Non-blank texts, each once, in order."""
    return list(dict.fromkeys(text for text in texts if isinstance(text, str) and text.strip()))


def _number(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=12).digest(), "big")


def _numbers(names: list[str], first: int) -> dict[str, str]:
    """An eight-digit number for each name, from `first` on; taken ones give way in the order of names."""
    taken: set[int] = set()
    result = {}
    for name in sorted(set(names)):
        number = _number(name) % 10_000_000
        while number in taken:
            number = (number + 1) % 10_000_000
        taken.add(number)
        result[name] = str(first + number)
    return result


def _dicom_id(patient: str, image: str) -> str:
    digits = hashlib.blake2b(f"{patient}/{image}".encode(), digest_size=20).hexdigest()
    return "-".join(digits[start : start + 8] for start in range(0, 40, 8))


def _add_dates(rows: pd.DataFrame) -> None:
    """StudyDate, StudyTime, and the anchors of MIMIC-IV's patients table: age and year of the first study."""
    anchors = rows.groupby("patient_id")["age"].transform("min")
    study_age = rows.groupby("study_id")["age"].transform("min")
    later = (np.floor(study_age) - np.floor(anchors)).fillna(0).astype(int)
    rows["anchor_year"] = [_FIRST_YEAR + _number("year" + patient) % _YEARS for patient in rows["patient_id"]]
    # MIMIC-IV gives 91 to everybody older than 89.
    rows["anchor_age"] = np.floor(anchors).where(~(anchors > 89), 91)
    draws = [_number("day" + study) for study in rows["study_id"]]
    days = [f"{draw % 12 + 1:02d}{draw // 12 % 28 + 1:02d}" for draw in draws]
    years = rows["anchor_year"] + later
    rows["StudyDate"] = [f"{year}{day}" for year, day in zip(years, days, strict=True)]
    rows["StudyTime"] = [f"{_number('time' + study) % 24:02d}3014.531" for study in rows["study_id"]]


def _view_texts(image: str, view: str, position: str, seed: int) -> dict[str, str]:
    """The view in one of the places where MIMIC has it; nowhere for a few, and where it is not known."""
    draw = uniform_hash(image, seed)
    place = next(name for share, name in _PLACES if draw < share)
    if view == "UNKNOWN":
        place = "nowhere"
    left = view == "LATERAL" and uniform_hash(image, seed + 1) < 0.5
    coded, silent = place in ("ViewPosition", "ViewCodeSequence"), place == "nowhere"
    return {
        "ViewPosition": ("LL" if left else view) if place == "ViewPosition" else "",
        "ViewCodeSequence": _CODE_MEANING[view] if coded else "",
        "PerformedProcedureStepDescription": "" if silent else _PROCEDURE[view],
        "SeriesDescription": "" if silent else {"LATERAL": "Lateral"}.get(view, view),
        "PatientOrientationCodeSequence": _ORIENTATION[position],
    }
