"""`cxrneighbors train-report-encoder`: adapt a language model to the reports of a study table."""

from __future__ import annotations

from pathlib import Path

import typer


def command(
    studies: list[Path] = typer.Argument(..., help="One study table or several.", metavar="STUDIES..."),
    base: str = typer.Option(
        "minilm",
        help="Model to start from: minilm, clinicalbert, a name on the Hugging Face hub, or a folder.",
    ),
    out: Path = typer.Option(..., help="Folder for the adapted model; encode --report-encoder takes it."),
    objective: str = typer.Option(
        "sections",
        help="sections (findings against impression), simcse (dropout), tsdae (rebuild damaged text) or "
        "statements (the labeler's findings, sides and opposites).",
    ),
    epochs: int = typer.Option(2, help="Passes over the training reports."),
    batch_size: int = typer.Option(64, help="Reports a step; the others of a batch are the negatives."),
    lr: float | None = typer.Option(None, help="Peak learning rate; default: the objective's own."),
    max_tokens: int = typer.Option(128, help="Texts are cut there while training."),
    all_splits: bool = typer.Option(
        False, help="Train on every row, not on split == 'train' alone: when other patients are scored."
    ),
    seed: int = typer.Option(0, min=0, max=2**32 - 1, help="Seed of order, dropout and damage."),
    device: str = typer.Option("auto", help="auto, cpu or cuda."),
) -> None:
    """Adapt a report encoder to reports, without labels; an interrupted training goes on where it stopped."""
    from cxrneighbors.cli.outputs import refuse_inputs
    from cxrneighbors.data.combine import read_tables
    from cxrneighbors.encoders.report_training import train_report_encoder

    refuse_inputs(out, [*studies, Path(base)])
    table = read_tables(studies)
    if all_splits:
        table = table.assign(split="train")
    encoder = train_report_encoder(
        table,
        base=base,
        out=out,
        objective=objective,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=lr,
        max_tokens=max_tokens,
        seed=seed,
        device=device,
    )
    print(f"{out}: {encoder.dim}-dimensional report encoder saved; use it with encode --report-encoder {out}")
