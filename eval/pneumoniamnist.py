"""Is the training loop sound? PneumoniaMNIST against the published ResNet-18 (accuracy 0.854, AUROC 0.944).

    python eval/pneumoniamnist.py pneumoniamnist.npz [--model small-cnn] [--epochs 20] [--image-size 32]

Paediatric X-rays of 28 x 28 pixels, normal or pneumonia, in the splits of the file (MedMNIST v2, Yang et
al. 2023, whose figures are on the 624 test images of the whole set: with a smaller file the comparison is
not exact). Images are brought to `--image-size`. The epoch is chosen by the loss on the validation images;
the test images are scored once. Goes on where an interrupted run stopped. Writes
eval/results/pneumoniamnist.json and .md.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from cxrneighbors.classifiers.quality.assess import assess
from cxrneighbors.classifiers.registry import build, load_classifier
from cxrneighbors.classifiers.training import train_classifier
from cxrneighbors.data.pixels import load_images
from cxrneighbors.data.schema import NO_FINDING, validate_studies
from cxrneighbors.files import write_json_atomic, write_text_atomic

RESULTS = Path(__file__).parent / "results"
PUBLISHED = {"ResNet-18 (28), published": (0.854, 0.944), "ResNet-50 (28), published": (0.854, 0.948)}
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
    table = pd.DataFrame(rows, columns=["image_id", "path", "findings", "split"])
    return validate_studies(table.assign(patient_id=table["image_id"], dataset="pneumoniamnist"))


def without_leaks(studies: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Drop training and validation images that are, pixel by pixel, in the test or validation set too."""
    digests = [Path(path).read_bytes() for path in studies["path"]]
    table = studies.assign(digest=digests, rank=studies["split"].map({"test": 0, "val": 1, "train": 2}))
    first = table.groupby("digest")["rank"].transform("min")
    kept = table[table["rank"] == first].drop(columns=["digest", "rank"]).reset_index(drop=True)
    return kept, len(studies) - len(kept)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("npz", type=Path)
    parser.add_argument("--model", default="small-cnn")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--image-size", type=int, default=32)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--work", type=Path, default=Path("build/eval/pneumoniamnist"))
    given = parser.parse_args()
    studies, dropped = without_leaks(unpack(given.npz, given.work / "images"))
    out = given.work / f"{given.model}-{given.image_size}-{given.seed}"
    model = build(given.model, labels=LABELS, image_size=given.image_size, multi_label=False, seed=given.seed)
    settings = {"class_weights": "balanced", "schedule": "cosine", "augment": True, "patience": 0}
    settings |= {"epochs": given.epochs, "batch_size": given.batch_size, "lr": given.lr, "seed": given.seed}
    metrics = train_classifier(model, studies, out, device=given.device, **settings)
    test = studies[studies["split"] == "test"]
    images, kept = load_images(test["path"].tolist(), given.image_size)
    test = test.iloc[kept]
    targets = np.array([LABELS.index(findings[0]) for findings in test["findings"]])
    probabilities = load_classifier(out, device=given.device).predict(images, device=given.device)
    result = assess(probabilities, targets, test["patient_id"].tolist(), LABELS)
    result |= {"auroc": metrics["test"]["auroc"]["Pneumonia"], "model": given.model, "dropped": dropped}
    result |= {key: metrics[key] for key in ("settings", "config", "best_epoch", "seconds_per_epoch")}
    write_json_atomic(RESULTS / "pneumoniamnist.json", result)
    text = markdown(result)
    write_text_atomic(RESULTS / "pneumoniamnist.md", text)
    print(text)


def markdown(result: dict) -> str:
    low, high = result["accuracy_ci95"]
    lines = ["| classifier | accuracy (95 % CI) | AUROC |", "|---|---|---:|"]
    lines.append(
        f"| {result['model']}, {result['config']['image_size']} x {result['config']['image_size']} | "
        f"{result['accuracy']:.3f} ({low:.3f} to {high:.3f}) | {result['auroc']:.3f} |"
    )
    lines += [f"| {name} | {accuracy:.3f} | {auroc:.3f} |" for name, (accuracy, auroc) in PUBLISHED.items()]
    lines += [
        "",
        f"{result['n']} test images, of which {result['classes']['Pneumonia']['n']} pneumonia (the "
        f"published figures are on 624, of which 390); {result['dropped']} training or validation images "
        f"that are copies of a test or validation image were left out. Epoch {result['best_epoch']} chosen "
        f"by validation loss, one seed ({result['settings']['seed']}); class weights balanced, small shifts "
        "and exposures.",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
