"""MIMIC's ids, dates and view texts for the rows of any study table."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from cxrneighbors.data.splits import uniform_hash

# Where an image's view is written: share of images, cumulated.
_PLACES = ((0.70, "ViewPosition"), (0.82, "ViewCodeSequence"), (0.94, "description"), (1.0, "nowhere"))
_CODE_MEANING = {"PA": "postero-anterior", "AP": "antero-posterior", "LATERAL": "lateral"}
_PROCEDURE = {"PA": "CHEST (PA AND LAT)", "LATERAL": "CHEST (PA AND LAT)", "AP": "CHEST (PORTABLE AP)"}
_ORIENTATION = {"erect": "Erect", "supine": "Recumbent", "unknown": ""}
_FIRST_YEAR, _YEARS = 2110, 80  # MIMIC-IV shifts dates into the next centuries


@dataclass
class Shaped:
    """`rows`: one per image with MIMIC's ids and texts beside the source's findings, report and sections."""

    rows: pd.DataFrame

    @property
    def studies(self) -> int:
        """Number of studies."""
        return int(self.rows["study_id"].nunique())

    @property
    def patients(self) -> int:
        """Number of patients."""
        return int(self.rows["patient_id"].nunique())

    def ids(self) -> pd.DataFrame:
        """Which source image and study each id stands for, and how its DICOM is encoded."""
        names = ["source_id", "source_study", "image_id", "patient_id", "study_id", "encoding"]
        return self.rows[names].copy()


def shape_rows(studies: pd.DataFrame, seed: int = 0) -> Shaped:
    """Rows in MIMIC's order (subject, study, image) with ids hashed from the source's ids.

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
            **{
                name: studies[name].to_numpy()
                for name in ("view", "position", "sex", "age", "findings", "report", "sections", "split")
            },
        }
    )
    rows["uid"] = [f"2.25.{_number(image)}" for image in rows["image_id"]]
    rows["study_uid"] = [f"2.25.{_number('study' + study)}" for study in rows["study_id"]]
    rows["Rows"], rows["Columns"] = 0, 0
    _add_dates(rows)
    _add_views(rows, seed)
    order = ["patient_id", "study_id", "image_id"]
    return Shaped(rows.sort_values(order, kind="stable", ignore_index=True))


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
    known = rows.dropna(subset=["age"]).groupby("patient_id")["age"].min()
    anchors = [known.get(patient, math.nan) for patient in rows["patient_id"]]
    years, days = [], []
    study_age = rows.groupby("study_id")["age"].transform("min")
    for patient, study, age, anchor in zip(
        rows["patient_id"], rows["study_id"], study_age, anchors, strict=True
    ):
        first = _FIRST_YEAR + _number("year" + patient) % _YEARS
        later = 0 if math.isnan(age) or math.isnan(anchor) else math.floor(age) - math.floor(anchor)
        years.append(first + later)
        draw = _number("day" + study)
        days.append(f"{draw % 12 + 1:02d}{draw // 12 % 28 + 1:02d}")
    rows["anchor_year"] = [_FIRST_YEAR + _number("year" + patient) % _YEARS for patient in rows["patient_id"]]
    # MIMIC-IV gives 91 to everybody older than 89.
    rows["anchor_age"] = [math.nan if math.isnan(a) else 91 if a > 89 else math.floor(a) for a in anchors]
    rows["StudyDate"] = [f"{year}{day}" for year, day in zip(years, days, strict=True)]
    rows["StudyTime"] = [f"{_number('time' + study) % 24:02d}3014.531" for study in rows["study_id"]]


def _add_views(rows: pd.DataFrame, seed: int) -> None:
    """The view in one of the places where MIMIC has it; nowhere for a few, and where it is not known."""
    texts: dict[str, list[str]] = {
        name: []
        for name in (
            "ViewPosition", "ViewCodeSequence", "PerformedProcedureStepDescription", "SeriesDescription",
            "PatientOrientation",
        )
    }  # fmt: skip
    for image, view, position in zip(rows["image_id"], rows["view"], rows["position"], strict=True):
        draw = uniform_hash(image, seed)
        place = next(name for share, name in _PLACES if draw < share)
        if view == "UNKNOWN":
            place = "nowhere"
        left = view == "LATERAL" and uniform_hash(image, seed + 1) < 0.5
        texts["ViewPosition"].append(("LL" if left else view) if place == "ViewPosition" else "")
        coded = place in ("ViewPosition", "ViewCodeSequence")
        texts["ViewCodeSequence"].append(_CODE_MEANING[view] if coded else "")
        silent = place == "nowhere"
        texts["PerformedProcedureStepDescription"].append("" if silent else _PROCEDURE[view])
        texts["SeriesDescription"].append("" if silent else {"LATERAL": "Lateral"}.get(view, view))
        texts["PatientOrientation"].append(_ORIENTATION[position])
    for name, values in texts.items():
        rows[name] = values
