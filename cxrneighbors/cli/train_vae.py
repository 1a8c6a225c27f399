"""`cxrneighbors train-vae`: train the image encoder on a study table."""

from __future__ import annotations

from pathlib import Path

import typer


def command(
    studies: list[Path] = typer.Argument(
        ..., help="One study table or several to train on.", metavar="STUDIES..."
    ),
    out: Path = typer.Option(..., help="Folder for weights, config, checkpoints, log and figure3.png."),
    latent_dim: int = typer.Option(60, help="Dimensions of the latent space."),
    epochs: int = typer.Option(
        30,
        help="Passes over the training images; early stop may end sooner. A finished one goes on to more.",
    ),
    image_size: int = typer.Option(224, help="Pixels a side, a multiple of 32."),
    aspect: str = typer.Option("pad", help="How films are made square: pad or crop (its centre)."),
    batch_size: int = typer.Option(32, help="Images a step."),
    all_splits: bool = typer.Option(
        False, help="Train on every row, not on split == 'train' alone: when other patients are scored."
    ),
    metric: str = typer.Option(
        "latent", help="How codes are compared: latent (the paper's), picture, or balanced between them."
    ),
    lungs: Path | None = typer.Option(
        None, help="Folder of a lung segmenter (train-lungs): bend films to their lungs first."
    ),
    seed: int = typer.Option(0, min=0, max=2**32 - 1, help="Seed of weights, order and augmentation."),
    device: str = typer.Option("auto", help="auto, cpu or cuda."),
    devices: int = typer.Option(
        1, min=1, help="GPUs, or processes on a CPU, that share each batch of --batch-size images."
    ),
) -> None:
    """Train the variational autoencoder; an interrupted training goes on where it stopped."""
    from cxrneighbors.cli.outputs import refuse_inputs
    from cxrneighbors.data.combine import read_tables
    from cxrneighbors.encoders.lung_framed import LungFramed
    from cxrneighbors.encoders.vae import VAE
    from cxrneighbors.lungs import LungSegmenter

    refuse_inputs(out, [*studies, *([] if lungs is None else [lungs])])
    table = read_tables(studies)
    if all_splits:
        table = table.assign(split="train")
    vae = VAE(latent_dim=latent_dim, image_size=image_size, aspect=aspect, metric=metric)
    encoder = vae if lungs is None else LungFramed(vae, LungSegmenter.load(lungs, device))
    encoder.fit(
        table, out=out, epochs=epochs, batch_size=batch_size, seed=seed, device=device, devices=devices
    )
    drawn = out / "figure3.png" if lungs is None else out / "encoder" / "figure3.png"
    print(f"{out}: encoder saved; original and reconstruction in {drawn}")
