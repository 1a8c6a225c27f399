"""Table II and Figure 3 of LIME-RAY: CNN-LSTM, AlexNet, ResNet101V2 and MobileNetV2 on four classes.

    python eval/table2.py DATA [--image-size 96] [--epochs 20] [--models cnn-lstm ...] [--device auto]

DATA: folder with `covid-chestxray` and `chestxray14-256`; or, with `--lime-ray`, the published data set
itself (train|val|test/CLASS), its own splits, with source and patient of each film where sources.csv says
them; results are then called table2-lime-ray. Without that the four classes are assembled: COVID-19 and other
pneumonias of covid-chestxray, normal films and pneumonias of ChestX-ray14, and phantoms. Real films of
tuberculosis are used where the tables have any; phantoms with nodules or masses stand in for them and are no
tuberculosis. Phantoms are among the normal films and the pneumonias too, so that being a phantom does not
give the class away.

All four go through `train_classifier` with the paper's Table I. Next to the paper's figures: intervals
with the patient as the unit, McNemar between models, calibration, and accuracy with the lungs masked out.
What is finished is not done again; an interrupted training goes on. Writes eval/results/table2.json and .md,
table2-confusion-MODEL.png and table2-reliability.png; and to the work folder, for it shows films of the data
sets, report.html, the same on one page, with the figures for print in figures/.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from common.kept import kept, trained_classifier
from common.markdown import document, table
from common.options import options, run
from common.results import write_results
from cxrneighbors.classifiers.four_classes import FOUR_CLASSES
from cxrneighbors.classifiers.parameter_counts import count_parameters
from cxrneighbors.classifiers.quality.assess import assess
from cxrneighbors.classifiers.quality.figures import class_name
from cxrneighbors.classifiers.quality.mcnemar import compare_models
from cxrneighbors.classifiers.quality.shortcut import shortcut_check
from cxrneighbors.classifiers.registry import build
from cxrneighbors.data.assemble import assemble, source_accuracy, source_counts
from cxrneighbors.data.imports import import_dataset
from cxrneighbors.data.pixels import load_images
from cxrneighbors.data.tables import read_table, write_table
from cxrneighbors.files import write_bytes_atomic
from cxrneighbors.lungs.rule import find_lungs
from cxrneighbors.lungs.segmenter import LungSegmenter
from cxrneighbors.progress import say
from encoder_films import lime_ray
from table2_page import NAMES, PAPER, figure_set, show_films, write_page

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
SPLITS = ("train", "val", "test")
TABLE = ("data", "lime_ray", "phantoms", "limit", "seed")  # options that decide the study table
TRAINING = ("image_size", "epochs", "patience", "class_weights", "lungs", "precision")


def main(arguments: Sequence[str] | None = None) -> None:
    given = parse(arguments)
    studies, notes = four_class_table(given)
    test = test_images(studies, given.image_size)
    results: dict[str, dict[str, Any]] = {}
    for name in given.models:
        score = partial(train_and_score, name, studies, test, given)
        results[name] = kept(folder_of(name, given) / "table2.json", asked(given, TABLE + TRAINING), score)
    correct = {name: np.array(row.pop("correct")) for name, row in results.items()}
    classes, tested = studies["findings"].str[0], studies["split"] == "test"
    summary = {
        "image_size": given.image_size,
        "epochs": given.epochs,
        "seed": given.seed,
        "sources": source_counts(classes, studies["dataset"]).to_dict("index"),
        "splits": source_counts(classes, studies["split"]).to_dict("index"),
        "source_accuracy_test": source_accuracy(classes[tested], studies["dataset"][tested]),
        "notes": notes,
        "models": results,
        "mcnemar": compare_models(correct, test.patients, seed=given.seed),
    }
    title = "table2-lime-ray" if given.lime_ray else "table2"
    write_results(given.results, title, summary, markdown(summary), device=given.device)
    figures = figure_set(summary)
    for stem in (*(f"confusion-{name}" for name in results), "reliability"):
        write_bytes_atomic(given.results / f"{title}-{stem}.png", figures[f"{stem}-1col.png"])
    films = show_films(test.images, test.targets, test.sources, correct)
    say(f"{write_page(given.work / 'page', summary, figures, films)}: written")


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    shared = ("data", "--image-size", "--epochs", "--seed", "--device", "--work", "--results")
    parser = options(__doc__, *shared, image_size=250, epochs=20, work=Path("build/eval/table2"))
    parser.add_argument("--lime-ray", action="store_true", help="DATA is the published data set")
    parser.add_argument("--models", nargs="+", default=list(PAPER), choices=list(PAPER))
    parser.add_argument("--patience", type=int, default=0, help="epochs without a better loss; 0: never stop")
    parser.add_argument("--class-weights", default="balanced", choices=["none", "balanced"])
    parser.add_argument("--precision", default="auto", help="of trainings: auto, float32 or bfloat16")
    parser.add_argument("--phantoms", type=int, default=240, help="phantom patients")
    parser.add_argument("--limit", type=int, default=150, help="images of a class from one data set")
    parser.add_argument("--lungs", type=Path, help="folder written by train-lungs; else lungs by a rule")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads; 0: all")
    given = parser.parse_args(arguments)
    if given.threads:
        torch.set_num_threads(given.threads)
    return given


def four_class_table(given: argparse.Namespace) -> tuple[pd.DataFrame, list[str]]:
    """The study table, made once; and what is to be known of it."""
    path = given.work / "studies.parquet"

    def make() -> list[str]:
        make_table = published if given.lime_ray else assembled
        studies, notes = make_table(given)
        write_table(studies, path)
        return notes

    notes = kept(given.work / "notes.json", asked(given, TABLE), make)
    return read_table(path), notes


def asked(given: argparse.Namespace, names: Sequence[str]) -> dict[str, str]:
    return {name: str(getattr(given, name)) for name in names}


def folder_of(network: str, given: argparse.Namespace) -> Path:
    return Path(given.work / f"{network}-{given.image_size}-{given.seed}")


def published(given: argparse.Namespace) -> tuple[pd.DataFrame, list[str]]:
    studies = lime_ray(given.data)
    return studies.assign(dataset=studies["source"]), []


def assembled(given: argparse.Namespace) -> tuple[pd.DataFrame, list[str]]:
    sources = {"covid-chestxray": "covid-chestxray", "chestxray14": "chestxray14-256"}
    tables = [import_dataset(name, given.data / folder).studies for name, folder in sources.items()]
    phantoms = import_dataset("phantom", given.work / "phantoms", n_patients=given.phantoms, seed=given.seed)
    result = assemble([*tables, phantoms.studies], CLASSES, limit=given.limit, seed=given.seed)
    tuberculosis = result.studies[result.studies["findings"].str[0] == "Tuberculosis"]
    stand_in = int((tuberculosis["dataset"] == "phantom").sum())
    real = len(tuberculosis) - stand_in
    note = f"{real} real films of tuberculosis; {stand_in} phantoms with nodules or masses stand in"
    return result.studies, [note, *result.notes]


@dataclass(frozen=True)
class TestImages:
    """images: float32 (N, 1, H, W) in [0, 1]; targets: int (N,), classes; patients, sources: N keys."""

    images: np.ndarray
    targets: np.ndarray
    patients: list[str]
    sources: np.ndarray


def test_images(studies: pd.DataFrame, size: int) -> TestImages:
    rows = studies[studies["split"] == "test"]
    images, read = load_images(rows["path"].tolist(), size)
    rows = rows.iloc[read]
    targets = np.array([FOUR_CLASSES.index(findings[0]) for findings in rows["findings"]])
    patients = (rows["dataset"] + "/" + rows["patient_id"]).tolist()
    return TestImages(images, targets, patients, rows["dataset"].to_numpy())


def train_and_score(
    name: str, studies: pd.DataFrame, test: TestImages, given: argparse.Namespace
) -> dict[str, Any]:
    """All figures of one network; 'correct': which test images it names rightly."""
    model = build(name, labels=FOUR_CLASSES, image_size=given.image_size, seed=given.seed)
    with torch.device("meta"):
        paper_size = count_parameters(build(name, 4)).keras
    counts = count_parameters(model)
    say(f"{name}: {counts.sentence()} at {given.image_size} pixels")
    metrics = trained_classifier(
        model,
        studies,
        folder_of(name, given),
        given.device,
        patience=given.patience,
        epochs=given.epochs,
        class_weights=given.class_weights,
        precision=given.precision,
        seed=given.seed,
    )
    predict = partial(model.predict, batch_size=16, device=given.device)
    judge = partial(assess, targets=test.targets, patients=test.patients, labels=FOUR_CLASSES)
    check = shortcut_check(predict, test.images, judge, lungs_of(test.images, given))
    shown = ("accuracy", "accuracy_ci95", "recall", "f1", "confusion")
    shortcut = {part: {key: check[part][key] for key in shown} for part in ("lungs masked", "lungs only")}
    result: dict[str, Any] = {"parameters": counts.keras, "parameters_at_250": paper_size}
    result |= {key: metrics[key] for key in ("epochs_run", "best_epoch", "seconds_per_epoch")}
    result |= {**check["whole"], "shortcut": {**shortcut, "agreement": check["agreement"]}}
    correct = predict(test.images).argmax(1) == test.targets
    result["within_sources"] = {
        source: {
            "n": int((test.sources == source).sum()),
            "accuracy": float(correct[test.sources == source].mean()),
        }
        for source in sorted(set(test.sources))
        if len(set(test.targets[test.sources == source])) > 1
    }
    return result | {"correct": correct.tolist()}


def lungs_of(images: np.ndarray, given: argparse.Namespace) -> np.ndarray:
    """Right and left lung by --lungs, or by the rule: bool (N, 2, H, W)."""
    if given.lungs is None:
        return np.stack([find_lungs(image[0]) for image in images])
    found = LungSegmenter.load(given.lungs, given.device).find(images)
    say(found.summary())
    return found.masks


def markdown(summary: dict[str, Any]) -> str:
    """Table II with what the paper leaves out, McNemar's table and what to know of the data."""
    first = next(iter(summary["models"].values()))
    by_source, blind = summary["source_accuracy_test"]
    about = (
        f"{first['n']} test images of {first['patients']} patients, {summary['image_size']} pixels a side, "
        f"at most {summary['epochs']} epochs, seed {summary['seed']}. The commonest class alone: "
        f"{blind:.0%}; who knows only the data set an image is from: {by_source:.0%}. Macro averages; "
        "parameters as Keras counts them. Beyond the source: of the accuracy above the commonest class, the "
        "part above who knows the source; within a source: among its films alone, if of several classes."
    )
    notes = "\n".join(f"- {note}" for note in summary["notes"])
    blocks = [networks_table(summary["models"], by_source, blind), about, notes, classes_table(summary)]
    if summary["mcnemar"]:
        blocks.append(pairs_table(summary["mcnemar"]))
    return document(*blocks)


def networks_table(models: dict[str, dict[str, Any]], by_source: float, blind: float) -> str:
    """'Beyond the source': of what accuracy is above the commonest class, the part above the source's own."""
    accuracy = "{{{0}[accuracy]:.1p}} ({{{0}[accuracy_ci95][0]:.1p}} to {{{0}[accuracy_ci95][1]:.1p}})"
    columns = {
        "architecture": "{name}",
        "accuracy % (95 % CI)": accuracy.format("whole"),
        "precision:": "{precision:.1p}",
        "recall:": "{recall:.1p}",
        "F1:": "{f1:.1p}",
        "ECE:": "{ece:.3f}",
        "parameters, M (at 250 px):": "{millions:.2f} ({millions_at_250:.2f})",
        "s an epoch:": "{seconds}",
        "accuracy, lungs masked": accuracy.format("shortcut[lungs masked]"),
        "lungs only": accuracy.format("shortcut[lungs only]"),
        "beyond the source:": "{beyond:.0%}",
        "within a source": "{within}",
        "paper's accuracy, other data:": "{paper}",
    }
    rows = []
    for name, row in models.items():
        seconds = row["seconds_per_epoch"]
        derived = {"name": NAMES[name], "paper": PAPER[name], "millions": row["parameters"] / 1e6}
        derived["millions_at_250"] = row["parameters_at_250"] / 1e6
        derived["whole"] = row
        gained = row["accuracy"] - blind
        derived["beyond"] = max(0.0, row["accuracy"] - by_source) / gained if gained > 0 else 0.0
        within = row["within_sources"].items()
        derived["within"] = ", ".join(f"{name} {found['accuracy']:.0%}" for name, found in within) or "-"
        rows.append(row | derived | {"seconds": "-" if seconds is None else f"{seconds:.0f}"})
    return table(columns, rows)


def classes_table(summary: dict[str, Any]) -> str:
    """Images of each class by data set and by split."""
    sources = next(iter(summary["sources"].values()))
    columns = {"class": "{class}"} | {f"{name}:": f"{{{name}}}" for name in (*sources, *SPLITS)}
    rows = [
        {"class": class_name(label), **dict.fromkeys(SPLITS, 0), **counts, **summary["splits"][label]}
        for label, counts in summary["sources"].items()
    ]
    return table(columns, rows)


def pairs_table(tests: list[dict[str, Any]]) -> str:
    columns = {
        "pair": "{first} / {second}",
        "only first right:": "{only_a}",
        "only second right:": "{only_b}",
        "McNemar p (Holm):": "{p_value_adjusted:.4f}",
        "by patient p (Holm):": "{p_value_patients_adjusted:.4f}",
    }
    return table(columns, [row | {"first": NAMES[row["a"]], "second": NAMES[row["b"]]} for row in tests])


if __name__ == "__main__":
    run(main)
