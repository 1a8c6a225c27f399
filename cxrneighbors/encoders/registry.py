"""Encoders by name or folder: what the command line's --image-encoder and --report-encoder take."""

from __future__ import annotations

import importlib
from pathlib import Path

from cxrneighbors.encoders.base import NOUN, ImageEncoder, TextEncoder, is_image_encoder
from cxrneighbors.errors import UserError, choose
from cxrneighbors.models import read_config

IMAGE_NAMES = ("pca", "pca-whitened", "pixels", "none")
DEFAULT_REPORT_ENCODER = "minilm"
# Kind in config.json: (module, class). Not imported before it is used.
KINDS = {
    "vae": ("cxrneighbors.encoders.vae", "VAE"),
    "pca": ("cxrneighbors.encoders.pca", "PCAEncoder"),
    "pixels": ("cxrneighbors.encoders.pixels", "PixelEncoder"),
    "tfidf": ("cxrneighbors.encoders.tfidf", "TfidfEncoder"),
    "report": ("cxrneighbors.encoders.report_encoder", "ReportEncoder"),
}


def load_image_encoder(spec: str | Path | None, device: str = "auto") -> ImageEncoder | None:
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
    if not is_image_encoder(encoder):
        raise UserError(
            f"image encoder {str(spec)!r}: holds report encoder {encoder.name!r}; give an image encoder"
        )
    return encoder


def load_report_encoder(spec: str | Path | None, device: str = "auto") -> TextEncoder | None:
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
        if is_image_encoder(encoder):
            raise UserError(
                f"report encoder {str(spec)!r}: holds image encoder {encoder.name!r}; give a report encoder"
            )
        return encoder
    from cxrneighbors.encoders.report_encoder import ReportEncoder

    return ReportEncoder(str(spec), device=device)


def load_encoder_folder(folder: str | Path, device: str = "auto") -> ImageEncoder | TextEncoder:
    """Read any encoder that its `save` wrote, by the kind in config.json."""
    module, name = KINDS[choose("encoder kind", str(read_config(folder, NOUN)[NOUN]), list(KINDS))]
    encoder: ImageEncoder | TextEncoder = getattr(importlib.import_module(module), name).load(folder, device)
    return encoder


def is_encoder_folder(spec: str | Path) -> bool:
    """Whether `spec` is a folder that an encoder of this package was saved to (no language model's own)."""
    try:
        read_config(spec, NOUN)
    except UserError:
        return False
    return True
