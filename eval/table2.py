"""Table II and Figure 3 of LIME-RAY: CNN-LSTM, AlexNet, ResNet101V2 and MobileNetV2 on four classes.

    python eval/table2.py DATA [--image-size 96] [--epochs 20] [--models cnn-lstm ...] [--device auto]

DATA: folder with `covid-chestxray` and `chestxray14-256`; or, with `--lime-ray`, the published data set
itself (train|val|test/CLASS). Without that the four classes are assembled: COVID-19 and other pneumonias of
covid-chestxray, normal films and pneumonias of ChestX-ray14, and phantoms. Real films of tuberculosis are
used where the tables have any; phantoms with nodules or masses stand in for them and are no tuberculosis.
Phantoms are among the normal films and the pneumonias too, so that being a phantom does not give the class
away.

All four go through `train_classifier` with the paper's Table I. Next to the paper's figures: intervals
with the patient as the unit, McNemar between models, calibration, and accuracy with the lungs masked out.
What is finished is not done again; an interrupted training goes on. Writes eval/results/table2.json and .md,
table2-confusion-MODEL.png and table2-reliability.png.
"""

from __future__ import annotations

import argparse
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from cxrneighbors.classifiers.four_classes import FOUR_CLASSES
from cxrneighbors.classifiers.parameter_counts import count_parameters
from cxrneighbors.classifiers.quality.assess import assess
from cxrneighbors.classifiers.quality.figures import class_name, confusion_png, reliability_png
from cxrneighbors.classifiers.quality.mcnemar import compare_models
from cxrneighbors.classifiers.quality.shortcut import shortcut_check
from cxrneighbors.classifiers.registry import build, load_classifier
from cxrneighbors.classifiers.training import train_classifier
from cxrneighbors.data.assemble import assemble, source_accuracy, source_counts
from cxrneighbors.data.imports import import_dataset
from cxrneighbors.data.pixels import load_images
from cxrneighbors.data.tables import read_table, write_table
from cxrneighbors.explain.lungs import find_lungs
from cxrneighbors.files import read_json, write_bytes_atomic, write_json_atomic, write_text_atomic
from cxrneighbors.progress import say

RESULTS = Path(__file__).parent / "results"
# Accuracy, precision, recall, F1 in percent, as the paper's Table II has them (on other data).
PAPER = {
    "alexnet": (85, 83, 82, 81),
    "resnet101v2": (89, 91, 88, 90),
    "mobilenetv2": (90, 93, 90, 91),
    "cnn-lstm": (94, 94, 94, 94),
}
NAMES = {
    "alexnet": "AlexNet",
    "resnet101v2": "ResNet101V2",
    "mobilenetv2": "MobileNetV2",
    "cnn-lstm": "CNN-LSTM",
}
OTHER_PNEUMONIAS = [
    "Pneumonia",
    "SARS",
    "Pneumocystis",
    "Streptococcus",
    "Mycoplasma Bacterial Pneumonia",
    "Varicella",
    "Lipoid",
    "Legionella",
    "E.Coli",
    "Influenza",
]
CLASSES = {
    "COVID-19": ["COVID-19"],
    "Tuberculosis": ["Tuberculosis", "phantom:Nodule", "phantom:Mass"],
    "Pneumonia": [*OTHER_PNEUMONIAS, "phantom:Consolidation"],
    "No Finding": ["No Finding"],
}


def main() -> None:
    given = parse_arguments()
    studies, notes = four_class_table(given)
    results: dict[str, Any] = {}
    for name in given.models:
        results[name] = train_and_score(name, studies, given)
    correct = {name: np.array(result.pop("correct"), dtype=bool) for name, result in results.items()}
    test = studies[studies["split"] == "test"]
    summary = {
        "image_size": given.image_size,
        "epochs": given.epochs,
        "seed": given.seed,
        "sources": source_counts(studies["findings"].str[0], studies["dataset"]).to_dict("index"),
        "splits": source_counts(studies["findings"].str[0], studies["split"]).to_dict("index"),
        "source_accuracy_test": source_accuracy(test["findings"].str[0], test["dataset"]),
        "notes": notes,
        "models": results,
        "mcnemar": compare_models(correct, results_patients(given, studies), seed=given.seed),
    }
    write_json_atomic(RESULTS / "table2.json", summary)
    for name, result in results.items():
        figure = confusion_png(np.array(result["confusion"]), FOUR_CLASSES, NAMES[name])
        write_bytes_atomic(RESULTS / f"table2-confusion-{name}.png", figure)
    write_bytes_atomic(
        RESULTS / "table2-reliability.png", reliability_png({NAMES[n]: r for n, r in results.items()})
    )
    text = markdown(summary)
    write_text_atomic(RESULTS / "table2.md", text)
    print(text)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--lime-ray", action="store_true", help="DATA is the published data set")
    parser.add_argument("--models", nargs="+", default=list(PAPER), choices=list(PAPER))
    parser.add_argument("--image-size", type=int, default=250)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--patience", type=int, default=0, help="epochs without a better loss; 0: never stop")
    parser.add_argument("--class-weights", default="balanced", choices=["none", "balanced"])
    parser.add_argument("--phantoms", type=int, default=240, help="phantom patients")
    parser.add_argument("--limit", type=int, default=150, help="images of a class from one data set")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads; 0: all")
    parser.add_argument("--work", type=Path, default=Path("build/eval/table2"))
    given = parser.parse_args()
    if given.threads:
        torch.set_num_threads(given.threads)
    return given


def four_class_table(given: argparse.Namespace) -> tuple[pd.DataFrame, list[str]]:
    """The study table, made once; and what is to be known of it."""
    path, notes_path = given.work / "studies.parquet", given.work / "notes.json"
    if not path.is_file():
        if given.lime_ray:
            result = import_dataset("lime-ray", given.data, splits="patients", seed=given.seed)
            studies, notes = result.studies, result.notes
        else:
            studies, notes = assembled(given)
        write_json_atomic(notes_path, notes)
        write_table(studies, path)
    return read_table(path), read_json(notes_path, remedy=f"delete {given.work}")


def assembled(given: argparse.Namespace) -> tuple[pd.DataFrame, list[str]]:
    sources = [
        ("covid-chestxray", given.data / "covid-chestxray"),
        ("chestxray14", given.data / "chestxray14-256"),
    ]
    tables = [import_dataset(name, root).studies for name, root in sources]
    phantoms = import_dataset("phantom", given.work / "phantoms", n_patients=given.phantoms, seed=given.seed)
    result = assemble([*tables, phantoms.studies], CLASSES, limit=given.limit, seed=given.seed)
    studies = result.studies
    real = int(((studies["findings"].str[0] == "Tuberculosis") & (studies["dataset"] != "phantom")).sum())
    stand_in = int((studies["findings"].str[0] == "Tuberculosis").sum()) - real
    notes = [
        f"{real} real films of tuberculosis; {stand_in} phantoms with nodules or masses stand in",
        *result.notes,
    ]
    return studies, notes


def results_patients(given: argparse.Namespace, studies: pd.DataFrame) -> list[str]:
    """Patients of the test images, in the order of the results."""
    _, rows = test_images(studies, given.image_size)
    return patients_of(rows)


def patients_of(rows: pd.DataFrame) -> list[str]:
    return (rows["dataset"] + "/" + rows["patient_id"]).tolist()


def test_images(studies: pd.DataFrame, size: int) -> tuple[np.ndarray, pd.DataFrame]:
    """Test images float32 (N, 1, size, size) and their rows."""
    rows = studies[studies["split"] == "test"].reset_index(drop=True)
    images, kept = load_images(rows["path"].tolist(), size)
    return images, rows.iloc[kept].reset_index(drop=True)


def train_and_score(name: str, studies: pd.DataFrame, given: argparse.Namespace) -> dict[str, Any]:
    """All figures of one network; read back where an equal run has finished."""
    out = given.work / f"{name}-{given.image_size}-{given.seed}"
    done = out / "table2.json"
    asked = {
        key: getattr(given, key) for key in ("epochs", "patience", "class_weights", "seed", "image_size")
    }
    if done.is_file():
        result = read_json(done, remedy=f"delete {done}")
        if result["asked"] == asked:
            say(f"{name}: finished already ({done})")
            return result
    options = {"labels": FOUR_CLASSES, "image_size": given.image_size, "seed": given.seed}
    model = build(name, **options)
    with torch.device("meta"):
        paper_size = count_parameters(build(name, 4)).keras
    counts = count_parameters(model)
    say(f"{name}: {counts.sentence()} at {given.image_size} pixels")
    metrics = train_classifier(
        model,
        studies,
        out,
        patience=given.patience,
        device=given.device,
        epochs=given.epochs,
        class_weights=given.class_weights,
        seed=given.seed,
    )
    result = {"asked": asked, "parameters": counts.keras, "parameters_at_250": paper_size}
    result |= {key: metrics[key] for key in ("epochs_run", "best_epoch", "seconds_per_epoch")}
    result |= score(out, studies, given)
    write_json_atomic(done, result)
    shutil.rmtree(out / "checkpoints", ignore_errors=True)  # 1 GB a network, of no use any more
    return result


def score(folder: Path, studies: pd.DataFrame, given: argparse.Namespace) -> dict[str, Any]:
    model = load_classifier(folder, device=given.device)
    images, rows = test_images(studies, given.image_size)
    targets = np.array([FOUR_CLASSES.index(findings[0]) for findings in rows["findings"]])
    judge = partial(assess, targets=targets, patients=patients_of(rows), labels=FOUR_CLASSES)
    whole: list[np.ndarray] = []

    def predict(films: np.ndarray) -> np.ndarray:
        whole.append(model.predict(films, batch_size=16, device=given.device))
        return whole[-1]

    check = shortcut_check(predict, images, judge, find_lungs)
    result = check.pop("whole")
    kept = ("accuracy", "accuracy_ci95", "recall", "f1", "confusion")
    shortcut = {part: {key: check[part][key] for key in kept} for part in ("lungs masked", "lungs only")}
    correct = (whole[0].argmax(1) == targets).tolist()
    return {**result, "shortcut": {**shortcut, "agreement": check["agreement"]}, "correct": correct}


def markdown(summary: dict[str, Any]) -> str:
    """Table II with what the paper leaves out, McNemar's table and what to know of the data."""
    lines = [
        "| architecture | accuracy % (95 % CI) | precision | recall | F1 | ECE | parameters, M (at 250 px) "
        "| s an epoch | accuracy, lungs masked | lungs only | paper's accuracy, other data |",
        "|---|---|---:|---:|---:|---:|---:|---:|---|---|---:|",
    ]
    for name, row in summary["models"].items():
        cells = [NAMES[name], percent(row["accuracy"], row["accuracy_ci95"])]
        cells += [f"{100 * row[key]:.1f}" for key in ("precision", "recall", "f1")]
        cells += [
            f"{row['ece']:.3f}",
            f"{row['parameters'] / 1e6:.2f} ({row['parameters_at_250'] / 1e6:.2f})",
        ]
        cells += ["-" if row["seconds_per_epoch"] is None else f"{row['seconds_per_epoch']:.0f}"]
        for part in ("lungs masked", "lungs only"):
            cells.append(percent(row["shortcut"][part]["accuracy"], row["shortcut"][part]["accuracy_ci95"]))
        lines.append("| " + " | ".join([*cells, str(PAPER[name][0])]) + " |")
    first = next(iter(summary["models"].values()))
    by_source, blind = summary["source_accuracy_test"]
    lines += [
        "",
        f"{first['n']} test images of {first['patients']} patients, {summary['image_size']} pixels a side, "
        f"at most {summary['epochs']} epochs, seed {summary['seed']}. The commonest class alone: "
        f"{blind:.0%}; who knows only the data set an image is from: {by_source:.0%}. Macro averages; "
        "parameters as Keras counts them.",
        "",
        *[f"- {note}" for note in summary["notes"]],
        "",
        "| class | " + " | ".join(next(iter(summary["sources"].values()))) + " | train | val | test |",
        "|---|" + "---:|" * (len(next(iter(summary["sources"].values()))) + 3),
    ]
    for label, counts in summary["sources"].items():
        parts = [summary["splits"][label].get(split, 0) for split in ("train", "val", "test")]
        lines.append(f"| {class_name(label)} | " + " | ".join(map(str, [*counts.values(), *parts])) + " |")
    if summary["mcnemar"]:
        lines += [
            "",
            "| pair | only first right | only second right | McNemar p (Holm) | by patient p (Holm) |",
        ]
        lines.append("|---|---:|---:|---:|---:|")
    for row in summary["mcnemar"]:
        p, by_patient = row["p_value_adjusted"], row["p_value_patients_adjusted"]
        pair = f"{NAMES[row['a']]} / {NAMES[row['b']]}"
        lines.append(f"| {pair} | {row['only_a']} | {row['only_b']} | {p:.4f} | {by_patient:.4f} |")
    return "\n".join(lines) + "\n"


def percent(value: float, interval: list[float]) -> str:
    return f"{100 * value:.1f} ({100 * interval[0]:.1f} to {100 * interval[1]:.1f})"


if __name__ == "__main__":
    main()
