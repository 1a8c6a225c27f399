"""`cxrneighbors predict-views`: fill the views that a study table lacks, by a small classifier."""

from __future__ import annotations

from pathlib import Path

import typer


def command(
    studies: Path = typer.Argument(..., help="A study table with images.", metavar="STUDIES"),
    out: Path = typer.Option(..., help="The completed study table to write (Parquet)."),
    classifier: Path | None = typer.Option(
        None, help="A view classifier's folder; by default one is trained on the rows of known view."
    ),
    model_out: Path | None = typer.Option(
        None, help="Folder for the trained classifier.  [<out's stem>-view-classifier beside --out]"
    ),
    least_probability: float = typer.Option(0.8, help="Below it a view stays UNKNOWN."),
    check_known: bool = typer.Option(
        False, "--check-known", help="Predict known views too and count those that look wrong."
    ),
    per_view: int = typer.Option(4000, min=10, help="Training images of each view at most."),
    epochs: int = typer.Option(20, min=1, help="Passes over the training images."),
    image_size: int = typer.Option(64, min=32, help="Pixels a side."),
    restart: bool = typer.Option(False, "--restart", help="Replace a training found in the model's folder."),
    seed: int = typer.Option(
        0, min=0, max=2**32 - 1, help="Seed of the choice of images, weights and order."
    ),
    device: str = typer.Option("auto", help="auto, cpu or cuda."),
) -> None:
    """Predict missing views; the columns view_predicted, view_probability and view_source say how."""
    from cxrneighbors.classifiers.views import complete_views, disagreements, train_view_classifier
    from cxrneighbors.cli.outputs import STUDIES, check_table
    from cxrneighbors.data.skipped import Skipped, write_skipped
    from cxrneighbors.data.tables import read_regions, read_table, write_regions, write_table
    from cxrneighbors.errors import UserError
    from cxrneighbors.progress import say

    if classifier is not None and (model_out is not None or restart):
        option = "--restart" if model_out is None else "--model-out"
        raise UserError(f"{option}: is for training, which --classifier stands in for; leave one out")
    check_table(out, STUDIES, [studies])
    table = read_table(studies)
    folder = classifier or model_out or out.with_name(f"{out.stem}-view-classifier")
    if classifier is None:
        metrics = train_view_classifier(
            table,
            folder,
            per_view=per_view,
            image_size=image_size,
            epochs=epochs,
            resume=not restart,
            seed=seed,
            device=device,
        )
        if count := metrics["test"]["n"]:
            print(f"accuracy on {count} images of other patients: {metrics['test']['accuracy']:.3f}")
    skipped = Skipped("predict-views")
    done = complete_views(
        table,
        folder,
        least_probability=least_probability,
        check_known=check_known,
        skipped=skipped,
        device=device,
    )
    write_table(done, out)
    write_regions(read_regions(studies), out)
    write_skipped(skipped, out.parent, f"predict-views {out.name}")
    before, after = ((part["view"] == "UNKNOWN").sum() for part in (table, done))
    say(f"{out}: {before - after} of {before} missing views filled in, {after} left UNKNOWN")
    if check_known:
        print(f"{len(disagreements(done))} known views look wrong (view_predicted differs, 0.95 or more)")
