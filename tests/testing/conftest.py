import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cxrneighbors.data.schema import validate_studies
from cxrneighbors.testing.mimic_tree import write_mimic_tree


def picture(seed, height=40, width=56):
    """A smooth 8-bit film with black, white and noise: uint8 (height, width)."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    grey = 127 + 90 * np.sin(x / 9 + seed) + 40 * np.cos(y / 7) + rng.normal(0, 8, (height, width))
    grey[:4], grey[-4:] = 0, 255
    return np.clip(grey, 0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def source(tmp_path_factory):
    """80 images of 20 patients in 40 studies, with views, findings, reports (one study in four has none)."""
    folder = tmp_path_factory.mktemp("films")
    rows = []
    findings = [["Effusion"], ["No Finding"], ["COVID-19", "Nodule"], ["Hernia"], []]
    for number in range(80):
        path = folder / f"{number}.png"
        Image.fromarray(picture(number)).save(path)
        patient, study = number // 4, number // 2
        rows.append(
            {
                "image_id": f"im{number}",
                "path": str(path),
                "patient_id": f"P{patient}",
                "study_id": f"S{study}",
                "view": ("PA", "LATERAL", "AP", "LATERAL")[number % 4] if number % 11 else "UNKNOWN",
                "position": "erect" if number % 4 < 2 else "supine",
                "sex": (None, "F", "M")[patient % 3],
                "age": {7: np.nan, 8: 95.0}.get(patient, 30.0 + 3 * patient) + study % 2,
                "findings": findings[study % 5],
                "report": None
                if study % 4 == 3
                else f"Seen on 3 May 2020. A 58-year-old man. Study {study}.",
                "sections": None,
                "split": ("train", "val", "test")[patient % 3],
                "dataset": "made",
            }
        )
    return validate_studies(pd.DataFrame(rows))


@pytest.fixture(scope="session")
def tree(source, tmp_path_factory):
    """(folder, TreeSummary) of the source in both forms."""
    out = tmp_path_factory.mktemp("tree") / "out"
    return out, write_mimic_tree(source, out)


@pytest.fixture
def joined(source, tree):
    """Import result -> its table beside the source's columns (`source_...`), row by row."""

    def join(studies):
        table = studies.merge(tree[1].ids, on=["image_id", "patient_id", "study_id"], validate="1:1")
        return table.merge(source.add_prefix("source_"), left_on="source_id", right_on="source_image_id")

    return join
