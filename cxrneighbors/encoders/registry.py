"""Encoders by name or folder: what the command line's --image-encoder and --report-encoder take."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cxrneighbors.encoders.base import read_config
from cxrneighbors.errors import UserError, choose

IMAGE_NAMES = ("pca", "pca-whitened", "pixels", "none")
DEFAULT_REPORT_ENCODER = "minilm"


def load_image_encoder(spec: str | Path | None, device: str = "auto") -> Any | None:
    """The image encoder named by `spec`: 'pca', 'pca-whitened' (not fitted), 'pixels', 'none', a folder."""
    if spec is None or spec == "none":
        return None
    if spec in ("pca", "pca-whitened"):
        from cxrneighbors.encoders.pca import PCAEncoder

        return PCAEncoder(whiten=spec == "pca-whitened")
    if spec == "pixels":
        from cxrneighbors.encoders.pixels import PixelEncoder

        return PixelEncoder()
    if not Path(spec).is_dir():
        raise UserError(
            f"image encoder {str(spec)!r}: no such folder; give a folder that an encoder was saved to, "
            f"or one of: {', '.join(IMAGE_NAMES)}"
        )
    encoder = load_encoder_folder(spec, device)
    if not hasattr(encoder, "image_size"):
        raise UserError(
            f"image encoder {str(spec)!r}: holds report encoder {encoder.name!r}; give an image encoder"
        )
    return encoder


def load_report_encoder(spec: str | Path | None, device: str = "auto") -> Any | None:
    """The report encoder named by `spec`: 'tfidf' (not fitted), 'none', 'minilm', a hub name, a folder.

    A folder holds either an encoder saved by this package or a sentence-transformers or transformers model.
    """
    if spec is None or spec == "none":
        return None
    if spec == "tfidf":
        from cxrneighbors.encoders.tfidf import TfidfEncoder

        return TfidfEncoder()
    if is_encoder_folder(spec):
        encoder = load_encoder_folder(spec, device)
        if hasattr(encoder, "image_size"):
            raise UserError(
                f"report encoder {str(spec)!r}: holds image encoder {encoder.name!r}; give a report encoder"
            )
        return encoder
    from cxrneighbors.encoders.report_encoder import ReportEncoder

    return ReportEncoder(str(spec), device=device)


def load_encoder_folder(folder: str | Path, device: str = "auto") -> Any:
    """Read any encoder that its `save` wrote, by the kind in config.json."""
    kind = choose(
        "encoder kind", str(read_config(folder)["encoder"]), ("vae", "pca", "pixels", "tfidf", "report")
    )
    if kind == "vae":
        from cxrneighbors.encoders.vae import VAE

        return VAE.load(folder, device=device)
    if kind == "pca":
        from cxrneighbors.encoders.pca import PCAEncoder

        return PCAEncoder.load(folder)
    if kind == "pixels":
        from cxrneighbors.encoders.pixels import PixelEncoder

        return PixelEncoder.load(folder)
    if kind == "tfidf":
        from cxrneighbors.encoders.tfidf import TfidfEncoder

        return TfidfEncoder.load(folder)
    from cxrneighbors.encoders.report_encoder import ReportEncoder

    return ReportEncoder.load(folder, device=device)


def is_encoder_folder(spec: str | Path) -> bool:
    """Whether `spec` is a folder that an encoder of this package was saved to (no language model's own)."""
    path = Path(spec) / "config.json"
    if not path.is_file():
        return False
    try:
        read_config(spec)
    except UserError:
        return False
    return True
