"""`cxrneighbors train-lungs`: train the lung segmenter on films with masks."""

from __future__ import annotations

from pathlib import Path

import typer


def command(
    root: Path = typer.Argument(..., help="Folder with labels.csv, films and lung masks."),
    out: Path = typer.Option(..., help="Folder for weights, config, checkpoints and log."),
    epochs: int = typer.Option(100, help="Passes over the training films; early stop may end sooner."),
    image_size: int = typer.Option(128, help="Side at which the network looks, a multiple of 16."),
    width: int = typer.Option(12, help="Channels of the network's first level."),
    batch_size: int = typer.Option(16, help="Films a step."),
    seed: int = typer.Option(0, min=0, max=2**32 - 1, help="Seed of split, weights, order and augmentation."),
    device: str = typer.Option("auto", help="auto, cpu or cuda."),
) -> None:
    """Train a lung segmenter; an interrupted training goes on where it stopped."""
    from cxrneighbors.cli.outputs import refuse_inputs
    from cxrneighbors.lungs.training import train_lungs

    refuse_inputs(out, [root])
    train_lungs(
        root,
        out,
        epochs=epochs,
        batch_size=batch_size,
        image_size=image_size,
        width=width,
        seed=seed,
        device=device,
    )
    print(f"{out}: lung segmenter saved; give the folder as --lungs")
