"""Encoders by name or folder: what the command line's --image-encoder and --report-encoder take."""

from __future__ import annotations

from pathlib import Path

from cxrneighbors import encoders
from cxrneighbors.encoders.base import NOUN, ImageEncoder, TextEncoder, is_image_encoder
from cxrneighbors.errors import UserError, choose
from cxrneighbors.models import read_config

IMAGE_NAMES = ("pca", "pca-whitened", "pixels", "none")
DEFAULT_REPORT_ENCODER = "minilm"
# The public class behind a kind in config.json, imported when it is used.
KINDS = {
    "vae": "VAE",
    "pca": "PCAEncoder",
    "pixels": "PixelEncoder",
    "tfidf": "TfidfEncoder",
    "report": "ReportEncoder",
    "projected-image": "ProjectedImageEncoder",
    "projected-report": "ProjectedReportEncoder",
}


def load_image_encoder(spec: ImageEncoder | str | Path | None, device: str = "auto") -> ImageEncoder | None:
    """The image encoder named by `spec`: 'pca', 'pca-whitened' (not fitted), 'pixels', 'none', a folder.

    An encoder is returned as it is.
    """
    if spec is None or spec == "none":
        return None
    if not isinstance(spec, str | Path):
        return spec
    if spec in ("pca", "pca-whitened"):
        return encoders.PCAEncoder(whiten=spec == "pca-whitened")
    if spec == "pixels":
        return encoders.PixelEncoder()
    if not Path(spec).is_dir():
        raise UserError(
            f"image encoder {str(spec)!r}: no such folder; give a folder that an encoder was saved to, "
            f"or one of: {', '.join(IMAGE_NAMES)}"
        )
    encoder = load_encoder_folder(spec, device)
    if not is_image_encoder(encoder):
        raise UserError(
            f"image encoder {str(spec)!r}: holds report encoder {encoder.name!r}; give an image encoder"
        )
    return encoder


def load_report_encoder(spec: TextEncoder | str | Path | None, device: str = "auto") -> TextEncoder | None:
    """The report encoder named by `spec`: 'tfidf' (not fitted), 'none', 'minilm', a hub name, a folder.

    A folder holds either an encoder saved by this package or a sentence-transformers or transformers model.
    An encoder is returned as it is.
    """
    if spec is None or spec == "none":
        return None
    if not isinstance(spec, str | Path):
        return spec
    if spec == "tfidf":
        return encoders.TfidfEncoder()
    try:
        read_config(spec, NOUN)
    except UserError:  # a language model's own folder, or the name of one
        return encoders.ReportEncoder(str(spec), device=device)
    encoder = load_encoder_folder(spec, device)
    if is_image_encoder(encoder):
        raise UserError(
            f"report encoder {str(spec)!r}: holds image encoder {encoder.name!r}; give a report encoder"
        )
    return encoder


def load_encoder_folder(folder: str | Path, device: str = "auto") -> ImageEncoder | TextEncoder:
    """Read any encoder that its `save` wrote, by the kind in config.json."""
    kind = choose("encoder kind", str(read_config(folder, NOUN)[NOUN]), list(KINDS))
    encoder: ImageEncoder | TextEncoder = getattr(encoders, KINDS[kind]).load(folder, device)
    return encoder
