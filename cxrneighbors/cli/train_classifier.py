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
        "(efficientnet-lite0 and -lite2, packaged), from a folder it wrote or from an encoder's folder "
        "with the same backbone.",
    ),
    new_head: bool = typer.Option(False, "--new-head", help="Leave the last layer of --weights out."),
    labels: str | None = typer.Option(
        None, help="Findings to tell apart, comma-separated; default: CheXNet's 14, else those of the table."
    ),
    no_finding: bool = typer.Option(
        False,
        "--no-finding",
        help="'No Finding' is a label too: recommended for an encoder (classifier:DIR).",
    ),
    epochs: int | None = typer.Option(
        None,
        min=0,
        help="Passes over the training images; 0 scores --weights as it is.  [10; LIME-RAY's: 20; "
        "EfficientNet-Lite: 6]",
    ),
    batch_size: int | None = typer.Option(None, min=1, help="Images a step.  [32; LIME-RAY's: 16]"),
    lr: float | None = typer.Option(
        None, help="Greatest learning rate.  [1e-3; LIME-RAY's: 3e-4; EfficientNet-Lite: 6e-4]"
    ),
    image_size: int | None = typer.Option(
        None, help="Pixels a side; default: the model's own. For small films, such as of 128 pixels, theirs."
    ),
    crop: str | None = typer.Option(None, help="CheXNet's field of view: center, none or ten."),
    optimiser: str | None = typer.Option(
        None, help="adam, adamw or sgd.  [adam; EfficientNet-Lite: adamw, weight decay 0.05]"
    ),
    schedule: str | None = typer.Option(
        None,
        help="Learning rate: constant, plateau, cosine or one-cycle.  "
        "[constant; EfficientNet-Lite: one-cycle]",
    ),
    average: float | None = typer.Option(
        None,
        help="Validate and keep a moving average of the weights with this decay a step; 0: the weights.  "
        "[0; EfficientNet-Lite: 0.998]",
    ),
    mixup: float | None = typer.Option(
        None,
        min=0,
        help="Alpha by which pairs of training films and labels are blended; 0: none.  "
        "[0; EfficientNet-Lite: 0.4]",
    ),
    keep: str | None = typer.Option(None, help="Weights to keep: best (by validation loss) or last.  [best]"),
    overlap: float | None = typer.Option(
        None,
        help="Weight of a second loss by which films lie near each other as they share findings, for a "
        "classifier that is to be an encoder (classifier:DIR); 0.1 was tried.  [0]",
    ),
    class_weights: str = typer.Option("none", help="none, or balanced to weigh rare labels up."),
    augment: str | None = typer.Option(
        None,
        help="How much training images are shifted, turned and re-exposed: none, light or strong.  "
        "[light; LIME-RAY's: none; EfficientNet-Lite: strong]",
    ),
    flip: bool | None = typer.Option(
        None,
        "--flip/--no-flip",
        help="Mirror training images too, as CheXNet's authors did.  [off; EfficientNet-Lite: on]",
    ),
    patience: int | None = typer.Option(
        None,
        min=0,
        help="Epochs without a better validation loss before stopping; 0: never.  [5; EfficientNet-Lite: 0]",
    ),
    precision: str | None = typer.Option(
        None,
        help="auto (mixed on a GPU), float32, or bfloat16: mixed on a CPU too, where that is faster.  [auto]",
    ),
    restart: bool = typer.Option(False, "--restart", help="Replace a training found in --out."),
    seed: int = typer.Option(
        0, min=0, max=2**32 - 1, help="Seed of weights, order, augmentation and splits."
    ),
    device: str = typer.Option("auto", help="auto, cpu or cuda."),
    devices: int = typer.Option(
        1, min=1, help="GPUs, or processes on a CPU, that share each batch of --batch-size images."
    ),
) -> None:
    """Train a classifier; an interrupted training goes on where it stopped."""
    from cxrneighbors.classifiers.parameter_counts import count_parameters
    from cxrneighbors.classifiers.starting import starting_model
    from cxrneighbors.classifiers.training import describe, train_classifier
    from cxrneighbors.cli.outputs import refuse_inputs
    from cxrneighbors.data.combine import read_tables
    from cxrneighbors.errors import UserError
    from cxrneighbors.progress import say

    if new_head and weights is None:
        raise UserError("--new-head: leaves the last layer of --weights out; give --weights too")
    refuse_inputs(out, [*studies, *([] if weights is None else [Path(weights)])])
    table = read_tables(studies)
    names = [name.strip() for name in labels.split(",") if name.strip()] if labels else None
    options: dict[str, Any] = {"image_size": image_size, "crop": crop}
    given = {name: value for name, value in options.items() if value is not None}
    start: dict[str, Any] = {"new_head": new_head, "no_finding": no_finding, "seed": seed, **given}
    classifier = starting_model(model, table, names, weights, **start)
    # What is not asked for is the model's own (`training_defaults`).
    settings: dict[str, Any] = {"epochs": epochs, "batch_size": batch_size, "lr": lr, "optimiser": optimiser}
    settings |= {"schedule": schedule, "average": average, "augment": augment, "flip": flip}
    settings |= {"patience": patience, "overlap": overlap, "keep": keep, "mixup": mixup}
    settings["precision"] = precision
    asked = {name: value for name, value in settings.items() if value is not None}
    say(f"{model}: {count_parameters(classifier).sentence()}")
    metrics = train_classifier(
        classifier,
        table,
        out,
        **asked,
        class_weights=class_weights,
        resume=not restart,
        seed=seed,
        device=device,
        devices=devices,
    )
    print(describe(metrics))
    print(
        f"{out}: classifier saved after epoch {metrics['best_epoch']}; all figures in {out / 'metrics.json'}"
    )
