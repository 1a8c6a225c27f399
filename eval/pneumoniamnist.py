"""Is the training loop sound? PneumoniaMNIST against the published ResNet-18 (accuracy 0.854, AUROC 0.944).

    python eval/pneumoniamnist.py pneumoniamnist.npz [--model small-cnn] [--epochs 20] [--image-size 32]

Paediatric X-rays of 28 x 28 pixels, normal or pneumonia, in the splits of the file (MedMNIST v2, Yang et
al. 2023, whose figures are on the 624 test images of the whole set: with a smaller file the comparison is
not exact). Images are brought to `--image-size`. The epoch is chosen by the loss on the validation images;
the test images are scored once. Goes on where an interrupted run stopped. Writes
eval/results/pneumoniamnist.json and .md.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from common.kept import trained_classifier
from common.markdown import document, table
from common.options import options, run
from common.results import write_results
from cxrneighbors.classifiers.quality.assess import assess
from cxrneighbors.classifiers.registry import build
from cxrneighbors.data.pixels import load_images
from cxrneighbors.data.schema import NO_FINDING, validate_studies

PUBLISHED = {"ResNet-18 (28), published": ("0.854", "0.944"), "ResNet-50 (28), published": ("0.854", "0.948")}
LABELS = [NO_FINDING, "Pneumonia"]


def unpack(npz: Path, folder: Path) -> pd.DataFrame:
    """One PNG an image, and the study table of them; every image counts as a patient, none are given."""
    rows = []
    with np.load(npz, allow_pickle=False) as arrays:
        for split in ("train", "val", "test"):
            (folder / split).mkdir(parents=True, exist_ok=True)
            for number, pixels in enumerate(arrays[f"{split}_images"]):
                path = folder / split / f"{number:04d}.png"
                if not path.is_file():
                    Image.fromarray(pixels).save(path)
                finding = LABELS[int(arrays[f"{split}_labels"][number, 0])]
                rows.append((f"{split}-{number:04d}", str(path), [finding], split))
    images = pd.DataFrame(rows, columns=["image_id", "path", "findings", "split"])
    return validate_studies(images.assign(patient_id=images["image_id"], dataset="pneumoniamnist"))


def without_leaks(studies: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Drop training and validation images that are, pixel by pixel, in the test or validation set too."""
    digests = [Path(path).read_bytes() for path in studies["path"]]
    rank = studies["split"].map({"test": 0, "val": 1, "train": 2})
    kept = studies[rank == rank.groupby(digests).transform("min")].reset_index(drop=True)
    return kept, len(studies) - len(kept)


def main(arguments: Sequence[str] | None = None) -> None:
    shared = ("--epochs", "--image-size", "--batch-size", "--seed", "--device", "--work", "--results")
    work = Path("build/eval/pneumoniamnist")
    parser = options(__doc__, *shared, epochs=20, image_size=32, batch_size=64, work=work)
    parser.add_argument("npz", type=Path)
    parser.add_argument("--model", default="small-cnn")
    parser.add_argument("--lr", type=float, default=1e-3)
    given = parser.parse_args(arguments)
    studies, dropped = without_leaks(unpack(given.npz, given.work / "images"))
    model = build(given.model, labels=LABELS, image_size=given.image_size, multi_label=False, seed=given.seed)
    settings = {"class_weights": "balanced", "schedule": "cosine", "augment": "light", "patience": 0}
    settings |= {"epochs": given.epochs, "batch_size": given.batch_size, "lr": given.lr, "seed": given.seed}
    out = given.work / f"{given.model}-{given.image_size}-{given.seed}"
    metrics = trained_classifier(model, studies, out, given.device, **settings)
    test = studies[studies["split"] == "test"]
    images, read = load_images(test["path"].tolist(), given.image_size)
    test = test.iloc[read]
    targets = np.array([LABELS.index(findings[0]) for findings in test["findings"]])
    result = assess(model.predict(images, device=given.device), targets, test["patient_id"].tolist(), LABELS)
    result |= {"auroc": metrics["test"]["auroc"]["Pneumonia"], "model": given.model, "dropped": dropped}
    result |= {key: metrics[key] for key in ("settings", "config", "best_epoch", "seconds_per_epoch")}
    write_results(given.results, "pneumoniamnist", result, markdown(result), device=given.device)


def markdown(result: dict[str, Any]) -> str:
    (low, high), size = result["accuracy_ci95"], result["config"]["image_size"]
    accuracy, auroc = f"{result['accuracy']:.3f} ({low:.3f} to {high:.3f})", f"{result['auroc']:.3f}"
    rows = [{"name": f"{result['model']}, {size} x {size}", "accuracy": accuracy, "auroc": auroc}]
    rows += [{"name": name, "accuracy": a, "auroc": b} for name, (a, b) in PUBLISHED.items()]
    columns = {"classifier": "{name}", "accuracy (95 % CI)": "{accuracy}", "AUROC:": "{auroc}"}
    about = (
        f"{result['n']} test images, of which {result['classes']['Pneumonia']['n']} pneumonia (the "
        f"published figures are on 624, of which 390); {result['dropped']} training or validation images "
        f"that are copies of a test or validation image were left out. Epoch {result['best_epoch']} chosen "
        f"by validation loss, one seed ({result['settings']['seed']}); class weights balanced, small shifts "
        "and exposures."
    )
    return document(table(columns, rows), about)


if __name__ == "__main__":
    run(main)
