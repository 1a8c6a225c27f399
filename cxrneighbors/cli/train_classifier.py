"""`cxrneighbors train-classifier`: train or fine-tune a classifier on a study table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer


def command(
    studies: list[Path] = typer.Argument(..., help="One study table or several.", metavar="STUDIES..."),
    model: str = typer.Option("chexnet", help="chexnet or small-cnn."),
    out: Path = typer.Option(..., help="Folder for the weights, metrics.json, history.csv and checkpoints."),
    weights: Path | None = typer.Option(
        None, help="Start from a CheXNet/DenseNet-121 checkpoint or from a folder of this command."
    ),
    new_head: bool = typer.Option(False, "--new-head", help="Leave the last layer of --weights out."),
    labels: str | None = typer.Option(
        None, help="Findings to tell apart, comma-separated; default: CheXNet's 14, else those of the table."
    ),
    epochs: int = typer.Option(
        10, min=0, help="Passes over the training images; 0 scores --weights as it is."
    ),
    batch_size: int = typer.Option(32, min=1, help="Images a step."),
    lr: float = typer.Option(1e-3, help="Learning rate."),
    image_size: int | None = typer.Option(None, help="Pixels a side; default: the model's own."),
    crop: str | None = typer.Option(None, help="CheXNet's field of view: center, none or ten."),
    optimiser: str = typer.Option("adam", help="adam, adamw or sgd."),
    schedule: str = typer.Option("constant", help="Learning rate: constant, plateau or cosine."),
    class_weights: str = typer.Option("none", help="none, or balanced to weigh rare labels up."),
    augment: bool = typer.Option(True, help="Shift, turn and re-expose training images a little."),
    flip: bool = typer.Option(False, "--flip", help="Mirror training images too, as CheXNet's authors did."),
    patience: int = typer.Option(
        5, help="Epochs without a better validation loss before stopping; 0: never."
    ),
    restart: bool = typer.Option(False, "--restart", help="Replace a training found in --out."),
    seed: int = typer.Option(0, help="Seed of weights, order, augmentation and splits."),
    device: str = typer.Option("auto", help="auto, cpu or cuda."),
) -> None:
    """Train a classifier; an interrupted training goes on where it stopped."""
    from cxrneighbors.classifiers.starting import starting_model
    from cxrneighbors.classifiers.training import describe, train_classifier
    from cxrneighbors.data.combine import read_tables
    from cxrneighbors.progress import say

    table = read_tables(studies)
    names = [name.strip() for name in labels.split(",") if name.strip()] if labels else None
    options: dict[str, Any] = {"image_size": image_size, "crop": crop}
    given = {name: value for name, value in options.items() if value is not None}
    classifier = starting_model(model, table, names, weights, new_head=new_head, seed=seed, **given)
    metrics = train_classifier(
        classifier,
        table,
        out,
        epochs=epochs,
        batch_size=batch_size,
        lr=lr,
        optimiser=optimiser,
        schedule=schedule,
        class_weights=class_weights,
        augment=augment,
        flip=flip,
        patience=patience,
        resume=not restart,
        seed=seed,
        device=device,
    )
    print(describe(metrics))
    say(f"{out}: classifier saved after epoch {metrics['best_epoch']}; all figures in {out / 'metrics.json'}")
