"""Trees of the published shape of CheXpert, PadChest and VinDr-CXR, from any study table: for tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from cxrneighbors.csv_text import csv_text
from cxrneighbors.data.mimic.labels import label_names
from cxrneighbors.data.pixels import read_pixels
from cxrneighbors.data.schema import NO_FINDING
from cxrneighbors.files import write_text_atomic
from cxrneighbors.testing.dicom_file import Encoding, write_dicom

# CheXpert's columns in their order.
_OBSERVATIONS = (
    NO_FINDING, "Enlarged Cardiomediastinum", "Cardiomegaly", "Lung Opacity", "Lung Lesion", "Edema",
    "Consolidation", "Pneumonia", "Atelectasis", "Pneumothorax", "Pleural Effusion", "Pleural Other",
    "Fracture", "Support Devices",
)  # fmt: skip
_VINDR = (
    "Aortic enlargement", "Atelectasis", "Calcification", "Cardiomegaly", "Clavicle fracture",
    "Consolidation", "Edema", "Emphysema", "Enlarged PA", "ILD", "Infiltration", "Lung Opacity",
    "Lung cavity", "Lung cyst", "Mediastinal shift", "Nodule/Mass", "Pleural effusion", "Pleural thickening",
    "Pneumothorax", "Pulmonary fibrosis", "Rib fracture", "Other lesion", "COPD", "Lung tumor", "Pneumonia",
    "Tuberculosis", "Other diseases", "No finding",
)  # fmt: skip
_VINDR_NAMES = {
    NO_FINDING: "No finding", "Effusion": "Pleural effusion", "Pleural_Thickening": "Pleural thickening",
    "Fibrosis": "Pulmonary fibrosis", "Mass": "Nodule/Mass", "Nodule": "Nodule/Mass",
}  # fmt: skip
_PADCHEST_NAMES = {
    NO_FINDING: "normal", "Effusion": "pleural effusion", "Pleural_Thickening": "pleural thickening",
    "Mass": "pulmonary mass", "Edema": "pulmonary edema", "Infiltration": "infiltrates",
}  # fmt: skip


def write_chexpert(studies: pd.DataFrame, out: str | Path) -> pd.DataFrame:
    """Write `out/CheXpert-v1.0-small` with the films of splits train and val; the labels as in the tables.

    Of the labels that a film lacks the first is 0, the second -1 and the others are blank.
    """
    root = Path(out) / "CheXpert-v1.0-small"
    names = label_names()
    known = {finding: observation for observation, finding in names["names"].items()} | names["written_as"]
    rows: list[dict[str, object]] = []
    numbers = {patient: place for place, patient in enumerate(dict.fromkeys(studies["patient_id"]), start=1)}
    for row in studies.to_dict("records"):
        folder = "valid" if row["split"] == "val" else "train"
        side = "Lateral" if row["view"] == "LATERAL" else "Frontal"
        count = sum(
            numbers[row["patient_id"]] == numbers[other] for other in studies["patient_id"][: len(rows)]
        )
        name = f"{folder}/patient{numbers[row['patient_id']]:05d}/study{count + 1}/view1_{side.lower()}.jpg"
        _save(read_pixels(row["path"]), root / name, 8)
        present = {known[finding] for finding in row["findings"] if finding in known}
        absent = [label for label in _OBSERVATIONS[1:] if label not in present]
        values = dict.fromkeys(present, "1.0") | {absent[0]: "0.0", absent[1]: "-1.0"}
        rows.append(
            {
                "Path": f"{root.name}/{name}",
                "Sex": {"F": "Female", "M": "Male"}.get(row["sex"], "Unknown"),
                "Age": "0" if pd.isna(row["age"]) else str(int(row["age"])),
                "Frontal/Lateral": side,
                "AP/PA": row["view"] if side == "Frontal" else "",
                **{label: values.get(label, "") for label in _OBSERVATIONS},
            }
        )
    table = pd.DataFrame(rows)
    for folder in ("train", "valid"):
        part = table[table["Path"].str.contains(f"/{folder}/")]
        write_text_atomic(root / f"{folder}.csv", csv_text(part))
    return table


def write_padchest(studies: pd.DataFrame, out: str | Path) -> pd.DataFrame:
    """Write the label table and 16-bit PNGs in folders 0, 1, ... of `out`; the labels as in the table."""
    root = Path(out)
    rows: list[dict[str, object]] = []
    for place, row in enumerate(studies.to_dict("records")):
        name, folder = f"{10**20 + place}_{place:02d}-{place:03d}.png", str(place % 3)
        _save(read_pixels(row["path"]), root / folder / name, 16)
        labels = [_PADCHEST_NAMES.get(finding, finding.lower()) for finding in row["findings"]]
        lying = row["view"] == "AP" and row["position"] == "supine"
        rows.append(
            {
                "": place,
                "ImageID": name,
                "ImageDir": folder,
                "StudyDate_DICOM": "20140915",
                "StudyID": f"s{row['study_id']}",
                "PatientID": f"p{row['patient_id']}",
                "PatientBirth": "" if pd.isna(row["age"]) else 2014 - int(row["age"]),
                "PatientSex_DICOM": row["sex"] or "O",
                "ViewPosition_DICOM": "",
                "Projection": "AP_horizontal" if lying else {"LATERAL": "L"}.get(row["view"], row["view"]),
                "MethodProjection": "Manual review of DICOM fields",
                "ReportID": 4765777 + place,
                "Report": "sin hallazg relev . ",
                "MethodLabel": ("Physician", "RNN_model")[place % 2],
                "Labels": str(labels),
            }
        )
    table = pd.DataFrame(rows)
    write_text_atomic(root / "PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv", csv_text(table))
    return table


def write_vindr(studies: pd.DataFrame, regions: pd.DataFrame, out: str | Path) -> pd.DataFrame:
    """Write `annotations`, `train` and `test` below `out`: films as DICOM, splits train and val as train.

    All three radiologists of a train film agree, but the third, who finds nothing anywhere; the boxes are the
    first radiologist's. Returns ids: `source_id`, `image_id`.
    """
    root, ids = Path(out), {}
    labels: dict[str, list[dict[str, object]]] = {"train": [], "test": []}
    boxes: dict[str, list[dict[str, object]]] = {"train": [], "test": []}
    for place, row in enumerate(studies.to_dict("records")):
        split, image = ("test" if row["split"] == "test" else "train"), f"{place:032x}"
        ids[row["image_id"]] = image
        about = {"PatientSex": row["sex"] or "", "PatientAge": f"{int(row['age']):03d}Y"}
        encoding = Encoding("uncompressed", ("MONOCHROME1", "MONOCHROME2")[place % 2], 12, "window")
        pixels = read_pixels(row["path"])
        (root / split).mkdir(parents=True, exist_ok=True)
        write_dicom(root / split / f"{image}.dicom", pixels, encoding, f"2.25.{place + 1}", about)
        named = {_VINDR_NAMES.get(finding, finding) for finding in row["findings"]}
        found = {label: int(label in named) for label in _VINDR}
        nothing = {label: int(label == "No finding") for label in _VINDR}
        readers = [("R1", found), ("R2", found), ("R3", nothing)] if split == "train" else [("", found)]
        labels[split] += [
            {"image_id": image, **({"rad_id": name} if name else {}), **votes} for name, votes in readers
        ]
        for box in regions[regions["image_id"] == row["image_id"]].to_dict("records"):
            corners = {"x_min": box["x"], "y_min": box["y"]}
            corners |= {"x_max": box["x"] + box["width"], "y_max": box["y"] + box["height"]}
            label = _VINDR_NAMES.get(box["finding"], box["finding"])
            boxes[split].append({"image_id": image, "rad_id": "R1", "class_name": label, **corners})
        if NO_FINDING in row["findings"]:
            boxes[split].append({"image_id": image, "rad_id": "R1", "class_name": "No finding"})
    for split in ("train", "test"):
        write_text_atomic(
            root / "annotations" / f"image_labels_{split}.csv", csv_text(pd.DataFrame(labels[split]))
        )
        write_text_atomic(
            root / "annotations" / f"annotations_{split}.csv", csv_text(pd.DataFrame(boxes[split]))
        )
    return pd.DataFrame({"source_id": list(ids), "image_id": list(ids.values())})


def _save(pixels: np.ndarray, path: Path, bits: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    stored = np.rint(pixels * (2**bits - 1)).astype(np.uint8 if bits == 8 else np.uint16)
    Image.fromarray(stored).save(path)
