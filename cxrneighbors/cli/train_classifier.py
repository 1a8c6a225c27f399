"""`cxrneighbors train-classifier`: train or fine-tune a classifier on a study table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer


def command(
    studies: list[Path] = typer.Argument(..., help="One study table or several.", metavar="STUDIES..."),
    model: str = typer.Option(
        "chexnet",
        help="chexnet, efficientnet-lite0, efficientnet-lite2, cnn-lstm, alexnet, resnet101v2, mobilenetv2 "
        "or small-cnn.",
    ),
    out: Path = typer.Option(..., help="Folder for the weights, metrics.json, history.csv and checkpoints."),
    weights: Path | None = typer.Option(
        None,
        help="Start from a published checkpoint (chexnet, resnet101v2, mobilenetv2), from 'imagenet' "
        "(efficientnet-lite0 and -lite2, packaged) or from a folder it wrote.",
    ),
    new_head: bool = typer.Option(False, "--new-head", help="Leave the last layer of --weights out."),
    labels: str | None = typer.Option(
        None, help="Findings to tell apart, comma-separated; default: CheXNet's 14, else those of the table."
    ),
    epochs: int | None = typer.Option(
        None,
        min=0,
        help="Passes over the training images; 0 scores --weights as it is.  [10; LIME-RAY's: 20]",
    ),
    batch_size: int | None = typer.Option(None, min=1, help="Images a step.  [32; LIME-RAY's: 16]"),
    lr: float | None = typer.Option(None, help="Learning rate.  [1e-3; LIME-RAY's: 3e-4]"),
    image_size: int | None = typer.Option(None, help="Pixels a side; default: the model's own."),
    crop: str | None = typer.Option(None, help="CheXNet's field of view: center, none or ten."),
    optimiser: str = typer.Option("adam", help="adam, adamw or sgd."),
    schedule: str = typer.Option("constant", help="Learning rate: constant, plateau or cosine."),
    class_weights: str = typer.Option("none", help="none, or balanced to weigh rare labels up."),
    augment: bool | None = typer.Option(
        None,
        "--augment/--no-augment",
        help="Shift, turn and re-expose training images a little.  [on; LIME-RAY's: off]",
    ),
    flip: bool = typer.Option(False, "--flip", help="Mirror training images too, as CheXNet's authors did."),
    patience: int = typer.Option(
        5, help="Epochs without a better validation loss before stopping; 0: never."
    ),
    restart: bool = typer.Option(False, "--restart", help="Replace a training found in --out."),
    seed: int = typer.Option(0, help="Seed of weights, order, augmentation and splits."),
    device: str = typer.Option("auto", help="auto, cpu or cuda."),
) -> None:
    """Train a classifier; an interrupted training goes on where it stopped."""
    from cxrneighbors.classifiers.parameter_counts import count_parameters
    from cxrneighbors.classifiers.starting import starting_model
    from cxrneighbors.classifiers.training import describe, train_classifier
    from cxrneighbors.data.combine import read_tables
    from cxrneighbors.progress import say

    table = read_tables(studies)
    names = [name.strip() for name in labels.split(",") if name.strip()] if labels else None
    options: dict[str, Any] = {"image_size": image_size, "crop": crop}
    given = {name: value for name, value in options.items() if value is not None}
    classifier = starting_model(model, table, names, weights, new_head=new_head, seed=seed, **given)
    # What is not asked for is the model's own: LIME-RAY's networks follow the paper's Table I.
    settings: dict[str, Any] = {"epochs": epochs, "batch_size": batch_size, "lr": lr, "augment": augment}
    asked = {name: value for name, value in settings.items() if value is not None}
    say(f"{model}: {count_parameters(classifier).sentence()}")
    metrics = train_classifier(
        classifier,
        table,
        out,
        **asked,
        optimiser=optimiser,
        schedule=schedule,
        class_weights=class_weights,
        flip=flip,
        patience=patience,
        resume=not restart,
        seed=seed,
        device=device,
    )
    print(describe(metrics))
    say(f"{out}: classifier saved after epoch {metrics['best_epoch']}; all figures in {out / 'metrics.json'}")
