"""Who the phantom patients are: conditions, studies over time, and the lesions of each study."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from cxrneighbors.phantom.anatomy import Anatomy, sample_anatomy

FINDINGS = (
    "Atelectasis",
    "Cardiomegaly",
    "Consolidation",
    "Edema",
    "Effusion",
    "Emphysema",
    "Mass",
    "Nodule",
    "Pleural_Thickening",
    "Pneumothorax",
)
# Findings that stay from one study of a patient to the next; the others come and go.
CHRONIC = ("Cardiomegaly", "Emphysema", "Mass", "Nodule", "Pleural_Thickening")
_RARELY_BILATERAL = {"Atelectasis": 0.3, "Consolidation": 0.25, "Effusion": 0.50, "Pleural_Thickening": 0.3}

# Condition: share of patients, chance that a study is an AP bedside film, chance of each finding per study.
CONDITIONS: dict[str, tuple[float, float, dict[str, float]]] = {
    "healthy": (0.31, 0.08, {"Nodule": 0.03, "Atelectasis": 0.02}),
    "heart failure": (
        0.17, 0.55, {"Cardiomegaly": 0.92, "Edema": 0.62, "Effusion": 0.55, "Atelectasis": 0.12}
    ),
    "pneumonia": (0.13, 0.40, {"Consolidation": 0.82, "Effusion": 0.28, "Atelectasis": 0.14, "Edema": 0.04}),
    "COPD": (
        0.11, 0.25, {"Emphysema": 0.95, "Pneumothorax": 0.10, "Nodule": 0.16, "Consolidation": 0.14,
                     "Pleural_Thickening": 0.10}
    ),
    "cancer": (
        0.10, 0.30, {"Mass": 0.74, "Nodule": 0.40, "Effusion": 0.36, "Atelectasis": 0.22, "Emphysema": 0.10}
    ),
    "surgery": (
        0.09, 0.75, {"Atelectasis": 0.66, "Effusion": 0.50, "Pneumothorax": 0.22, "Cardiomegaly": 0.20}
    ),
    "pneumothorax": (0.05, 0.35, {"Pneumothorax": 0.86, "Atelectasis": 0.15, "Emphysema": 0.15}),
    "pleural disease": (
        0.04, 0.20, {"Pleural_Thickening": 0.92, "Effusion": 0.30, "Atelectasis": 0.20, "Nodule": 0.08}
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Lesion:
    """One place where a finding shows.

    side: 'right' or 'left' of the patient, 'middle' for the heart. severity: 0 (barely seen) to 1.
    place: (medial 0 to lateral 1, diaphragm 0 to apex 1, front 0 to back 1) within the lung. extent: relative
    size. seed: its texture.
    """

    finding: str
    side: str
    severity: float
    place: tuple[float, float, float]
    extent: float
    seed: int


@dataclass(frozen=True)
class Study:
    """One examination: its films, lesions and devices, and the settings that films of it share."""

    study_id: str
    views: tuple[str, ...]
    position: str  # 'erect' or 'supine'
    age: float
    lesions: tuple[Lesion, ...]
    devices: tuple[str, ...]
    inspiration: float  # 0 shallow to 1 deep
    seed: int

    @property
    def findings(self) -> tuple[str, ...]:
        """Names of the findings present, in alphabetical order; empty when there is none."""
        return tuple(sorted({lesion.finding for lesion in self.lesions}))

    def without(self, finding: str) -> Study:
        """The same study with `finding` gone: all else is drawn alike."""
        return replace(self, lesions=tuple(item for item in self.lesions if item.finding != finding))


@dataclass(frozen=True)
class Patient:
    """A body, what it suffers from, and its studies in order of time."""

    patient_id: str
    anatomy: Anatomy
    condition: str
    studies: tuple[Study, ...]


def sample_patient(index: int, seed: int = 0) -> Patient:
    """Draw patient number `index` (0-based) of the phantom population `seed`; it depends on these alone."""
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(index,)))
    names = list(CONDITIONS)
    condition = names[int(rng.choice(len(names), p=[CONDITIONS[name][0] for name in names]))]
    anatomy = sample_anatomy(rng)
    patient_id = f"P{index + 1:04d}"
    n_studies = 1 + int(rng.choice(4, p=[0.45, 0.28, 0.17, 0.10]))
    age = anatomy.age
    studies: list[Study] = []
    known: dict[str, list[Lesion]] = {}
    for number in range(n_studies):
        study = _sample_study(rng, f"{patient_id}_S{number + 1}", condition, age, known)
        age += float(rng.integers(0, 2))
        known = {name: [le for le in study.lesions if le.finding == name] for name in study.findings}
        studies.append(study)
    return Patient(patient_id, anatomy, condition, tuple(studies))


def _sample_study(
    rng: np.random.Generator, study_id: str, condition: str, age: float, known: dict[str, list[Lesion]]
) -> Study:
    _, bedside, chances = CONDITIONS[condition]
    ap = bool(rng.random() < bedside)
    lesions: list[Lesion] = []
    for finding in FINDINGS:
        chance = chances.get(finding, 0.004)
        # Bedside films are taken of the sicker: the view tells something of the disease, as in a hospital.
        chance = min(0.97, chance * (1.15 if ap else 0.88))
        if finding in known and finding in CHRONIC:
            lesions += [_progress(rng, lesion) for lesion in known[finding]]
        elif rng.random() < chance:
            earlier = known.get(finding)
            lesions += earlier if earlier and rng.random() < 0.5 else _new_lesions(rng, finding, ap)
    lateral = not ap and rng.random() < 0.20
    return Study(
        study_id=study_id,
        views=("AP",) if ap else ("PA", "LATERAL") if lateral else ("PA",),
        position="supine" if ap and rng.random() < 0.6 else "erect",
        age=age,
        lesions=tuple(lesions),
        devices=_sample_devices(rng, ap, condition, lesions),
        inspiration=float(np.clip(rng.normal(0.35 if ap else 0.65, 0.18), 0.0, 1.0)),
        seed=int(rng.integers(2**31)),
    )


def _progress(rng: np.random.Generator, lesion: Lesion) -> Lesion:
    severity = float(np.clip(lesion.severity + rng.normal(0.02, 0.06), 0.05, 1.0))
    return replace(lesion, severity=severity)


def _new_lesions(rng: np.random.Generator, finding: str, ap: bool) -> list[Lesion]:
    severity = float(np.clip(rng.beta(2.2, 1.6) + (0.08 if ap else 0.0), 0.05, 1.0))
    first = "right" if rng.random() < 0.53 else "left"
    if finding == "Cardiomegaly":
        sides = ["middle"]
    elif finding in ("Edema", "Emphysema"):
        sides = ["right", "left"]
    elif finding == "Nodule":
        sides = list(rng.choice(["right", "left"], size=1 + int(rng.random() < 0.3)))
    else:
        both = rng.random() < _RARELY_BILATERAL.get(finding, 0.0)
        sides = ["right", "left"] if both else [first]
    shared = finding in ("Edema", "Emphysema")
    return [
        Lesion(
            finding=finding,
            side=str(side),
            severity=severity if shared else float(np.clip(severity + rng.normal(0, 0.12), 0.05, 1.0)),
            place=_place(rng, finding),
            extent=float(rng.uniform(0.0, 1.0)),
            seed=int(rng.integers(2**31)),
        )
        for side in sides
    ]


def _place(rng: np.random.Generator, finding: str) -> tuple[float, float, float]:
    if finding == "Consolidation":
        return (
            float(rng.uniform(0.35, 0.65)),
            float(rng.choice([0.22, 0.26, 0.32, 0.65])),
            float(rng.random()),
        )
    if finding == "Atelectasis":
        return float(rng.uniform(0.35, 0.6)), float(rng.uniform(0.10, 0.3)), float(rng.uniform(0.4, 0.8))
    return float(rng.uniform(0.25, 0.8)), float(rng.uniform(0.22, 0.85)), float(rng.uniform(0.2, 0.8))


def _sample_devices(
    rng: np.random.Generator, ap: bool, condition: str, lesions: list[Lesion]
) -> tuple[str, ...]:
    ill = condition != "healthy"
    chances = {
        "endotracheal tube": 0.28 if ap and ill else 0.0,
        "nasogastric tube": 0.25 if ap and ill else 0.0,
        "central venous catheter": 0.40 if ap and ill else 0.03,
        "pacemaker": 0.16 if condition == "heart failure" else 0.02,
        "sternotomy wires": 0.6 if condition == "surgery" else 0.18 if condition == "heart failure" else 0.02,
        "surgical clips": 0.22 if condition in ("cancer", "surgery") else 0.04,
        "chest port": 0.22 if condition == "cancer" else 0.005,
        "monitor leads": 0.6 if ap else 0.03,
        "chest tube": 0.4 if any(le.finding == "Pneumothorax" for le in lesions) and ap else 0.0,
    }
    return tuple(name for name, chance in chances.items() if rng.random() < chance)
