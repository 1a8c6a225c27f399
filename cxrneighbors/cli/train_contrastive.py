"""`cxrneighbors train-contrastive`: train an image encoder on films without labels."""

from __future__ import annotations

from pathlib import Path

import typer


def command(
    studies: list[Path] = typer.Argument(
        ..., help="One study table or several to train on.", metavar="STUDIES..."
    ),
    out: Path = typer.Option(..., help="Folder for weights, config, checkpoints and log."),
    positives: str = typer.Option(
        "film", help="What is to be alike: two views of one film, or also of two films of one patient."
    ),
    backbone: str = typer.Option(
        "efficientnet-lite0", help="efficientnet-lite0 or -lite2 (from ImageNet weights), or small-cnn."
    ),
    epochs: int = typer.Option(14, help="Passes over the training images; 0 keeps the starting weights."),
    image_size: int = typer.Option(128, help="Pixels a side of a film as it is read."),
    view_size: int = typer.Option(96, help="Pixels a side of what the network sees of it, at least 32."),
    aspect: str = typer.Option("pad", help="How films are made square: pad or crop (its centre)."),
    dim: int | None = typer.Option(None, help="Keep so many principal components of the features."),
    batch_size: int = typer.Option(64, help="Images a step."),
    all_splits: bool = typer.Option(
        False, help="Train on every row, not on split == 'train' alone: when other patients are scored."
    ),
    lungs: Path | None = typer.Option(
        None, help="Folder of a lung segmenter (train-lungs): cut films to their lungs."
    ),
    seed: int = typer.Option(0, min=0, max=2**32 - 1, help="Seed of order and views."),
    device: str = typer.Option("auto", help="auto, cpu or cuda."),
) -> None:
    """Train an image encoder by momentum contrast; an interrupted training goes on where it stopped."""
    from cxrneighbors.cli.outputs import refuse_inputs
    from cxrneighbors.data.combine import read_tables
    from cxrneighbors.encoders.contrastive import ContrastiveEncoder
    from cxrneighbors.encoders.lung_framed import LungFramed
    from cxrneighbors.lungs import LungSegmenter

    refuse_inputs(out, [*studies, *([] if lungs is None else [lungs])])
    table = read_tables(studies)
    if all_splits:
        table = table.assign(split="train")
    # A lung frame leaves out the film's margin itself.
    own = ContrastiveEncoder(
        backbone=backbone,
        image_size=image_size,
        view_size=view_size,
        aspect=aspect,
        frame=0.9 if lungs is None else 1.0,
        dim=dim,
    )
    encoder = own if lungs is None else LungFramed(own, LungSegmenter.load(lungs, device))
    encoder.fit(
        table,
        out=out,
        epochs=epochs,
        batch_size=batch_size,
        positives=positives,
        seed=seed,
        device=device,
    )
    print(f"{out}: encoder saved")
