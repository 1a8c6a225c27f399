"""`cxrneighbors demo`: the main job, end to end, on generated phantoms."""

from __future__ import annotations

from pathlib import Path

import typer


def command(
    out: Path = typer.Option(Path("demo-output"), help="Folder for everything the demo makes."),
    patients: int = typer.Option(480, help="Phantom patients."),
    epochs: int = typer.Option(12, help="VAE epochs."),
    image_size: int = typer.Option(224, help="Pixels a side."),
    seed: int = typer.Option(0, min=0, max=2**32 - 1, help="Seed of everything."),
) -> None:
    """Generate phantom X-rays with reports, train, encode, index, evaluate, explain; say where pages are."""
    from cxrneighbors.demo import run_demo

    run_demo(out, patients=patients, epochs=epochs, image_size=image_size, seed=seed)
