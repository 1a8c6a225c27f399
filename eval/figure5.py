"""Figure 5 of "Modifying LIME for Medical Images" on a data set: do nearest neighbours share its findings?

    python eval/figure5.py DATASET ROOT [--train DATASET ROOT]... [--name NAME]

Without --train the encoders learn from the data set's own train split and its test split is scored. With
--train they learn from other data sets only (patients of ROOT removed), and every patient of ROOT is scored.
Writes eval/results/NAME.json and NAME-figure5.png and renews the table eval/results/figure5.md. Pictures
and texts of patients stay in the work folder.
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import shutil
import time
from pathlib import Path
from typing import Any

import pandas as pd

from cxrneighbors.data.combine import combine_studies, without_patients_of
from cxrneighbors.data.imports import import_dataset
from cxrneighbors.data.schema import has_text
from cxrneighbors.encoders.encode import encode
from cxrneighbors.encoders.vae import VAE
from cxrneighbors.evaluation.evaluate import evaluate_overlap
from cxrneighbors.evaluation.summary_text import summary_lines
from cxrneighbors.files import write_json_atomic, write_text_atomic
from cxrneighbors.index.neighbor_index import NeighborIndex
from cxrneighbors.progress import say

RESULTS = Path(__file__).parent / "results"


def main() -> None:
    arguments = parse_arguments()
    name = arguments.name or f"{arguments.dataset}-{Path(arguments.root).name}"
    work = Path(arguments.work) / name
    started = time.perf_counter()
    imported = import_dataset(arguments.dataset, arguments.root)
    studies = imported.studies
    say(f"{name}: {len(studies)} images, {imported.skipped.summary()}")
    training, targets = training_table(studies, arguments.train)
    image_encoder = trained_vae(training, work, arguments) if studies["path"].notna().any() else "none"
    report_encoder = arguments.report_encoder if has_text(studies["report"]).any() else "none"
    embeddings = encode(studies, image=image_encoder, report=report_encoder, out=work / "embeddings")
    index = NeighborIndex.build(embeddings, studies)
    index.save(work / "index")
    # Beside the paper's distance between latent means: the one that minds what they change in the picture.
    others = (
        {"vae-balanced": encode(studies, image=image_encoder.with_metric("balanced"))}
        if isinstance(image_encoder, VAE)
        else {}
    )
    result = evaluate_overlap(
        index,
        k=arguments.k,
        targets=targets,
        definition=arguments.definition,
        train_studies=training,
        others=others,
    )
    result.write(work / "evaluation")
    summary = result.summary | {
        "dataset": arguments.dataset,
        "sample": Path(arguments.root).name,
        "encoders_trained_on": "its own train split"
        if targets
        else [Path(pair[1]).name for pair in arguments.train],
        "n_training_images": len(training[training["split"] == "train"]),
        "seconds": round(time.perf_counter() - started, 1),
        "machine": f"{platform.machine()}, Python {platform.python_version()}",
    }
    say(summary_lines(summary))
    write_json_atomic(RESULTS / f"{name}.json", summary)
    shutil.copyfile(work / "evaluation" / "figure5.png", RESULTS / f"{name}-figure5.png")
    write_text_atomic(RESULTS / "figure5.md", markdown_table(RESULTS))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dataset")
    parser.add_argument("root")
    parser.add_argument("--train", nargs=2, action="append", default=[], metavar=("DATASET", "ROOT"))
    parser.add_argument("--name", help="name of the result files; DATASET-FOLDER by default")
    parser.add_argument("--report-encoder", default="minilm")
    parser.add_argument("--definition", default="any")
    parser.add_argument("-k", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--work", default="build/eval", help="folder for weights, embeddings and pages")
    return parser.parse_args()


def training_table(studies: pd.DataFrame, others: list[list[str]]) -> tuple[pd.DataFrame, str | None]:
    """What the encoders learn from, and which targets are then scored."""
    if not others:
        return studies, "split == 'test'"
    tables = [import_dataset(dataset, root).studies for dataset, root in others]
    table = without_patients_of(combine_studies(tables), studies)
    # The test rows of the other data sets train too: none of their patients is scored here.
    return table.assign(split=table["split"].replace("test", "train")), None


def trained_vae(training: pd.DataFrame, work: Path, arguments: argparse.Namespace) -> VAE:
    vae = VAE(latent_dim=60, image_size=arguments.image_size)
    vae.fit(training, out=work / "vae", epochs=arguments.epochs, seed=arguments.seed, device=arguments.device)
    vae.save(work / "vae")
    return vae


def markdown_table(folder: Path) -> str:
    """All results of the folder in one table: overlap against random choice, in per cent.

    'exchanged': the lift that is left on average when findings are exchanged between patients with equally
    many films; p is about what goes beyond it.
    """
    lines = [
        "| data | encoders trained on | targets | method | overlap | random | lift (95 % CI) | exchanged | p "
        "| Holm |",
        "|---|---|---:|---|---:|---:|---|---:|---:|---:|",
    ]
    for path in sorted(folder.glob("*.json")):
        summary: dict[str, Any] = json.loads(path.read_text())
        if "methods" not in summary or "sample" not in summary:
            continue
        trained = summary["encoders_trained_on"]
        trained = trained if isinstance(trained, str) else ", ".join(trained)
        for method, row in summary["methods"].items():
            low, high = (math.nan if bound is None else 100 * bound for bound in row["lift_ci95"])
            lines.append(
                f"| {path.stem} | {trained} | {row.get('n_targets', summary['n_targets'])} | {method} "
                f"| {row['mean_overlap']:.1%} | {row['random_overlap']:.1%} "
                f"| {100 * row['lift']:+.1f} ({low:+.1f} to {high:+.1f}) "
                f"| {100 * row['null_mean_lift']:+.1f} "
                f"| {row['p_value']:.4f} | {row['p_value_adjusted']:.4f} |"
            )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
