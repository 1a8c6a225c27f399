"""`cxrneighbors encode`: images and reports become vectors on disk."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    import pandas as pd

    from cxrneighbors.encoders.base import TextEncoder


def command(
    studies: list[Path] = typer.Argument(
        ..., help="A study table; several are taken as one, in this order.", metavar="STUDIES..."
    ),
    out: Path = typer.Option(
        ...,
        help="Folder for the embeddings. An interrupted run resumes in it; of a table that has grown at its "
        "end only the new rows are encoded.",
    ),
    image_encoder: str | None = typer.Option(
        None,
        show_default="pca-centre, or none for a table without images",
        help="Folder of a saved encoder; classifier:DIR[:LAYER] (features, logits or probabilities); a "
        "transformers vision model by hub name or folder (rad-dino, dinov2, clip, siglip); torch:FILE; or "
        "pca, pca-half, pca-whitened, pca-centre, hog, pixels, efficientnet-lite0, efficientnet-lite2, none; "
        "'pca+hog': side by side.",
    ),
    lungs: Path | None = typer.Option(
        None, help="Folder of a lung segmenter (train-lungs): bend films to their lungs first."
    ),
    report_encoder: str | None = typer.Option(
        None,
        show_default="minilm, or none for a table without reports",
        help="sentence-transformers/transformers model name or folder, minilm, clinicalbert, tfidf, "
        "findings, none; 'minilm+findings': side by side.",
    ),
    adapt: bool = typer.Option(
        False,
        help="First adapt the report encoder's language model to the reports of split train, as "
        "train-report-encoder does; it is kept in OUT-report-encoder.",
    ),
    mask_labels: bool = typer.Option(
        False, help="Blank the words that name a finding before reading reports."
    ),
    mask_sentences: bool = typer.Option(
        False, help="Leave out every sentence that speaks of a finding before reading reports."
    ),
    engine: str = typer.Option("local", help="local or ray."),
    batch_size: int = typer.Option(64, help="Images or texts a step."),
    shard_size: int = typer.Option(1024, help="Rows a shard: what an interruption can lose."),
    device: str = typer.Option("auto", help="auto, cpu or cuda."),
) -> None:
    """Encode a study table, shard by shard."""
    from cxrneighbors.cli.outputs import refuse_inputs
    from cxrneighbors.data.combine import read_tables
    from cxrneighbors.encoders.defaults import default_encoders
    from cxrneighbors.encoders.encode import encode
    from cxrneighbors.encoders.registry import load_image_encoder
    from cxrneighbors.errors import UserError
    from cxrneighbors.progress import say

    refuse_inputs(out, [*studies, *(Path(name) for name in (image_encoder, report_encoder) if name)])
    table = read_tables(studies)
    image, report = default_encoders(table, image_encoder, report_encoder)
    if report in (None, "none") and (mask_labels or mask_sentences):
        option = "--mask-labels" if mask_labels else "--mask-sentences"
        raise UserError(f"{option}: no report is encoded; leave it out, or give a --report-encoder")
    embeddings = encode(
        table,
        image=load_image_encoder(image, device, lungs),
        report=_adapted(report, table, out, device) if adapt else report,
        out=out,
        mask_labels="sentences" if mask_sentences else mask_labels,
        engine=engine,
        batch_size=batch_size,
        shard_size=shard_size,
        device=device,
    )
    for modality, vectors in embeddings.vectors.items():
        say(f"{out}: {len(vectors)} {modality} vectors of {vectors.shape[1]} dimensions")


def _adapted(report: str, table: pd.DataFrame, out: Path, device: str) -> TextEncoder:
    from cxrneighbors.encoders.adapt import adapted_encoder

    return adapted_encoder(report, table, out.with_name(f"{out.name}-report-encoder"), device=device)
