"""A film as the page tells of it."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class Film:
    """A row of the study table; None and NaN where it says nothing. It has no path."""

    image_id: str
    patient: str
    study: str
    view: str
    sex: str | None
    age: float
    findings: tuple[str, ...]
    report: str | None
    dataset: str

    @classmethod
    def of(cls, row: pd.Series) -> Film:
        """A row of a study table."""
        report = row["report"]
        return cls(
            image_id=row["image_id"],
            patient=row["patient_id"],
            study=row["study_id"],
            view=row["view"],
            sex=row["sex"] if isinstance(row["sex"], str) else None,
            age=float(row["age"]),
            findings=tuple(row["findings"]),
            report=report if isinstance(report, str) and report.strip() else None,
            dataset=row["dataset"],
        )

    def about(self) -> str:
        """View, age and sex in a few words.

        >>> Film("a", "p", "s", "PA", "F", 61.0, (), None, "d").about()
        'PA, 61 years, female'
        """
        sex = {"F": "female", "M": "male"}.get(self.sex or "")
        view = {"LATERAL": "lateral", "UNKNOWN": "view unknown"}.get(self.view, self.view)
        age = None if self.age != self.age else f"{self.age:.0f} years"
        return ", ".join(part for part in (view, age, sex) if part)
